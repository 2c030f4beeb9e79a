import EnclaveRuntime
import LinuxABI

/// sched(7) calls. The host schedules; attributes are kept and reported.
let schedulingSyscalls: [Syscall] = [
  Syscall(140, "getpriority") { (t, a) throws(Errno) in
    try t.sys_getpriority(a.int32(0), who: a.int32(1))
  },
  Syscall(141, "setpriority") { (t, a) throws(Errno) in
    try t.sys_setpriority(a.int32(0), who: a.int32(1), nice: a.int32(2))
  },
  Syscall(142, "sched_setparam") { (t, a) throws(Errno) in
    try t.sys_sched_setscheduler(pid: a.int32(0), policy: nil, parameters: a[1])
  },
  Syscall(143, "sched_getparam") { (t, a) throws(Errno) in
    guard a[1] != 0, a.int32(0) >= 0 else { throw .EINVAL }
    let target = try t.schedulingTarget(a.int32(0))
    try UserMemory.write(target.scheduling.priority, to: a[1])
    return 0
  },
  Syscall(144, "sched_setscheduler") { (t, a) throws(Errno) in
    try t.sys_sched_setscheduler(pid: a.int32(0), policy: a.int32(1), parameters: a[2])
  },
  Syscall(145, "sched_getscheduler") { (t, a) throws(Errno) in
    let s = try t.schedulingTarget(a.int32(0)).scheduling
    return Int(s.policy | (s.resetOnFork ? SchedulingPolicy.SCHED_RESET_ON_FORK : 0))
  },
  Syscall(146, "sched_get_priority_max") { (_, a) throws(Errno) in
    try SchedulingAttributes.priorities(a.int32(0)).upperBound
  },
  Syscall(147, "sched_get_priority_min") { (_, a) throws(Errno) in
    try SchedulingAttributes.priorities(a.int32(0)).lowerBound
  },
  Syscall(148, "sched_rr_get_interval") { (t, a) throws(Errno) in
    let target = try t.schedulingTarget(a.int32(0))
    let isRoundRobin = target.scheduling.policy == SchedulingPolicy.SCHED_RR
    try UserMemory.write(Timespec(ns: isRoundRobin ? 100_000_000 : 4_000_000), to: a[1])
    return 0
  },
  Syscall(203, "sched_setaffinity") { (t, a) throws(Errno) in
    try t.sys_sched_setaffinity(pid: a.int32(0), size: a.uint32(1), mask: a[2])
  },
  Syscall(204, "sched_getaffinity") { (t, a) throws(Errno) in
    try t.sys_sched_getaffinity(pid: a.int32(0), size: a.uint32(1), mask: a[2])
  },
  Syscall(237, "mbind", .partial("one memory node")) { (_, _) throws(Errno) in 0 },
  Syscall(238, "set_mempolicy", .partial("one memory node")) { (_, a) throws(Errno) in
    guard a.int32(0) & 0xFF <= 5 else { throw .EINVAL }
    return 0
  },
  Syscall(239, "get_mempolicy", .partial("one memory node")) { (t, a) throws(Errno) in
    try t.sys_get_mempolicy(mode: a[0], mask: a[1], bits: a[2])
  },
  Syscall(251, "ioprio_set") { (t, a) throws(Errno) in
    _ = try t.schedulingTarget(a.int32(1))
    return 0
  },
  Syscall(252, "ioprio_get") { (t, a) throws(Errno) in
    _ = try t.schedulingTarget(a.int32(1))
    // IOPRIO_CLASS_BE, 4
    return 2 << 13 | 4
  },
  Syscall(309, "getcpu") { (t, a) throws(Errno) in
    if a[0] != 0 {
      try UserMemory.write(UInt32(t.threadIndex % max(unsafe Processors.count, 1)), to: a[0])
    }
    if a[1] != 0 { try UserMemory.write(UInt32(0), to: a[1]) }
    return 0
  },
  Syscall(314, "sched_setattr") { (t, a) throws(Errno) in
    try t.sys_sched_setattr(pid: a.int32(0), a[1], flags: a.uint32(2))
  },
  Syscall(315, "sched_getattr") { (t, a) throws(Errno) in
    try t.sys_sched_getattr(pid: a.int32(0), a[1], size: a.uint32(2), flags: a.uint32(3))
  },
]

