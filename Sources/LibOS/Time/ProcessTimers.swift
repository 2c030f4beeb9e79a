import EnclaveRuntime
import LinuxABI

/// The timers of a process: setitimer(2), timer_create(2).
final class ProcessTimers: @unchecked Sendable {
  init() {}
  func cancelAll() {}
}

extension Process {
  /// A queued signal was taken: a POSIX timer's overruns count from here.
  func noteTaken(_ info: SignalInfo) {}
}
