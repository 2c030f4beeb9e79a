import EnclaveRuntime
import LinuxABI
import Synchronization

/// How busy the enclave is: /proc/loadavg, /proc/stat, /proc/uptime, sysinfo(2).
///
/// Nothing ticks in an enclave. What counts as load is the CPU time that threads have used since somebody last
/// asked, over the time that has passed, damped every five seconds as Linux does (kernel/sched/loadavg.c).
enum SystemLoad {
  /// CPU time of threads that have ended.
  private static let endedNs = Atomic<UInt64>(0)
  private static let lock = Lock()
  // Guarded by `lock`. Loads have 11 bits after the point.
  nonisolated(unsafe) private static var loads: (UInt64, UInt64, UInt64) = (0, 0, 0)
  nonisolated(unsafe) private static var atNs: UInt64 = 0
  nonisolated(unsafe) private static var cpuNs: UInt64 = 0

  private static let one: UInt64 = 1 << 11
  private static let periodNs: UInt64 = 5_000_000_000

  static func ended(_ task: Task) { endedNs.add(task.cpuTime.runNs, ordering: .relaxed) }

  /// CPU time of all threads since the start.
  static var totalNs: UInt64 {
    var sum = endedNs.load(ordering: .relaxed)
    for task in TaskTable.shared.allTasks() { sum += task.cpuTime.runNs }
    return sum
  }

  /// What all processors together did not use.
  static var idleNs: UInt64 {
    let all = Clock.monotonicNs() &* UInt64(unsafe Processors.count)
    let used = totalNs
    return all > used ? all - used : 0
  }

  /// Of one, five and fifteen minutes, with `one` for 1.00.
  static var current: (UInt64, UInt64, UInt64) {
    let now = Clock.monotonicNs()
    let used = totalNs
    lock.lock()
    defer { lock.unlock() }
    let periods = unsafe (now - min(now, atNs)) / periodNs
    if periods > 0 {
      let span = unsafe now - atNs
      let work = unsafe used > cpuNs ? used - cpuNs : 0
      // More cannot run than there are processors, but more may want to: they count as well.
      let active = work / 1000 * one / max(1, span / 1000)
      unsafe loads.0 = damped(loads.0, 1884, active, periods)
      unsafe loads.1 = damped(loads.1, 2014, active, periods)
      unsafe loads.2 = damped(loads.2, 2037, active, periods)
      unsafe atNs = now
      unsafe cpuNs = used
    }
    return unsafe loads
  }

  /// calc_load_n: `load * factor^n + active * (1 - factor^n)`, in fixed point.
  static func damped(
    _ load: UInt64, _ factor: UInt64, _ active: UInt64, _ periods: UInt64
  ) -> UInt64 {
    var power = one
    var base = factor
    var n = periods
    while n > 0 {
      if n & 1 == 1 { power = (power * base + one / 2) / one }
      base = (base * base + one / 2) / one
      n >>= 1
    }
    return (load * power + active * (one - power) + one / 2) / one
  }

  /// "0.52", as Linux rounds it.
  static func text(_ load: UInt64) -> [UInt8] {
    let rounded = load + one / 200
    var out: [UInt8] = []
    out.append(decimal: UInt(rounded / one))
    out.append(0x2E)
    let hundredths = UInt(rounded % one * 100 / one)
    if hundredths < 10 { out.append(0x30) }
    out.append(decimal: hundredths)
    return out
  }
}
