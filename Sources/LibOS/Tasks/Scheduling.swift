import LinuxABI

/// sched(7) attributes of a thread. The host schedules; these are kept and reported, as a container
/// without CAP_SYS_NICE would see them.
struct SchedulingAttributes {
  var policy: Int32 = SchedulingPolicy.SCHED_OTHER
  var priority: Int32 = 0
  var nice: Int32 = 0
  var resetOnFork = false
  /// sched_setaffinity(2), as a set of CPU numbers; empty: all.
  var affinity: [UInt64] = []
  var timerSlackNs: UInt64 = 50_000
  var parentDeathSignal: Int32 = 0

  /// What a new thread gets.
  var inherited: SchedulingAttributes {
    var child = self
    child.parentDeathSignal = 0
    if resetOnFork {
      child.policy = SchedulingPolicy.SCHED_OTHER
      child.priority = 0
      child.nice = max(0, nice)
      child.resetOnFork = false
    }
    return child
  }
}

/// prctl(2) attributes of a process.
struct ProcessAttributes {
  var dumpable: Int32 = 1
  var noNewPrivileges = false
  var childSubreaper = false
  var personality: UInt32 = 0
  /// /proc/PID/oom_score_adj: kept and told.
  var oomScoreAdjustment: Int32 = 0
}

/// How many processors programs may count on. The thread count of the enclave bounds it.
enum Processors {
  nonisolated(unsafe) static var count = 1

  /// Word `i` of the mask of all processors.
  static func mask(_ i: Int) -> UInt64 {
    let rest = unsafe count - 64 * i
    return rest >= 64 ? .max : rest <= 0 ? 0 : (1 << UInt64(rest)) - 1
  }
}
