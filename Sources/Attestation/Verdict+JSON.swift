import Foundation

extension Verdict {
  /// The verdict as JSON, the same keys every time; what is unknown is null.
  public func json() -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(VerdictJSON(self)) else {
      preconditionFailure("strings, numbers and flags always encode")
    }
    return String(decoding: data, as: UTF8.self)
  }
}

private struct VerdictJSON: Encodable {
  struct StepJSON: Encodable {
    let step: String
    let outcome: String
    let code: String?
    let reason: String
  }

  struct TCB: Encodable {
    let tcbDate: String
    let newestTcbDate: String
    let tcbEvaluationDataNumber: Int
    let qeTcbEvaluationDataNumber: Int
    let advisoriesKnown: Bool
  }

  struct Platform: Encodable {
    let fmspc: String
    let ppid: String
    let platformInstanceId: String?
    let dynamicPlatform: Bool?
    let cachedKeys: Bool?
    let smtEnabled: Bool?
  }

  let accepted: Bool
  let advisories: [String]
  let collateralExpires: String?
  let collateralIssued: String?
  let exitCode: Int32
  let outcome: String
  let platform: Platform?
  let quote: QuoteJSON?
  let reasons: [String]
  let software: Bool
  let steps: [StepJSON]
  let tcb: TCB?
  let tcbStatus: String?
  let verifiedAt: String
  let version = 1
  let warnings: [String]

  init(_ verdict: Verdict) {
    accepted = verdict.isAccepted
    exitCode = verdict.exitCode
    outcome = verdict.outcome.rawValue
    reasons = verdict.reasons
    warnings = verdict.warnings
    software = verdict.isSoftware
    verifiedAt = verdict.time.description
    steps = verdict.steps.map {
      StepJSON(
        step: $0.id.rawValue, outcome: $0.outcome.rawValue, code: $0.code?.rawValue,
        reason: $0.reason)
    }
    quote = verdict.quote.map(QuoteJSON.init)
    let evidence = verdict.evidence
    tcbStatus = evidence?.status.rawValue
    advisories = evidence?.advisories ?? []
    collateralExpires = evidence?.expires.description
    collateralIssued = evidence?.collateralIssued.description
    tcb = evidence.map {
      TCB(
        tcbDate: $0.tcbDate.description, newestTcbDate: $0.newestTCBDate.description,
        tcbEvaluationDataNumber: $0.evaluationDataNumber,
        qeTcbEvaluationDataNumber: $0.qeEvaluationDataNumber,
        advisoriesKnown: $0.knowsAdvisories)
    }
    platform = evidence.map {
      Platform(
        fmspc: Hex.encode($0.pck.FMSPC), ppid: Hex.encode($0.pck.PPID),
        platformInstanceId: $0.pck.platformInstanceID.map(Hex.encode),
        dynamicPlatform: $0.pck.dynamicPlatform, cachedKeys: $0.pck.cachedKeys,
        smtEnabled: $0.pck.smtEnabled)
    }
  }

  /// Spelled out because the synthesised form leaves nil members out.
  func encode(to encoder: any Encoder) throws {
    var c = encoder.container(keyedBy: CodingKeys.self)
    try c.encode(accepted, forKey: .accepted)
    try c.encode(advisories, forKey: .advisories)
    try c.encode(collateralExpires, forKey: .collateralExpires)
    try c.encode(collateralIssued, forKey: .collateralIssued)
    try c.encode(exitCode, forKey: .exitCode)
    try c.encode(outcome, forKey: .outcome)
    try c.encode(platform, forKey: .platform)
    try c.encode(quote, forKey: .quote)
    try c.encode(reasons, forKey: .reasons)
    try c.encode(software, forKey: .software)
    try c.encode(steps, forKey: .steps)
    try c.encode(tcb, forKey: .tcb)
    try c.encode(tcbStatus, forKey: .tcbStatus)
    try c.encode(verifiedAt, forKey: .verifiedAt)
    try c.encode(version, forKey: .version)
    try c.encode(warnings, forKey: .warnings)
  }

  enum CodingKeys: String, CodingKey {
    case accepted, advisories, collateralExpires, collateralIssued, exitCode, outcome, platform
    case quote, reasons, software, steps, tcb, tcbStatus, verifiedAt, version, warnings
  }
}