extension SchedulingAttributes {
  static func priorities(_ policy: Int32) throws(Errno) -> Range<Int> {
    switch policy {
    // As a range of (least, most): the table reads its bounds.
    case SchedulingPolicy.SCHED_FIFO, SchedulingPolicy.SCHED_RR: return 1..<99
    case SchedulingPolicy.SCHED_OTHER, SchedulingPolicy.SCHED_BATCH, SchedulingPolicy.SCHED_IDLE,
      SchedulingPolicy.SCHED_DEADLINE:
      return 0..<0
    default: throw .EINVAL
    }
  }
}

extension Task {
  /// 0: the caller.
  func schedulingTarget(_ pid: Int32) throws(Errno) -> Task {
    guard pid >= 0 else { throw .EINVAL }
    if pid == 0 { return self }
    guard let task = TaskTable.shared.task(pid) else { throw .ESRCH }
    return task
  }

  /// Policies that need CAP_SYS_NICE or RLIMIT_RTPRIO, which a container has not: EPERM.
  private func checkPolicy(_ policy: Int32, priority: Int32) throws(Errno) {
    let range = try SchedulingAttributes.priorities(policy)
    guard Int(priority) >= range.lowerBound, Int(priority) <= range.upperBound else {
      throw .EINVAL
    }
    switch policy {
    case SchedulingPolicy.SCHED_FIFO, SchedulingPolicy.SCHED_RR:
      guard UInt64(priority) <= process.limits[ResourceLimit.RLIMIT_RTPRIO].current else {
        throw .EPERM
      }
    case SchedulingPolicy.SCHED_DEADLINE: throw .EPERM
    default: break
    }
  }

  /// `sched_setscheduler(pid_t pid, int policy, const struct sched_param *param);`
  func sys_sched_setscheduler(pid: Int32, policy: Int32?, parameters: UInt) throws(Errno) -> Int {
    guard parameters != 0, policy == nil || policy! >= 0 else { throw .EINVAL }
    let priority = try UserMemory.read(parameters, as: Int32.self)
    let target = try schedulingTarget(pid)
    let wanted = policy ?? target.scheduling.policy
    let plain = wanted & ~SchedulingPolicy.SCHED_RESET_ON_FORK
    try checkPolicy(plain, priority: priority)
    target.scheduling.policy = plain
    target.scheduling.priority = priority
    if policy != nil { target.scheduling.resetOnFork = wanted != plain }
    return 0
  }

  /// `sched_setattr(pid_t pid, struct sched_attr *attr, unsigned int flags);`
  func sys_sched_setattr(pid: Int32, _ address: UInt, flags: UInt32) throws(Errno) -> Int {
    guard address != 0, flags == 0 else { throw .EINVAL }
    let size = try UserMemory.read(address, as: UInt32.self)
    guard size == 0 || size >= 48 else { throw .E2BIG }
    let policy = try UserMemory.read(address + 4, as: UInt32.self)
    let bits = try UserMemory.read(address + 8, as: UInt64.self)
    let nice = try UserMemory.read(address + 16, as: Int32.self)
    let priority = try UserMemory.read(address + 20, as: UInt32.self)
    guard policy <= 6, bits & ~0x7F == 0 else { throw .EINVAL }
    let target = try schedulingTarget(pid)
    try checkPolicy(Int32(policy), priority: Int32(clamping: priority))
    target.scheduling.policy = Int32(policy)
    target.scheduling.priority = Int32(priority)
    target.scheduling.nice = min(19, max(-20, nice))
    target.scheduling.resetOnFork = bits & 1 != 0
    return 0
  }

  /// `sched_getattr(pid_t pid, struct sched_attr *attr, unsigned int size, unsigned int flags);`
  func sys_sched_getattr(pid: Int32, _ address: UInt, size: UInt32, flags: UInt32) throws(Errno)
    -> Int
  {
    guard address != 0, flags == 0, size >= 48, size <= 4096 else { throw .EINVAL }
    let s = try schedulingTarget(pid).scheduling
    let written = min(size, 56)
    try UserMemory.zero(address, count: Int(written))
    try UserMemory.write(written, to: address)
    try UserMemory.write(UInt32(bitPattern: s.policy), to: address + 4)
    try UserMemory.write(UInt64(s.resetOnFork ? 1 : 0), to: address + 8)
    try UserMemory.write(s.nice, to: address + 16)
    try UserMemory.write(s.priority, to: address + 20)
    if written >= 56 { try UserMemory.write(UInt32(1024), to: address + 52) }
    return 0
  }

