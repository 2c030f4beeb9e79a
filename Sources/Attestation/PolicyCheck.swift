import Crypto

/// The policy's steps for one piece of verified evidence. Every rule is checked, also after one
/// has failed, so that a person sees at once all there is to change.
struct PolicyCheck {
  let policy: Policy
  let evidence: Evidence
  let time: Timestamp
  let context: PolicyContext

  private(set) var steps: [Step] = []
  private(set) var warnings: [String] = []

  /// What is wrong in one step: each rule that is broken, with its reason.
  typealias Broken = [(rule: Rule, reason: String)]

  /// A step of several rules, passed when none is broken.
  mutating func step(_ id: Step.ID, _ broken: Broken, _ good: String) {
    steps.append(
      Step(
        id: id, outcome: broken.isEmpty ? .passed : .refused, rules: broken.map(\.rule),
        reason: broken.isEmpty ? good : broken.map(\.reason).joined(separator: "; ")))
  }

  /// A step of one rule.
  mutating func step(
    _ id: Step.ID, _ rule: Rule, _ passed: Bool, _ good: String, else bad: String
  ) {
    step(id, passed ? [] : [(rule, bad)], good)
  }

  mutating func refuse(_ id: Step.ID, _ rule: Rule, _ reason: String) {
    step(id, [(rule, reason)], "")
  }

  mutating func undecided(_ id: Step.ID, _ rule: Rule, _ reason: String) {
    steps.append(Step(id: id, outcome: .undecided, rules: [rule], reason: reason))
  }

  mutating func warn(_ text: String) { warnings.append(text) }

  init(policy: Policy, evidence: Evidence, time: Timestamp, context: PolicyContext) {
    self.policy = policy
    self.evidence = evidence
    self.time = time
    self.context = context
    if policy.requireHardware {
      step(
        .policyHardware, .policyHardware, !evidence.isSoftware, "the evidence is from hardware",
        else: "the policy asks for hardware, this is a software machine")
    }
    checkDebug()
    switch evidence.quote.body {
    case .enclave(let report): checkEnclave(report)
    case .td(let report): checkTD(report)
    }
    checkTCB()
    checkPlatform()
    checkBinding(evidence.quote.reportData)
    checkAge()
  }

  private mutating func checkDebug() {
    let isDebug = evidence.quote.isDebug
    if policy.insecureAllowDebug, isDebug {
      warn("DEBUG is set and the policy allows it: the host reads and writes this memory")
    }
    step(
      .policyDebug, .policyDebug, !isDebug || policy.insecureAllowDebug,
      isDebug ? "debug is allowed by the policy" : "not a debug enclave or TD",
      else: "DEBUG is set: the host can read and write this memory")
  }

  private mutating func checkBinding(_ reportData: [UInt8]) {
    if let rule = policy.reportData {
      let expected: [UInt8]?
      switch rule {
      case .exact(let bytes): expected = bytes
      case .sha256(let parts):
        expected = join(parts).map {
          Array(SHA256.hash(data: $0)) + [UInt8](repeating: 0, count: 32)
        }
      case .sha512(let parts): expected = join(parts).map { Array(SHA512.hash(data: $0)) }
      }
      if let expected {
        step(
          .policyReportData, .policyReportData, reportData == expected, "REPORTDATA is as expected",
          else: "REPORTDATA is \(Hex.encode(reportData)), expected \(Hex.encode(expected))")
      } else {
        undecided(
          .policyReportData, .policyReportDataNonce,
          "the rule for REPORTDATA needs a nonce and none was given")
      }
    }
    if let nonce = policy.nonce, policy.reportData?.usesNonce != true {
      let expected = nonce + [UInt8](repeating: 0, count: max(0, 64 - nonce.count))
      step(
        .policyNonce, .policyNonce, !nonce.isEmpty && reportData == expected,
        "REPORTDATA is the nonce",
        else: "REPORTDATA is not the nonce followed by zeros: stale or somebody else's evidence")
    } else if let nonce = policy.nonce {
      step(
        .policyNonce, .policyNonce, !nonce.isEmpty, "the nonce is part of the hash in REPORTDATA",
        else: "the nonce is empty")
    }
    if policy.reportData == nil, policy.nonce == nil {
      warn("nothing is asked of REPORTDATA: this may be a replay or somebody else's evidence")
    }
  }

  private func join(_ parts: [ReportDataRule.Component]) -> [UInt8]? {
    var bytes: [UInt8] = []
    for part in parts {
      switch part {
      case .bytes(let more): bytes += more
      case .nonce:
        guard let nonce = policy.nonce else { return nil }
        bytes += nonce
      }
    }
    return bytes
  }

  private mutating func checkAge() {
    if let maximum = policy.maximumCollateralAgeSeconds {
      let issued = evidence.collateralIssued
      step(
        .policyCollateralAge, .policyCollateralAge, time <= issued.adding(seconds: maximum),
        "the collateral is of \(issued)",
        else: "the collateral is of \(issued), older than the \(maximum) s that the policy allows")
    }
    if let maximum = policy.maximumEvidenceAgeSeconds {
      if let made = context.evidenceTime {
        let isFresh =
          time <= made.adding(seconds: maximum)
          && made <= time.adding(seconds: VerificationRun.clockSkew)
        step(
          .policyEvidenceAge, .policyEvidenceAge, isFresh, "the evidence is of \(made)",
          else: "the evidence is of \(made), the policy allows an age of \(maximum) s")
      } else {
        undecided(
          .policyEvidenceAge, .policyEvidenceTime,
          "the policy limits the age of evidence; a quote has no time in it, so say when it was made"
        )
      }
    }
  }
}

extension Policy {
  func check(_ evidence: Evidence, at time: Timestamp, context: PolicyContext) -> PolicyCheck {
    PolicyCheck(policy: self, evidence: evidence, time: time, context: context)
  }
}
