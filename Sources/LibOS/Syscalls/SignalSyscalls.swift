import CEnclave
import EnclaveRuntime
import LinuxABI

/// sigaction(2), sigprocmask(2), kill(2) and their like.
let signalSyscalls: [Syscall] = [
  Syscall(13, "rt_sigaction") { (t, a) throws(Errno) in
    try t.sys_rt_sigaction(a.int32(0), new: a[1], old: a[2], setSize: a[3])
  },
  Syscall(14, "rt_sigprocmask") { (t, a) throws(Errno) in
    try t.sys_rt_sigprocmask(how: a.int32(0), new: a[1], old: a[2], setSize: a[3])
  },
  Syscall(15, "rt_sigreturn") { (t, _) throws(Errno) in t.sys_rt_sigreturn() },
  Syscall(34, "pause") { (t, _) throws(Errno) in try t.sys_pause() },
  Syscall(62, "kill") { (t, a) throws(Errno) in try t.sys_kill(pid: a.int32(0), signal: a.int32(1))
  },
  Syscall(127, "rt_sigpending") { (t, a) throws(Errno) in
    try t.sys_rt_sigpending(a[0], setSize: a[1])
  },
  Syscall(128, "rt_sigtimedwait") { (t, a) throws(Errno) in
    try t.sys_rt_sigtimedwait(a[0], info: a[1], timeout: a[2], setSize: a[3])
  },
  Syscall(129, "rt_sigqueueinfo") { (t, a) throws(Errno) in
    try t.sys_rt_sigqueueinfo(pid: a.int32(0), signal: a.int32(1), info: a[2])
  },
  Syscall(130, "rt_sigsuspend") { (t, a) throws(Errno) in
    try t.sys_rt_sigsuspend(a[0], setSize: a[1])
  },
  Syscall(131, "sigaltstack") { (t, a) throws(Errno) in
    try t.sys_sigaltstack(new: a[0], old: a[1])
  },
  Syscall(200, "tkill") { (t, a) throws(Errno) in
    try t.sys_tgkill(group: nil, tid: a.int32(0), signal: a.int32(1))
  },
  Syscall(219, "restart_syscall") { (t, _) throws(Errno) in try t.sys_restart_syscall() },
  Syscall(234, "tgkill") { (t, a) throws(Errno) in
    try t.sys_tgkill(group: a.int32(0), tid: a.int32(1), signal: a.int32(2))
  },
  Syscall(297, "rt_tgsigqueueinfo") { (t, a) throws(Errno) in
    try t.sys_rt_tgsigqueueinfo(
      group: a.int32(0), tid: a.int32(1), signal: a.int32(2), info: a[3])
  },
]

extension Task {
  /// Every rt_ call takes `sizeof(sigset_t)`, 8, and nothing else.
  func checkSetSize(_ size: UInt) throws(Errno) {
    guard size == 8 else { throw .EINVAL }
  }

  /// `rt_sigaction(int signum, const struct sigaction *act, struct sigaction *oldact, size_t sigsetsize);`
  func sys_rt_sigaction(_ number: Int32, new: UInt, old: UInt, setSize: UInt) throws(Errno) -> Int {
    try checkSetSize(setSize)
    let action = new == 0 ? nil : try UserMemory.read(new, as: KernelSigaction.self)
    let signal = Signal(rawValue: number)
    guard signal.isValid else { throw .EINVAL }
    if action != nil, SignalSet.unblockable.contains(signal) { throw .EINVAL }
    let state = process.signals
    state.lock.lock()
    let previous = state.action(signal)
    state.lock.unlock()
    if let action { process.setAction(signal, action) }
    if old != 0 { try UserMemory.write(previous, to: old) }
    return 0
  }

  /// `rt_sigprocmask(int how, const kernel_sigset_t *set, kernel_sigset_t *oldset, size_t sigsetsize);`
  func sys_rt_sigprocmask(how: Int32, new: UInt, old: UInt, setSize: UInt) throws(Errno) -> Int {
    try checkSetSize(setSize)
    let previous = signals.blocked
    if new != 0 {
      try changeMask(how: how, try UserMemory.read(new, as: SignalSet.self))
    }
    if old != 0 { try UserMemory.write(previous, to: old) }
    return 0
  }

  /// Returns what RAX was: the dispatcher writes it back.
  func sys_rt_sigreturn() -> Int {
    do throws(Errno) {
      unsafe try popSignalFrame(registers)
    } catch {
      forceSegmentationFault(during: Signal(rawValue: 0))
    }
    return unsafe Int(bitPattern: UInt(registers.pointee.rax))
  }

