/// The TCB status, spelled as the DCAP specification spells it.
///
/// There is no case for strings that we do not know: a document with one is refused.
public enum TCBStatus: String, Hashable, Sendable, CaseIterable, Codable {
  case UpToDate
  case SWHardeningNeeded
  case ConfigurationNeeded
  case ConfigurationAndSWHardeningNeeded
  case OutOfDate
  case OutOfDateConfigurationNeeded
  case Revoked
  case TDRelaunchAdvised
  case TDRelaunchAdvisedConfigurationNeeded

  /// The last two are results of the algorithm; no level of a document may claim them.
  static let ofLevels: Set<TCBStatus> = [
    .UpToDate, .SWHardeningNeeded, .ConfigurationNeeded, .ConfigurationAndSWHardeningNeeded,
    .OutOfDate, .OutOfDateConfigurationNeeded, .Revoked,
  ]
  static let ofIdentities: Set<TCBStatus> = [.UpToDate, .OutOfDate, .Revoked]

  var hasConfiguration: Bool {
    switch self {
    case .ConfigurationNeeded, .ConfigurationAndSWHardeningNeeded, .OutOfDateConfigurationNeeded,
      .TDRelaunchAdvisedConfigurationNeeded:
      true
    default: false
    }
  }

  /// What the status means and what its owner can do, for people.
  public var explanation: String {
    switch self {
    case .UpToDate: "the platform has all updates that the collateral knows"
    case .SWHardeningNeeded:
      "the platform is patched; the advisories must be handled by the enclave's own code"
    case .ConfigurationNeeded:
      "the platform is patched; its BIOS settings (for instance SMT) leave advisories open"
    case .ConfigurationAndSWHardeningNeeded:
      "BIOS settings leave advisories open, and others must be handled by the enclave's own code"
    case .OutOfDate: "the platform lacks microcode, BIOS or enclave updates"
    case .OutOfDateConfigurationNeeded: "the platform lacks updates, and BIOS settings are unsafe"
    case .Revoked: "the platform or its quoting enclave is compromised; nothing fixes this"
    case .TDRelaunchAdvised:
      "the TDX module was updated after the TD started; start the TD again"
    case .TDRelaunchAdvisedConfigurationNeeded:
      "the TDX module was updated after the TD started, and BIOS settings are unsafe"
    }
  }
}
