import EnclaveRuntime
import LinuxABI

/// wait4(2), waitid(2), process groups and sessions, getrusage(2).
let processSyscalls: [Syscall] = [
  Syscall(61, "wait4") { (t, a) throws(Errno) in
    try t.sys_wait4(pid: a.int32(0), status: a[1], options: a.uint32(2), usage: a[3])
  },
  Syscall(98, "getrusage") { (t, a) throws(Errno) in
    try t.sys_getrusage(a.int32(0), a[1])
  },
  Syscall(100, "times") { (t, a) throws(Errno) in try t.sys_times(a[0]) },
  Syscall(109, "setpgid") { (t, a) throws(Errno) in
    try t.sys_setpgid(pid: a.int32(0), group: a.int32(1))
  },
  Syscall(111, "getpgrp") { (t, _) throws(Errno) in Int(t.process.group) },
  Syscall(112, "setsid") { (t, _) throws(Errno) in try t.sys_setsid() },
  Syscall(121, "getpgid") { (t, a) throws(Errno) in
    Int(try t.processTarget(a.int32(0)).group)
  },
  Syscall(124, "getsid") { (t, a) throws(Errno) in
    Int(try t.processTarget(a.int32(0)).session)
  },
  Syscall(135, "personality", .partial("PER_LINUX only")) { (t, a) throws(Errno) in
    t.sys_personality(a.uint32(0))
  },
  Syscall(247, "waitid") { (t, a) throws(Errno) in
    try t.sys_waitid(
      type: a.int32(0), id: a.int32(1), info: a[2], options: a.uint32(3), usage: a[4])
  },
]

extension Task {
  /// 0: the caller's process.
  func processTarget(_ pid: Int32) throws(Errno) -> Process {
    if pid == 0 { return process }
    guard let target = TaskTable.shared.process(pid) ?? TaskTable.shared.task(pid)?.process else {
      throw .ESRCH
    }
    return target
  }

  /// `wait4(pid_t pid, int *wstatus, int options, struct rusage *rusage);`
  func sys_wait4(pid: Int32, status: UInt, options: UInt32, usage: UInt) throws(Errno) -> Int {
    var options = WaitOptions(rawValue: options)
    let valid: WaitOptions = [.WNOHANG, .WUNTRACED, .WCONTINUED, .__WNOTHREAD, .__WCLONE, .__WALL]
    guard options.isSubset(of: valid) else { throw .EINVAL }
    guard pid != .min else { throw .ESRCH }
    options.insert(.WEXITED)
    let selector: ChildSelector =
      switch pid {
      case -1: .any
      case 0: .group(process.group)
      case ..<0: .group(-pid)
      default: .pid(pid)
      }
    guard let event = try process.waitForChild(selector, options) else { return 0 }
    if status != 0 { try UserMemory.write(event.waitStatus, to: status) }
    if usage != 0 { try UserMemory.write(event.usage, to: usage) }
    return Int(event.pid)
  }

