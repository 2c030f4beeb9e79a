/// How the statuses of platform, TDX module and quoting enclave make one (Intel's QVL).
enum Convergence {
  /// The status `level`, made worse by `part`: the TDX module's or the quoting enclave's status.
  static func converge(_ level: TCBStatus, with part: TCBStatus) -> TCBStatus {
    switch part {
    case .Revoked: return .Revoked
    case .OutOfDate:
      switch level {
      case .UpToDate, .SWHardeningNeeded: return .OutOfDate
      case .ConfigurationNeeded, .ConfigurationAndSWHardeningNeeded:
        return .OutOfDateConfigurationNeeded
      case .TDRelaunchAdvised: return .OutOfDate
      case .TDRelaunchAdvisedConfigurationNeeded: return .OutOfDateConfigurationNeeded
      case .OutOfDate, .OutOfDateConfigurationNeeded, .Revoked: return level
      }
    case .UpToDate: return level
    default:
      // No identity can have these: `TCBStatus.ofIdentities`.
      return .Revoked
    }
  }

  /// TD 1.5: the module was updated after the TD started, so a relaunch would cure the status.
  struct Relaunch {
    let sgxLevel: TCBStatus
    let tdxLevel: TCBStatus
    let module: TCBStatus
    let qe: TCBStatus
    /// TEE_TCB_SVN_2 has the newest values that the TCB info knows.
    let isNewestModule: Bool
  }

  static func relaunch(_ status: TCBStatus, _ facts: Relaunch) -> TCBStatus {
    let isPatched: Set<TCBStatus> = [
      .UpToDate, .SWHardeningNeeded, .ConfigurationNeeded, .ConfigurationAndSWHardeningNeeded,
    ]
    guard facts.qe == .UpToDate, isPatched.contains(facts.sgxLevel),
      status == .OutOfDate || status == .OutOfDateConfigurationNeeded,
      facts.module == .OutOfDate, facts.isNewestModule
    else { return status }
    let hasConfiguration =
      status.hasConfiguration || facts.sgxLevel.hasConfiguration || facts.tdxLevel.hasConfiguration
    return hasConfiguration ? .TDRelaunchAdvisedConfigurationNeeded : .TDRelaunchAdvised
  }
}
