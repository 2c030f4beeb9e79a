/// What a complete verification has established. There is none when a step failed.
public struct Evidence: Sendable {
  public let quote: Quote
  public let status: TCBStatus
  public let advisories: [String]
  /// False for TCB info of version 2, which names no advisories.
  public let knowsAdvisories: Bool
  /// The date of the TCB level that the platform has.
  public let tcbDate: Timestamp
  /// The date of the newest TCB level in the TCB info.
  public let newestTCBDate: Timestamp
  public let evaluationDataNumber: Int
  public let qeEvaluationDataNumber: Int
  public let pck: PCKExtension
  /// The earliest end of validity of anything that the verdict rests on.
  public let expires: Timestamp
  /// The earliest issue date of TCB info, QE identity and PCK CRL, which are renewed monthly.
  public let collateralIssued: Timestamp
  public let isSoftware: Bool
}
