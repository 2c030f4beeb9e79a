import CEnclave
import EnclaveRuntime
import LinuxABI
import Synchronization

/// clone(2), clone3(2): new threads.
struct CloneRequest {
  var flags: CloneFlags
  var exitSignal: UInt64
  /// Top of the child's stack, 0: the parent's.
  var stackTop: UInt64
  var parentTid: UInt
  var childTid: UInt
  var tls: UInt64
  /// Where CLONE_PIDFD stores the descriptor.
  var pidfd: UInt
}

extension Task {
  /// The flags that cannot be together, as Linux copy_process() has them.
  func checkCloneFlags(_ request: CloneRequest) throws(Errno) {
    let flags = request.flags
    if flags.contains(.CLONE_THREAD), !flags.contains(.CLONE_SIGHAND) { throw .EINVAL }
    if flags.contains(.CLONE_SIGHAND), !flags.contains(.CLONE_VM) { throw .EINVAL }
    if flags.contains([.CLONE_NEWNS, .CLONE_FS]) { throw .EINVAL }
    if flags.contains([.CLONE_NEWUSER, .CLONE_FS]) { throw .EINVAL }
    if flags.contains([.CLONE_SIGHAND, .CLONE_CLEAR_SIGHAND]) { throw .EINVAL }
    if flags.contains(.CLONE_THREAD), !flags.isDisjoint(with: [.CLONE_NEWUSER, .CLONE_NEWPID]) {
      throw .EINVAL
    }
    // Namespaces need privileges that a container does not have.
    if !flags.isDisjoint(with: .namespaces) { throw .EPERM }
  }

  /// Starts a thread of this process that returns 0 from the same call; the new thread's number.
  ///
  /// - Throws: EAGAIN when every TCS carries a thread.
  func cloneThread(_ request: CloneRequest) throws(Errno) -> Int {
    if request.flags.contains(.CLONE_PIDFD) { throw .EINVAL }
    try process.checkThreadLimit()
    guard let slot = ThreadSlots.shared.allocate() else { throw .EAGAIN }
    var started = false
    defer { if !started { ThreadSlots.shared.giveBack(slot) } }
    let tid = try TaskTable.shared.allocateNumber()
    let child = Task(
      tid: tid, process: process, parker: Parker(threadIndex: slot), threadIndex: slot)
    child.signals.blocked = signals.blocked
    child.name = name
    child.scheduling = scheduling.inherited
    // With CLONE_VM the alternate stack is not inherited (clone(2)).
    if request.flags.contains(.CLONE_CHILD_CLEARTID) { child.clearChildTid = request.childTid }

    var regs = unsafe registers.pointee
    regs.rax = 0
    regs.orig_rax = .max
    if request.stackTop != 0 { regs.rsp = request.stackTop }
    // The child's vector state: XMM and MXCSR as they are; what lies above is initial, like the
    // registers a new thread may rely on.
    regs.xsave = 0
    let fsBase =
      request.flags.contains(.CLONE_SETTLS) ? request.tls : unsafe cl_block().pointee.fs_base

    // Linux writes the numbers before the child runs; a bad pointer is not an error for these.
    if request.flags.contains(.CLONE_PARENT_SETTID) {
      try? UserMemory.write(tid, to: request.parentTid)
    }
    if request.flags.contains(.CLONE_CHILD_SETTID) {
      try? UserMemory.write(tid, to: request.childTid)
    }
    TaskTable.shared.add(child)
    do throws(Errno) {
      try process.add(child)
    } catch {
      TaskTable.shared.remove(child)
      throw error
    }
    ThreadSlots.shared.occupy(slot, child)
    // The caller runs, so the process is resident.
    process.memory.residency.running.add(1, ordering: .sequentiallyConsistent)
    do throws(Errno) {
      try KernelThreads.start(slot: slot, task: child, regs: regs, fsBase: fsBase)
    } catch {
      process.memory.residency.running.subtract(1, ordering: .sequentiallyConsistent)
      _ = process.remove(child)
      TaskTable.shared.remove(child)
      throw error
    }
    started = true
    return Int(tid)
  }
}
