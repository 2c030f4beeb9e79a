import Attestation
import JobFormat
import PayloadFormat

/// A quote of the runtime, verified: it is genuine, it is what the policy wants, it says what it must say, and it
/// belongs to its owner. There is no other way to get one.
struct RuntimeQuote: Sendable {
  let verdict: Verdict
  let report: EnclaveReport

  /// - Parameters:
  ///   - what: "offer" or "receipt", for messages.
  ///   - saying: what REPORTDATA must be.
  ///   - isBound: CONFIGID names the owner (KSS); false: the object says that there is no KSS.
  ///   - inputsAreData: what the object says of its payload.
  init(
    _ quote: [UInt8], what: String, saying: RuntimeReportData, owner: OwnerContext, isBound: Bool,
    inputsAreData: Bool, policy: JobPolicy, trust: JobTrust, madeAt: Timestamp
  ) throws(JobsError) {
    // Read first, for messages that say what is the matter; all of it is verified below.
    if let claimed = try? Quote(quote), case .enclave(let report) = claimed.body {
      try Self.check(
        report, what: what, saying: saying, owner: owner, isBound: isBound,
        inputsAreData: inputsAreData)
    }
    var rules = policy.policy
    rules.reportData = .exact(saying.encoded())
    if isBound, rules.configID == nil { rules.configID = owner.CONFIGID }
    verdict = try trust.verifier().verify(
      quote, collateral: trust.collateral, at: trust.time ?? .now, policy: rules,
      context: PolicyContext(evidenceTime: madeAt))
    guard verdict.isAccepted, let evidence = verdict.evidence else {
      let kind: JobsError.Kind =
        switch verdict.outcome {
        case .refusedByPolicy: .refusedByPolicy
        case .undecided: .undecided
        default: .refusedByVerification
        }
      throw JobsError(
        kind, "the \(what) is not accepted: \(verdict.reasons.joined(separator: "; "))")
    }
    guard case .enclave(let report) = evidence.quote.body else {
      throw JobsError(.refusedByVerification, "the \(what)'s quote is of a TD, not of an enclave")
    }
    self.report = report
    try Self.check(
      report, what: what, saying: saying, owner: owner, isBound: isBound,
      inputsAreData: inputsAreData)
  }

  private static func check(
    _ report: EnclaveReport, what: String, saying: RuntimeReportData, owner: OwnerContext,
    isBound: Bool, inputsAreData: Bool
  ) throws(JobsError) {
    guard report.REPORTDATA == saying.encoded() else {
      throw JobsError(
        .refusedByVerification,
        "the \(what)'s quote vouches for something else: its content or its quote was changed")
    }
    guard isBound else {
      guard !report.flags.contains(.KSS) else {
        throw JobsError(
          .refusedByVerification, "the \(what) says that there is no KSS, and its quote has it")
      }
      guard inputsAreData else {
        throw JobsError(
          .refusedByVerification,
          "the \(what) is of an instance that belongs to no owner (no KSS), and its payload takes code "
            + "as input")
      }
      return
    }
    guard report.flags.contains(.KSS), report.CONFIGID == owner.CONFIGID else {
      throw JobsError(
        .refusedByVerification,
        "the \(what) is of an instance of another owner or nonce (CONFIGID)")
    }
  }
}
