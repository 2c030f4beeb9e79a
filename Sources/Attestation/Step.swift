/// One step of a verification, and how it went.
public struct Step: Hashable, Sendable {
  /// The steps of DCAP verification in the order in which they are reported, then the policy's.
  public enum ID: String, Hashable, Sendable, CaseIterable {
    case quoteFormat
    case clock
    case pckChain
    case pckChainValidity
    case pckExtension
    case rootCRL
    case rootCRLFreshness
    case pckCRL
    case pckCRLFreshness
    case revocation
    case tcbInfoSignature
    case tcbInfoFreshness
    case qeIdentitySignature
    case qeIdentityFreshness
    case tcbInfoMatch
    case qeReportSignature
    case attestationKey
    case qeIdentityMatch
    case quoteSignature
    case tdxModule
    case tcbLevel
    case qeLevel
    case tcbStatus
    case policyHardware = "policy.hardware"
    case policyDebug = "policy.debug"
    case policyAttributes = "policy.attributes"
    case policyIdentity = "policy.identity"
    case policyConfiguration = "policy.configuration"
    case policyTD = "policy.td"
    case policyTCBStatus = "policy.tcbStatus"
    case policyAdvisories = "policy.advisories"
    case policyEvaluationNumber = "policy.tcbEvaluationDataNumber"
    case policyPlatform = "policy.platform"
    case policyReportData = "policy.reportData"
    case policyNonce = "policy.nonce"
    case policyCollateralAge = "policy.collateralAge"
    case policyEvidenceAge = "policy.evidenceAge"
  }

  public enum Outcome: String, Hashable, Sendable {
    case passed
    case refused
    case undecided
    /// A step that this one needs did not pass.
    case skipped
  }

  public let id: ID
  public let outcome: Outcome
  /// The rules that the step founders on: none when it passed, several perhaps in a policy's step.
  public let rules: [Rule]
  public let reason: String

  /// Set when the step did not pass, unless it was skipped.
  public var code: Stop.Code? { rules.first?.code }
}

extension Step.ID {
  var isPolicy: Bool { rawValue.hasPrefix("policy.") }
}