  func sys_pause() throws(Errno) -> Int {
    while !hasInterruptingSignal { park(deadlineNs: nil) }
    throw .ERESTARTNOHAND
  }

  /// `rt_sigsuspend(const sigset_t *mask, size_t sigsetsize);`
  func sys_rt_sigsuspend(_ mask: UInt, setSize: UInt) throws(Errno) -> Int {
    try checkSetSize(setSize)
    setTemporaryMask(try UserMemory.read(mask, as: SignalSet.self))
    return try sys_pause()
  }

  func sys_rt_sigpending(_ set: UInt, setSize: UInt) throws(Errno) -> Int {
    guard setSize <= 8 else { throw .EINVAL }
    process.signals.lock.lock()
    let pending = signals.pending.set.union(process.signals.pending.set).intersection(
      signals.blocked)
    process.signals.lock.unlock()
    var bytes: [UInt8] = []
    for i in 0..<setSize { bytes.append(UInt8(truncatingIfNeeded: pending.bits >> UInt64(8 * i))) }
    try UserMemory.writeBytes(bytes, to: set)
    return 0
  }

  /// `sigaltstack(const stack_t *ss, stack_t *old_ss);`
  func sys_sigaltstack(new: UInt, old: UInt) throws(Errno) -> Int {
    let sp = unsafe UInt(registers.pointee.rsp)
    let previous = reportedSignalStack(sp)
    if new != 0 {
      let stack = try UserMemory.read(new, as: SignalStack.self)
      try changeSignalStack(stack, userSP: sp, minimum: SignalStack.MINSIGSTKSZ)
    }
    if old != 0 { try UserMemory.write(previous, to: old) }
    return 0
  }

  // MARK: Sending

  /// May this process send to that one (kill(2), permissions)?
  func maySignal(_ target: Process, _ signal: Signal?) -> Bool {
    if target === process { return true }
    let own = process.credentials
    let other = target.credentials
    if own.capabilities.has(CapabilitySets.CAP_KILL) { return true }
    if own.effectiveUser == other.savedUser || own.effectiveUser == other.realUser
      || own.realUser == other.savedUser || own.realUser == other.realUser
    {
      return true
    }
    return signal == .SIGCONT && process.session == target.session
  }

  /// 0 only asks whether the target is there.
  func checkSignal(_ number: Int32) throws(Errno) -> Signal? {
    if number == 0 { return nil }
    let signal = Signal(rawValue: number)
    guard signal.isValid else { throw .EINVAL }
    return signal
  }

  /// `kill(pid_t pid, int sig);`
  func sys_kill(pid: Int32, signal number: Int32) throws(Errno) -> Int {
    func send(_ target: Process) throws(Errno) {
      // Who is not there comes before a signal that is not.
      let signal = try checkSignal(number)
      guard maySignal(target, signal) else { throw .EPERM }
      guard let signal else { return }
      try target.send(
        SignalInfo(
          signal, code: SignalInfo.SI_USER, pid: process.pid, uid: process.credentials.realUser))
    }
    if pid > 0 {
      guard let target = TaskTable.shared.process(pid) ?? TaskTable.shared.task(pid)?.process else {
        throw .ESRCH
      }
      try send(target)
      return 0
    }
    guard pid != .min else { throw .ESRCH }
    let targets: [Process] =
      pid == -1
      ? TaskTable.shared.allProcesses().filter { $0.pid != TaskTable.initialPid && $0 !== process }
      : TaskTable.shared.processes(inGroup: pid == 0 ? process.group : -pid)
    if targets.isEmpty { throw .ESRCH }
    var sent = false
    var failure: Errno?
    for target in targets {
      do throws(Errno) {
        try send(target)
        sent = true
      } catch { failure = error }
    }
    if !sent, let failure { throw failure }
    return 0
  }

  private func target(group: Int32?, tid: Int32) throws(Errno) -> Task {
    guard tid > 0, group == nil || group! > 0 else { throw .EINVAL }
    guard let task = TaskTable.shared.task(tid), group == nil || task.process.pid == group! else {
      throw .ESRCH
    }
    return task
  }

  /// `tgkill(pid_t tgid, pid_t tid, int sig);`, `tkill(pid_t tid, int sig);`
  func sys_tgkill(group: Int32?, tid: Int32, signal number: Int32) throws(Errno) -> Int {
    let target = try target(group: group, tid: tid)
    let signal = try checkSignal(number)
    guard maySignal(target.process, signal) else { throw .EPERM }
    if let signal {
      try target.process.send(
        SignalInfo(
          signal, code: SignalInfo.SI_TKILL, pid: process.pid, uid: process.credentials.realUser),
        to: target)
    }
    return 0
  }

