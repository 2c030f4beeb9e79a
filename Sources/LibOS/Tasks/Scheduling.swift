import LinuxABI

/// sched(7) attributes of a thread. The host schedules; these are kept and reported, as a container
/// without CAP_SYS_NICE would see them.
struct SchedulingAttributes {
  var policy: Int32 = SchedulingPolicy.SCHED_OTHER
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
  var keepCapabilities = false
  var personality: UInt32 = 0
}

/// How many processors programs may count on. The thread count of the enclave bounds it.
enum Processors {
  nonisolated(unsafe) static var count = 1
}
