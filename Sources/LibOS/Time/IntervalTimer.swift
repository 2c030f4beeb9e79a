import EnclaveRuntime
import LinuxABI

/// A timer of setitimer(2): ITIMER_REAL, ITIMER_VIRTUAL or ITIMER_PROF.
final class IntervalTimer: ClockTimer, @unchecked Sendable {
  private let process: Process
  private let signal: Signal

  init(_ process: Process, _ clock: TimerClock, _ signal: Signal) {
    self.process = process
    self.signal = signal
    super.init(clock)
  }

  override func expired(_ count: UInt64) {
    try? process.send(SignalInfo(signal, code: SignalInfo.SI_KERNEL))
  }
}