  /// The raw call returns the size of the kernel's mask, 8 bytes for at most 64 processors.
  func sys_sched_getaffinity(pid: Int32, size: UInt32, mask: UInt) throws(Errno) -> Int {
    let processors = unsafe Processors.count
    let words = (processors + 63) / 64
    guard Int(size) * 8 >= processors, size & 7 == 0 else { throw .EINVAL }
    // Unlike its relatives it looks for whoever is named, and finds nobody (find_process_by_pid).
    if pid < 0 { throw .ESRCH }
    let task = try schedulingTarget(pid)
    let count = min(Int(size) / 8, words)
    for i in 0..<count {
      let chosen = task.scheduling.affinity
      let all = Processors.mask(i)
      try UserMemory.write(i < chosen.count ? chosen[i] & all : all, to: mask + UInt(8 * i))
    }
    return count * 8
  }

  /// Kept and reported only: which processor runs a thread is the host's choice.
  func sys_sched_setaffinity(pid: Int32, size: UInt32, mask: UInt) throws(Errno) -> Int {
    let words = (unsafe Processors.count + 63) / 64
    var bits = [UInt64](repeating: 0, count: words)
    var any: UInt64 = 0
    for i in 0..<words {
      let room = Int(size) - 8 * i
      if room <= 0 { break }
      let bytes = try UserMemory.readBytes(mask + UInt(8 * i), count: min(8, room))
      for (j, byte) in bytes.enumerated() { bits[i] |= UInt64(byte) << UInt64(8 * j) }
      bits[i] &= Processors.mask(i)
      any |= bits[i]
    }
    let task = try schedulingTarget(pid)
    guard any != 0 else { throw .EINVAL }
    task.scheduling.affinity = bits
    return 0
  }

  /// PRIO_PROCESS 0, PRIO_PGRP 1, PRIO_USER 2.
  private func priorityTargets(_ which: Int32, _ who: Int32) throws(Errno) -> [Task] {
    switch which {
    case 0: return [try schedulingTarget(who)]
    case 1:
      return TaskTable.shared.processes(inGroup: who == 0 ? process.group : who).flatMap {
        $0.tasks
      }
    case 2:
      let user = who == 0 ? process.credentials.realUser : UInt32(bitPattern: who)
      return TaskTable.shared.allProcesses().filter { $0.credentials.realUser == user }
        .flatMap { $0.tasks }
    default: throw .EINVAL
    }
  }

  /// The raw call answers 20 - nice, so that it is never negative.
  func sys_getpriority(_ which: Int32, who: Int32) throws(Errno) -> Int {
    var least: Int32 = 20
    for task in try priorityTargets(which, who) { least = min(least, task.scheduling.nice) }
    guard least < 20 else { throw .ESRCH }
    return Int(20 - least)
  }

  /// - Throws: EACCES for a lower value than RLIMIT_NICE allows.
  func sys_setpriority(_ which: Int32, who: Int32, nice: Int32) throws(Errno) -> Int {
    let nice = min(19, max(-20, nice))
    let targets = try priorityTargets(which, who)
    guard !targets.isEmpty else { throw .ESRCH }
    for task in targets {
      let limit = Int(clamping: task.process.limits[ResourceLimit.RLIMIT_NICE].current)
      if nice < task.scheduling.nice, 20 - Int(nice) > limit { throw .EACCES }
      task.scheduling.nice = nice
    }
    return 0
  }

  /// `get_mempolicy(int *mode, unsigned long *nodemask, unsigned long maxnode, void *addr, unsigned long flags);`
  func sys_get_mempolicy(mode: UInt, mask: UInt, bits: UInt) throws(Errno) -> Int {
    if mode != 0 { try UserMemory.write(Int32(0), to: mode) }
    if mask != 0 {
      guard bits >= 1, bits <= 4096 else { throw .EINVAL }
      try UserMemory.zero(mask, count: Int((bits + 63) / 64 * 8))
    }
    return 0
  }
}
