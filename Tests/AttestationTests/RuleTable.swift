import Testing

@testable import Attestation

/// For each rule of the DCAP algorithm and of the policy: evidence that is good but for this rule.
enum RuleTable {
  struct Case {
    let what: String
    let outcome: Verdict.Outcome
    let verdict: () throws -> Verdict

    init(_ what: String, _ outcome: Verdict.Outcome, _ verdict: @escaping () throws -> Verdict) {
      self.what = what
      self.outcome = outcome
      self.verdict = verdict
    }

    /// Evidence made to order, with one thing changed.
    init(
      _ what: String, _ outcome: Verdict.Outcome = .refusedByVerification,
      of evidence: MadeEvidence = MadeEvidence(), at time: Timestamp = MadeEvidence.time,
      _ change: @escaping (inout MadeEvidence) -> Void
    ) {
      self.init(what, outcome) {
        var evidence = evidence
        change(&evidence)
        return try evidence.verdict(at: time)
      }
    }
  }

  static func cases(of rule: Rule) -> [Case] {
    quote(rule) + pckChain(rule) + collateral(rule) + crls(rule) + documents(rule)
      + quotingEnclave(rule) + levels(rule) + policy(rule) + tdPolicy(rule) + ratls(rule)
  }
}

@Suite("Every rule decides alone somewhere")
struct RuleTableTests {
  /// A new rule fails here until the table has a case for it.
  @Test("a case where only this rule is broken", arguments: Rule.allCases)
  func alone(_ rule: Rule) throws {
    let cases = RuleTable.cases(of: rule)
    #expect(!cases.isEmpty, "the rule \(rule) has no test")
    for one in cases {
      let verdict = try one.verdict()
      let text = Comment(rawValue: "\(one.what)\n\(verdict.text)")
      // `tcbStatus` repeats the first step that did not pass.
      let broken = verdict.steps.filter { $0.id != .tcbStatus }.flatMap(\.rules)
      #expect(Set(broken) == [rule], text)
      #expect(verdict.outcome == one.outcome, text)
      #expect(!verdict.isAccepted, text)
      let isVerified = one.outcome == .refusedByPolicy
      if isVerified { #expect(verdict.status != nil, text) }
      #expect(!verdict.reasons.isEmpty, text)
    }
  }

  @Test("the unchanged evidence breaks none") func none() throws {
    for evidence in [MadeEvidence(), .td(), .td(version15: true)] {
      let verdict = try evidence.verdict()
      #expect(verdict.isAccepted && verdict.steps.allSatisfy { $0.rules.isEmpty })
    }
  }
}