  /// `waitid(idtype_t idtype, id_t id, siginfo_t *infop, int options, struct rusage *ru);`
  func sys_waitid(
    type: Int32, id: Int32, info: UInt, options: UInt32, usage: UInt
  ) throws(Errno) -> Int {
    let options = WaitOptions(rawValue: options)
    let valid: WaitOptions = [
      .WNOHANG, .WNOWAIT, .WEXITED, .WUNTRACED, .WCONTINUED, .__WNOTHREAD, .__WCLONE, .__WALL,
    ]
    guard options.isSubset(of: valid),
      !options.isDisjoint(with: [.WEXITED, .WUNTRACED, .WCONTINUED])
    else { throw .EINVAL }
    let selector: ChildSelector
    // A pidfd with O_NONBLOCK does not wait (waitid(2)).
    var nonblocking = false
    switch type {
    case 0: selector = .any
    case 1:
      guard id > 0 else { throw .EINVAL }
      selector = .pid(id)
    case 2:
      guard id >= 0 else { throw .EINVAL }
      selector = .group(id == 0 ? process.group : id)
    case 3:
      guard id >= 0 else { throw .EINVAL }
      let file = try pidfd(id)
      selector = .process(file.process)
      nonblocking = file.isNonblocking && !options.contains(.WNOHANG)
    default: throw .EINVAL
    }
    let event: ChildEvent?
    do throws(Errno) {
      event = try process.waitForChild(selector, nonblocking ? options.union(.WNOHANG) : options)
      if event == nil, nonblocking { throw Errno.EAGAIN }
    } catch {
      // Linux clears the structure whatever the result, and a bad one is what it then tells.
      if info != 0 { try UserMemory.zero(info, count: 28) }
      throw error
    }
    if usage != 0, let event { try UserMemory.write(event.usage, to: usage) }
    if info != 0 {
      // Linux writes the 28 bytes that mean something.
      let found = event?.info ?? SignalInfo()
      try UserMemory.write(found.signo, to: info)
      try UserMemory.write(found.errno, to: info + 4)
      try UserMemory.write(found.code, to: info + 8)
      try UserMemory.write(found.word0, to: info + 16)
      try UserMemory.write(UInt32(truncatingIfNeeded: found.word1), to: info + 24)
    }
    return 0
  }

  // MARK: Groups and sessions

  /// `setpgid(pid_t pid, pid_t pgid);`
  func sys_setpgid(pid: Int32, group: Int32) throws(Errno) -> Int {
    guard group >= 0 else { throw .EINVAL }
    let target = try processTarget(pid)
    guard target === process || target.parentPid == process.pid else { throw .ESRCH }
    let group = group == 0 ? target.pid : group
    let members = TaskTable.shared.processes(inGroup: group)
    let table = TaskTable.shared
    table.lock.lock()
    defer { table.lock.unlock() }
    guard target.session == process.session, target.session != target.pid else { throw .EPERM }
    if target !== process, target.hasExecuted { throw .EACCES }
    if group != target.pid {
      guard members.contains(where: { $0.session == process.session }) else { throw .EPERM }
    }
    target.group = group
    return 0
  }

  func sys_setsid() throws(Errno) -> Int {
    let members = TaskTable.shared.processes(inGroup: process.pid)
    let table = TaskTable.shared
    table.lock.lock()
    defer { table.lock.unlock() }
    guard members.isEmpty else { throw .EPERM }
    process.session = process.pid
    process.group = process.pid
    return Int(process.pid)
  }

  /// 0xFFFFFFFF asks only.
  func sys_personality(_ persona: UInt32) -> Int {
    let old = process.attributes.personality
    if persona != .max { process.attributes.personality = persona }
    return Int(old)
  }

  // MARK: Usage

  /// `getrusage(int who, struct rusage *usage);`
  func sys_getrusage(_ who: Int32, _ address: UInt) throws(Errno) -> Int {
    var usage = Rusage()
    switch who {
    case Rusage.RUSAGE_SELF:
      usage = process.cpuTime.rusage
      usage.maximumResidentKB = Int64(SystemMemory.current.used / 1024)
    case Rusage.RUSAGE_CHILDREN: usage = process.usage.waitedChildren.rusage
    case Rusage.RUSAGE_THREAD:
      usage = cpuTime.split.rusage
      usage.maximumResidentKB = Int64(SystemMemory.current.used / 1024)
    default: throw .EINVAL
    }
    try UserMemory.write(usage, to: address)
    return 0
  }

  /// `clock_t times(struct tms *buf);` in ticks of 10 ms.
  func sys_times(_ address: UInt) throws(Errno) -> Int {
    let tick: UInt64 = 10_000_000
    if address != 0 {
      let (own, children) = (process.cpuTime, process.usage.waitedChildren)
      let values = [own.userTicks, own.systemTicks, children.userTicks, children.systemTicks]
      for i in values.indices { try UserMemory.write(values[i], to: address &+ UInt(8 * i)) }
    }
    return Int(Clock.monotonicNs() / tick)
  }
}
