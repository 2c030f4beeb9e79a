/// Verifies quotes: the whole DCAP algorithm, then a policy.
///
/// A value with no state besides its trust anchors. Time is an argument: inside an enclave there
/// is no clock to trust, and tests need the past.
public struct Verifier: Sendable {
  public let anchors: [TrustAnchor]

  /// - Parameter anchors: the roots to accept; the Intel root alone unless told otherwise.
  public init(anchors: [TrustAnchor] = [.intel]) { self.anchors = anchors }

  public func verify(
    _ quote: [UInt8], collateral: Collateral, at time: Timestamp, policy: Policy = .default,
    context: PolicyContext = PolicyContext()
  ) -> Verdict {
    verify(
      quote, collateral: PreparedCollateral(collateral), at: time, policy: policy,
      context: context)
  }

  /// Verifies a quote in any of the forms of `QuoteInput`.
  public func verify(
    input: [UInt8], collateral: Collateral, at time: Timestamp, policy: Policy = .default,
    context: PolicyContext = PolicyContext()
  ) -> Verdict {
    do {
      return verify(
        try QuoteInput.decode(input), collateral: collateral, at: time, policy: policy,
        context: context)
    } catch {
      let step = Step(
        id: .quoteFormat, outcome: .refused, rules: [.quoteFormat], reason: error.description)
      return Verdict(
        steps: [step], time: time, quote: nil, evidence: nil, warnings: [], isSoftware: false)
    }
  }

  public func verify(
    _ quote: [UInt8], collateral: PreparedCollateral, at time: Timestamp,
    policy: Policy = .default, context: PolicyContext = PolicyContext()
  ) -> Verdict {
    var run = VerificationRun(anchors: anchors, collateral: collateral, time: time)
    run.verify(quote)
    guard let evidence = run.evidence else {
      return Verdict(
        steps: run.steps, time: time, quote: run.quote, evidence: nil, warnings: [],
        isSoftware: run.anchor?.isSoftware ?? false)
    }
    let checked = policy.check(evidence, at: time, context: context)
    return Verdict(
      steps: run.steps + checked.steps, time: time, quote: run.quote, evidence: evidence,
      warnings: checked.warnings, isSoftware: evidence.isSoftware)
  }
}
