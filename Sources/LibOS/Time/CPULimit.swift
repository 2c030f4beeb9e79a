import EnclaveRuntime
import LinuxABI

/// RLIMIT_CPU (setrlimit(2)): SIGXCPU at the soft limit and at each second of CPU time after it, SIGKILL at the hard one.
/// As in Linux the soft limit goes up by a second with each signal, and a limit of 0 means 1.
final class CPULimit: ClockTimer, @unchecked Sendable {
  private let process: Process
  private static let second: UInt64 = 1_000_000_000

  init(_ process: Process) {
    self.process = process
    super.init(.processCPU(process))
  }

  /// The process has a new limit, or is new with an inherited one. Called without its lock.
  func follow() {
    let soft = process.lock.withLock { process.limits[ResourceLimit.RLIMIT_CPU].current }
    let (ns, overflow) = max(soft, 1).multipliedReportingOverflow(by: Self.second)
    if overflow {
      disarm()
    } else {
      // Without memory for the timer there is no limit; nothing waits for it.
      _ = try? set(valueNs: ns, intervalNs: Self.second, isAbsolute: true)
    }
  }

  override func expired(_ count: UInt64) {
    let seconds = process.cpuTimeNs / Self.second
    let isOver = process.lock.withLock {
      let limit = process.limits[ResourceLimit.RLIMIT_CPU]
      if seconds >= max(limit.maximum, 1) { return true }
      let next = min(limit.maximum, max(limit.current, 1) + 1)
      process.limits[ResourceLimit.RLIMIT_CPU] = Rlimit(next, limit.maximum)
      return false
    }
    try? process.send(SignalInfo(isOver ? .SIGKILL : .SIGXCPU, code: SignalInfo.SI_KERNEL))
  }
}
