import EnclaveRuntime
import LinuxABI

/// How restart_syscall(2) goes on with a call that a stop signal interrupted.
enum RestartBlock {
  case none
  /// A relative sleep: goes on to the same end.
  case sleep(deadlineNs: UInt64, remaining: UInt)
  /// futex(FUTEX_WAIT) with a relative timeout.
  case futexWait(address: UInt, value: UInt32, isPrivate: Bool, bitset: UInt32, deadlineNs: UInt64)
  /// poll(2).
  case poll(descriptors: UInt, count: UInt32, deadlineNs: UInt64?)
}

/// Sleeping: nanosleep(2), clock_nanosleep(2).
extension Task {
  /// Sleeps until the time of `clock`. Returns early, true, for a signal.
  private func sleep(untilNs deadline: UInt64, clock: Int32) -> Bool {
    while true {
      if hasInterruptingSignal { return true }
      let now = Clocks.sleepClockNs(clock)
      if now >= deadline { return false }
      // CLOCK_REALTIME may jump: the host's park takes a duration, and every wake-up looks again.
      let monotonic = Clock.monotonicNs().addingReportingOverflow(deadline - now)
      park(deadlineNs: monotonic.overflow ? .max : monotonic.partialValue)
    }
  }

  /// Relative: a signal ends it with the rest of the time in `remaining`, and ERESTART_RESTARTBLOCK.
  func sleepRelative(ns: UInt64, clock: Int32, remaining: UInt) throws(Errno) {
    let now = Clock.monotonicNs()
    let end = now.addingReportingOverflow(ns)
    try sleepUntil(end.overflow ? .max : end.partialValue, remaining: remaining)
  }

  func sleepUntil(_ deadlineNs: UInt64, remaining: UInt) throws(Errno) {
    guard sleep(untilNs: deadlineNs, clock: ClockID.CLOCK_MONOTONIC) else { return }
    let now = Clock.monotonicNs()
    if now >= deadlineNs { return }
    if remaining != 0 {
      try UserMemory.write(Timespec(ns: deadlineNs - now), to: remaining)
    }
    restart = .sleep(deadlineNs: deadlineNs, remaining: remaining)
    throw .ERESTART_RESTARTBLOCK
  }

  /// Absolute: simply done again after a signal without a handler.
  func sleepAbsolute(_ deadlineNs: UInt64, clock: Int32) throws(Errno) {
    if sleep(untilNs: deadlineNs, clock: clock) { throw .ERESTARTNOHAND }
  }
}
