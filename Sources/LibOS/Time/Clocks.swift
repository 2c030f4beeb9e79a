import EnclaveRuntime
import LinuxABI

/// The clocks of clock_gettime(2).
enum Clocks {
  /// What a clock shows. EINVAL: no such clock.
  static func now(_ clock: Int32, _ task: Task) throws(Errno) -> UInt64 {
    switch clock {
    case ClockID.CLOCK_REALTIME, ClockID.CLOCK_REALTIME_COARSE, ClockID.CLOCK_REALTIME_ALARM,
      ClockID.CLOCK_TAI:
      // CLOCK_TAI: no leap second table, as on a machine whose NTP never set the offset.
      return Clock.realtimeNs()
    case ClockID.CLOCK_MONOTONIC, ClockID.CLOCK_MONOTONIC_RAW, ClockID.CLOCK_MONOTONIC_COARSE,
      ClockID.CLOCK_BOOTTIME, ClockID.CLOCK_BOOTTIME_ALARM:
      return Clock.monotonicNs()
    case ClockID.CLOCK_PROCESS_CPUTIME_ID: return task.process.cpuTimeNs
    case ClockID.CLOCK_THREAD_CPUTIME_ID: return task.cpuTime.runNs
    default:
      guard clock < 0 else { throw .EINVAL }
      return try cpuClock(clock, task)
    }
  }

  /// clock_getcpuclockid(3), pthread_getcpuclockid(3): ~pid in the upper bits, per thread or process in bit 2.
  private static func cpuClock(_ clock: Int32, _ task: Task) throws(Errno) -> UInt64 {
    // Linux: 0...2 PROF, VIRT, SCHED; 3 is a file descriptor of a hardware clock.
    guard clock & 3 != 3 else { throw .EINVAL }
    let number = ~(clock >> 3)
    if clock & 4 != 0 {
      guard let other = number == 0 ? task : TaskTable.shared.task(number),
        other.process === task.process
      else { throw .EINVAL }
      return other.cpuTime.runNs
    }
    guard let process = number == 0 ? task.process : TaskTable.shared.process(number) else {
      throw .EINVAL
    }
    return process.cpuTimeNs
  }

  static func resolutionNs(_ clock: Int32, _ task: Task) throws(Errno) -> UInt64 {
    _ = try now(clock, task)
    switch clock {
    // CONFIG_HZ=250, as Debian and cloud kernels have it.
    case ClockID.CLOCK_REALTIME_COARSE, ClockID.CLOCK_MONOTONIC_COARSE: return 4_000_000
    default: return 1
    }
  }

  /// The clocks one may sleep on or wait for. EINVAL, or ENOTSUP for those that Linux has but refuses.
  static func checkSleepClock(_ clock: Int32) throws(Errno) {
    switch clock {
    case ClockID.CLOCK_REALTIME, ClockID.CLOCK_MONOTONIC, ClockID.CLOCK_BOOTTIME, ClockID.CLOCK_TAI,
      ClockID.CLOCK_PROCESS_CPUTIME_ID:
      return
    case ClockID.CLOCK_REALTIME_ALARM, ClockID.CLOCK_BOOTTIME_ALARM: return
    case ClockID.CLOCK_MONOTONIC_RAW, ClockID.CLOCK_REALTIME_COARSE, ClockID.CLOCK_MONOTONIC_COARSE,
      ClockID.CLOCK_THREAD_CPUTIME_ID:
      throw .ENOTSUP
    default: throw .EINVAL
    }
  }

  static func sleepClockNs(_ clock: Int32) -> UInt64 {
    switch clock {
    case ClockID.CLOCK_REALTIME, ClockID.CLOCK_TAI, ClockID.CLOCK_REALTIME_ALARM: Clock.realtimeNs()
    default: Clock.monotonicNs()
    }
  }

  /// An absolute time of a clock as CLOCK_MONOTONIC, for parking.
  static func monotonicDeadline(_ ns: UInt64, clock: Int32) -> UInt64 {
    let now = sleepClockNs(clock)
    let monotonic = Clock.monotonicNs()
    if ns <= now { return monotonic }
    let sum = monotonic.addingReportingOverflow(ns - now)
    return sum.overflow ? .max : sum.partialValue
  }
}