  /// A siginfo_t of the program's. Only itself may claim to be the kernel or kill(2).
  private func readInfo(_ address: UInt, signal: Int32) throws(Errno) -> SignalInfo {
    var info = try UserMemory.read(address, as: SignalInfo.self)
    info.signo = signal
    return info
  }

  /// What the kernel says of itself nobody may say to another.
  private func mayClaim(_ info: SignalInfo, to number: Int32, own: Int32) -> Bool {
    !(info.code >= 0 || info.code == SignalInfo.SI_TKILL) || number == own
  }

  /// `rt_sigqueueinfo(pid_t tgid, int sig, siginfo_t *info);`
  func sys_rt_sigqueueinfo(pid: Int32, signal number: Int32, info: UInt) throws(Errno) -> Int {
    let info = try readInfo(info, signal: number)
    guard mayClaim(info, to: pid, own: process.pid) else { throw .EPERM }
    guard let target = TaskTable.shared.process(pid) ?? TaskTable.shared.task(pid)?.process else {
      throw .ESRCH
    }
    let signal = try checkSignal(number)
    guard maySignal(target, signal) else { throw .EPERM }
    if signal != nil { try target.send(info) }
    return 0
  }

  /// `rt_tgsigqueueinfo(pid_t tgid, pid_t tid, int sig, siginfo_t *info);`
  func sys_rt_tgsigqueueinfo(
    group: Int32, tid: Int32, signal number: Int32, info: UInt
  ) throws(Errno) -> Int {
    let info = try readInfo(info, signal: number)
    if tid > 0, group > 0, !mayClaim(info, to: tid, own: self.tid),
      TaskTable.shared.task(tid)?.process !== process
    {
      throw .EPERM
    }
    let target = try target(group: group, tid: tid)
    let signal = try checkSignal(number)
    guard maySignal(target.process, signal) else { throw .EPERM }
    if signal != nil { try target.process.send(info, to: target) }
    return 0
  }

  // MARK: Receiving

  /// `rt_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout, size_t sigsetsize);`
  func sys_rt_sigtimedwait(_ set: UInt, info: UInt, timeout: UInt, setSize: UInt) throws(Errno)
    -> Int
  {
    try checkSetSize(setSize)
    let wanted = try UserMemory.read(set, as: SignalSet.self).subtracting(.unblockable)
    let deadline = try relativeTimeout(timeout)
    let found = try waitForSignal(wanted, deadlineNs: deadline)
    if info != 0 {
      try UserMemory.write(found, to: info)
      try UserMemory.zero(
        info + UInt(SignalInfo.keptSize), count: SignalInfo.userSize - SignalInfo.keptSize)
    }
    return Int(found.signo)
  }

  /// Takes a signal of the set, whether it is blocked or not. EAGAIN at the deadline, EINTR for another signal.
  private func waitForSignal(_ wanted: SignalSet, deadlineNs: UInt64?) throws(Errno) -> SignalInfo {
    let state = process.signals
    state.lock.lock()
    defer { state.lock.unlock() }
    // While it waits, the thread counts as one that does not block them.
    signals.waitingFor = wanted
    defer { signals.waitingFor = SignalSet() }
    while true {
      if let found = takeSignal(wanted) { return found }
      if hasDeliverableSignal { throw .EINTR }
      if let deadlineNs, Clock.monotonicNs() >= deadlineNs { throw .EAGAIN }
      state.lock.unlock()
      park(deadlineNs: deadlineNs)
      state.lock.lock()
    }
  }

  /// Goes on with what a stop signal interrupted (restart_syscall(2)).
  func sys_restart_syscall() throws(Errno) -> Int {
    let block = restart
    restart = .none
    switch block {
    case .none: throw .EINTR
    case .sleep(let deadlineNs, let remaining):
      try sleepUntil(deadlineNs, remaining: remaining)
      return 0
    case .futexWait(let address, let value, let isPrivate, let bitset, let deadlineNs):
      return try futexWait(
        address, isPrivate, value: value, bitset: bitset, deadlineNs: deadlineNs)
    case .poll(let descriptors, let count, let deadlineNs):
      do throws(Errno) {
        return try poll(descriptors, count: count, deadlineNs: deadlineNs)
      } catch {
        guard error == .ERESTARTNOHAND else { throw error }
        restart = block
        throw .ERESTART_RESTARTBLOCK
      }
    }
  }
}
