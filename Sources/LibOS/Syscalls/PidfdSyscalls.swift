import EnclaveRuntime
import LinuxABI

/// Descriptors that refer to processes; CLONE_PIDFD and waitid(P_PIDFD) are with their calls.
let pidfdSyscalls: [Syscall] = [
  Syscall(
    424, "pidfd_send_signal", .partial("flags is 0: no PIDFD_SIGNAL_THREAD and its like")
  ) { (t, a) throws(Errno) in
    try t.sys_pidfd_send_signal(a.int32(0), signal: a.int32(1), info: a[2], flags: a.uint32(3))
  },
  Syscall(434, "pidfd_open", .partial("no PIDFD_THREAD")) { (t, a) throws(Errno) in
    try t.sys_pidfd_open(pid: a.int32(0), flags: a.uint32(1))
  },
  Syscall(
    438, "pidfd_getfd", .partial("from the caller itself and its descendants, as Yama has it")
  ) { (t, a) throws(Errno) in
    try t.sys_pidfd_getfd(a.int32(0), a.int32(1), flags: a.uint32(2))
  },
]

extension Task {
  /// `int pidfd_open(pid_t pid, unsigned int flags);`
  ///
  /// - Throws: EINVAL for an unknown flag, a number that is not positive, or a thread that is no process; ESRCH.
  func sys_pidfd_open(pid: Int32, flags: UInt32) throws(Errno) -> Int {
    let PIDFD_NONBLOCK = OpenFlags.O_NONBLOCK.rawValue
    guard flags & ~PIDFD_NONBLOCK == 0, pid > 0 else { throw .EINVAL }
    guard let target = TaskTable.shared.process(pid) else {
      throw TaskTable.shared.task(pid) == nil ? .ESRCH : .EINVAL
    }
    return Int(
      try process.files.insert(Pidfd(target, nonblocking: flags != 0), closeOnExec: true))
  }

  /// `int pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags);`
  func sys_pidfd_send_signal(
    _ fd: Int32, signal number: Int32, info address: UInt, flags: UInt32
  ) throws(Errno) -> Int {
    guard flags == 0 else { throw .EINVAL }
    let target = try processOfDescriptor(fd)
    var info: SignalInfo
    if address != 0 {
      info = try UserMemory.read(address, as: SignalInfo.self)
      guard info.signo == number else { throw .EINVAL }
      // What the kernel says of itself nobody may say to another.
      if target !== process, info.code >= 0 || info.code == SignalInfo.SI_TKILL { throw .EPERM }
    } else {
      info = SignalInfo(
        Signal(rawValue: number), code: SignalInfo.SI_USER, pid: process.pid,
        uid: process.credentials.realUser)
    }
    guard TaskTable.shared.process(target.pid) === target else { throw .ESRCH }
    let signal = try checkSignal(number)
    guard maySignal(target, signal) else { throw .EPERM }
    if signal != nil { try target.send(info) }
    return 0
  }

  /// `int pidfd_getfd(int pidfd, int targetfd, unsigned int flags);`
  func sys_pidfd_getfd(_ fd: Int32, _ wanted: Int32, flags: UInt32) throws(Errno) -> Int {
    guard flags == 0 else { throw .EINVAL }
    let target = try pidfd(fd).process
    guard TaskTable.shared.process(target.pid) === target, target.zombieStatus == nil else {
      throw .ESRCH
    }
    guard mayTake(from: target) else { throw .EPERM }
    let file = try target.files.get(wanted, path: true)
    return Int(try process.files.insert(file, closeOnExec: true))
  }

  /// PTRACE_MODE_ATTACH_REALCREDS with kernel.yama.ptrace_scope = 1: one's own descendants that run as oneself.
  private func mayTake(from target: Process) -> Bool {
    let own = process.credentials
    let other = target.credentials
    guard
      own.realUser == other.realUser, own.realUser == other.effectiveUser,
      own.realUser == other.savedUser, own.realGroup == other.realGroup,
      own.realGroup == other.effectiveGroup, own.realGroup == other.savedGroup
    else { return false }
    var at = target
    let table = TaskTable.shared
    table.lock.lock()
    defer { table.lock.unlock() }
    while at !== process {
      guard let parent = table.processLocked(at.parentPid), parent !== at else { return false }
      at = parent
    }
    return true
  }
}
