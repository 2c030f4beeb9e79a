import EnclaveRuntime
import LinuxABI

/// clone(2), exit(2), gettid(2) and their like.
let threadSyscalls: [Syscall] = [
  Syscall(24, "sched_yield") { (t, _) throws(Errno) in t.sys_sched_yield() },
  Syscall(39, "getpid") { (t, _) throws(Errno) in Int(t.process.pid) },
  Syscall(
    56, "clone",
    .partial(
      "no namespaces, CLONE_PIDFD for processes only; CLONE_SIGHAND without CLONE_THREAD copies dispositions"
    )
  ) { (t, a) throws(Errno) in
    try t.sys_clone(flags: a[0], stack: a[1], parentTid: a[2], childTid: a[3], tls: a[4])
  },
  Syscall(57, "fork") { (t, _) throws(Errno) in try t.sys_fork() },
  Syscall(58, "vfork") { (t, _) throws(Errno) in try t.sys_vfork() },
  Syscall(60, "exit") { (t, a) throws(Errno) in t.sys_exit(a.int32(0)) },
  Syscall(110, "getppid") { (t, _) throws(Errno) in Int(t.process.parentPid) },
  Syscall(186, "gettid") { (t, _) throws(Errno) in Int(t.tid) },
  Syscall(218, "set_tid_address") { (t, a) throws(Errno) in t.sys_set_tid_address(a[0]) },
  Syscall(231, "exit_group") { (t, a) throws(Errno) in t.sys_exit_group(a.int32(0)) },
  Syscall(334, "rseq", .refused("an enclave cannot see every preemption")) {
    (_, _) throws(Errno) in throw .ENOSYS
  },
  Syscall(435, "clone3") { (t, a) throws(Errno) in try t.sys_clone3(a[0], size: a[1]) },
]

extension Task {
  func sys_sched_yield() -> Int {
    Parking.yield()
    return 0
  }

  private func request(_ flags: CloneFlags) -> CloneRequest {
    CloneRequest(
      flags: flags, exitSignal: UInt64(Signal.SIGCHLD.rawValue), stackTop: 0, parentTid: 0,
      childTid: 0, tls: 0, pidfd: 0)
  }

  func sys_fork() throws(Errno) -> Int { try cloneProcess(request([])) }

  func sys_vfork() throws(Errno) -> Int { try cloneProcess(request([.CLONE_VM, .CLONE_VFORK])) }

  /// `clone(unsigned long flags, void *stack, int *parent_tid, int *child_tid, unsigned long tls);`
  func sys_clone(
    flags: UInt, stack: UInt, parentTid: UInt, childTid: UInt, tls: UInt
  ) throws(Errno) -> Int {
    let low = UInt64(flags & 0xFFFF_FFFF)
    let set = CloneFlags(rawValue: low & ~CloneFlags.CSIGNAL)
    // The pidfd goes to where the thread number would; CLONE_DETACHED is kept free beside it.
    if set.contains(.CLONE_PIDFD), !set.isDisjoint(with: [.CLONE_PARENT_SETTID, .CLONE_DETACHED]) {
      throw .EINVAL
    }
    return try clone(
      CloneRequest(
        flags: set,
        exitSignal: low & CloneFlags.CSIGNAL,
        stackTop: UInt64(stack), parentTid: parentTid, childTid: childTid, tls: UInt64(tls),
        pidfd: parentTid))
  }

  /// `clone3(struct clone_args *cl_args, size_t size);`
  ///
  /// - Throws: EINVAL for unknown flags, a size that no kernel had, a stack without size or the reverse;
  ///   E2BIG for a larger structure whose unknown part is not zero.
  func sys_clone3(_ address: UInt, size: UInt) throws(Errno) -> Int {
    let known = MemoryLayout<CloneArguments>.size
    guard size <= 4096 else { throw .E2BIG }
    guard size >= UInt(CloneArguments.size0) else { throw .EINVAL }
    let bytes = try UserMemory.readBytes(address, count: Int(size))
    for i in min(known, bytes.count)..<bytes.count where bytes[i] != 0 { throw .E2BIG }
    func field(_ i: Int) -> UInt64 {
      var value: UInt64 = 0
      for j in 0..<8 where i * 8 + j < bytes.count {
        value |= UInt64(bytes[i * 8 + j]) << UInt64(8 * j)
      }
      return value
    }
    let flags = CloneFlags(rawValue: field(0))
    // CSIGNAL bits and CLONE_DETACHED are not flags of clone3.
    let valid: UInt64 =
      0x3_FFFF_FFFF & ~(CloneFlags.CSIGNAL & ~0x80) & ~CloneFlags.CLONE_DETACHED.rawValue
    guard flags.rawValue & ~valid == 0 else { throw .EINVAL }
    let exitSignal = field(4)
    let stack = field(5)
    let stackSize = field(6)
    guard exitSignal & ~CloneFlags.CSIGNAL == 0, exitSignal <= 64 else { throw .EINVAL }
    if !flags.isDisjoint(with: [.CLONE_THREAD, .CLONE_PARENT]), exitSignal != 0 { throw .EINVAL }
    guard (stack == 0) == (stackSize == 0) else { throw .EINVAL }
    guard field(8) == 0, field(9) == 0 else { throw .EPERM }
    if flags.contains(.CLONE_INTO_CGROUP) { throw .EOPNOTSUPP }
    if flags.contains([.CLONE_PIDFD, .CLONE_PARENT_SETTID]), field(1) == field(3) { throw .EINVAL }
    return try clone(
      CloneRequest(
        flags: flags, exitSignal: exitSignal, stackTop: stack &+ stackSize,
        parentTid: UInt(field(3)),
        childTid: UInt(field(2)), tls: field(7), pidfd: UInt(field(1))))
  }

  private func clone(_ request: CloneRequest) throws(Errno) -> Int {
    try checkCloneFlags(request)
    if request.flags.contains(.CLONE_THREAD) { return try cloneThread(request) }
    return try cloneProcess(request)
  }

  /// `void exit(int status);` The thread ends on its way to user mode.
  func sys_exit(_ status: Int32) -> Int {
    exitStatus = (status & 0xFF) << 8
    setWork()
    return 0
  }

  /// `void exit_group(int status);`
  func sys_exit_group(_ status: Int32) -> Int {
    process.signals.lock.lock()
    process.beginGroupExit(waitStatus: (status & 0xFF) << 8)
    process.signals.lock.unlock()
    return 0
  }

  func sys_set_tid_address(_ address: UInt) -> Int {
    clearChildTid = address
    return Int(tid)
  }
}
