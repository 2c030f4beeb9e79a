import EnclaveRuntime
import LinuxABI

/// The clock that a timer counts on.
enum TimerClock {
  case monotonic
  case realtime
  case processCPU(Process)
  case threadCPU(Task)

  var nowNs: UInt64 {
    switch self {
    case .monotonic: Clock.monotonicNs()
    case .realtime: Clock.realtimeNs()
    case .processCPU(let process): process.cpuTimeNs
    case .threadCPU(let task): task.cpuTime.runNs
    }
  }

  /// When to look whether `target` has come, as CLOCK_MONOTONIC. CPU time advances at most by one second per second and
  /// thread, and not at all while threads sleep, so such a timer looks again and again.
  func lookAtNs(_ target: UInt64) -> UInt64 {
    let now = nowNs
    let monotonic = Clock.monotonicNs()
    if target <= now { return monotonic }
    var wait = target - now
    if case .processCPU(let process) = self {
      wait = max(wait / UInt64(max(process.threadCount, 1)), 1_000_000)
    } else if case .threadCPU = self {
      wait = max(wait, 1_000_000)
    }
    let sum = monotonic.addingReportingOverflow(wait)
    return sum.overflow ? .max : sum.partialValue
  }
}

/// A timer with a value and an interval on some clock: what all of Linux's kinds have in common.
class ClockTimer: KernelTimer, @unchecked Sendable {
  let clock: TimerClock
  /// Guards the fields below. Before the timer service's lock.
  final let lock = Lock()
  /// Next expiry on `clock`; 0: disarmed.
  private final var targetNs: UInt64 = 0
  private final var intervalNs: UInt64 = 0

  init(_ clock: TimerClock) { self.clock = clock }

  /// It expired `count` times since it was looked at last. No lock held.
  func expired(_ count: UInt64) {}

  struct Setting {
    /// Time to the next expiry; 0: disarmed.
    var remainingNs: UInt64
    var intervalNs: UInt64
  }

  final var setting: Setting {
    lock.lock()
    defer { lock.unlock() }
    return settingLocked
  }

  private final var settingLocked: Setting {
    if targetNs == 0 { return Setting(remainingNs: 0, intervalNs: intervalNs) }
    let now = clock.nowNs
    // An armed timer never reads as disarmed.
    return Setting(remainingNs: targetNs > now ? targetNs - now : 1, intervalNs: intervalNs)
  }

  /// Arms it to `valueNs` from now, or at that time of its clock. 0 disarms. Returns what it was.
  @discardableResult
  final func set(valueNs: UInt64, intervalNs: UInt64, isAbsolute: Bool) throws(Errno) -> Setting {
    lock.lock()
    defer { lock.unlock() }
    let old = settingLocked
    self.intervalNs = intervalNs
    if valueNs == 0 {
      targetNs = 0
      TimerService.shared.cancel(self)
      return old
    }
    let sum = isAbsolute ? (valueNs, false) : clock.nowNs.addingReportingOverflow(valueNs)
    targetNs = sum.1 ? .max : sum.0
    try TimerService.shared.arm(self, at: clock.lookAtNs(targetNs))
    return old
  }

  final func disarm() {
    lock.lock()
    targetNs = 0
    intervalNs = 0
    TimerService.shared.cancel(self)
    lock.unlock()
  }

  override final func fire() {
    lock.lock()
    guard targetNs != 0 else {
      lock.unlock()
      return
    }
    let now = clock.nowNs
    var count: UInt64 = 0
    if now >= targetNs {
      count = 1
      if intervalNs > 0 {
        count += (now - targetNs) / intervalNs
        let next = targetNs.addingReportingOverflow(count &* intervalNs)
        targetNs = next.overflow ? .max : next.partialValue
      } else {
        targetNs = 0
      }
    }
    if targetNs != 0 { try? TimerService.shared.arm(self, at: clock.lookAtNs(targetNs)) }
    lock.unlock()
    if count > 0 { expired(count) }
  }
}
