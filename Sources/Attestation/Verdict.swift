/// What came of a verification, with a reason for each step.
///
/// A TCB status is not an acceptance: callers must look at `isAccepted`.
public struct Verdict: Sendable {
  public enum Outcome: String, Hashable, Sendable {
    case accepted
    case refusedByVerification
    case refusedByPolicy
    /// Collateral is missing or stale, or the clock is not set.
    case undecided
  }

  public let outcome: Outcome
  public let steps: [Step]
  public let time: Timestamp
  /// The quote, if it could be parsed. Its contents mean nothing without `evidence`.
  public let quote: Quote?
  /// What was established; nil unless the whole verification passed.
  public let evidence: Evidence?
  public let warnings: [String]
  /// The chain ends at a root of somebody's own making: no protection.
  public let isSoftware: Bool

  init(
    steps: [Step], time: Timestamp, quote: Quote?, evidence: Evidence?, warnings: [String],
    isSoftware: Bool
  ) {
    self.steps = steps
    self.time = time
    self.quote = quote
    self.evidence = evidence
    self.warnings = warnings
    self.isSoftware = isSoftware
    let verification = steps.filter { !$0.id.isPolicy }
    let policy = steps.filter(\.id.isPolicy)
    if verification.contains(where: { $0.outcome == .refused }) {
      outcome = .refusedByVerification
    } else if evidence == nil || verification.contains(where: { $0.outcome != .passed }) {
      outcome = .undecided
    } else if policy.contains(where: { $0.outcome == .refused }) {
      outcome = .refusedByPolicy
    } else if policy.isEmpty || policy.contains(where: { $0.outcome != .passed }) {
      outcome = .undecided
    } else {
      outcome = .accepted
    }
  }

  public var isAccepted: Bool { outcome == .accepted }

  /// The exit code of `cloister verify`.
  public var exitCode: Int32 {
    switch outcome {
    case .accepted: 0
    case .refusedByVerification: 1
    case .refusedByPolicy: 2
    case .undecided: 3
    }
  }

  public var status: TCBStatus? { evidence?.status }

  /// Why it was not accepted: the reasons of the steps that did not pass by their own fault.
  public var reasons: [String] {
    steps.filter { $0.outcome == .refused || $0.outcome == .undecided }
      .filter { !($0.id == .tcbStatus) }
      .map { "\($0.id.rawValue): \($0.reason)" }
  }
}
