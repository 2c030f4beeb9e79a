import CEnclave
import EnclaveRuntime
import LinuxABI
import Synchronization

/// fork(2), vfork(2), clone(2) without CLONE_THREAD: new processes.
extension Task {
  /// The child's number. It returns 0 from the same call.
  ///
  /// - Throws: EAGAIN when every TCS carries a thread or RLIMIT_NPROC is reached, ENOMEM when the memory of
  ///   the parent cannot be kept, ERESTARTNOINTR when a signal comes first (fork(2): the child must not miss it).
  func cloneProcess(_ request: CloneRequest) throws(Errno) -> Int {
    let flags = request.flags
    try process.checkThreadLimit()
    if hasInterruptingSignal { throw .ERESTARTNOINTR }
    guard let slot = ThreadSlots.shared.allocate() else { throw .EAGAIN }
    var started = false
    defer { if !started { ThreadSlots.shared.giveBack(slot) } }
    let pid = try TaskTable.shared.allocateNumber()
    let descriptors = process.files
    let pidfd = flags.contains(.CLONE_PIDFD) ? try descriptors.reserve() : nil
    defer { if !started, let pidfd { descriptors.release(pidfd) } }
    // What the parent's memory says and the child's does not (clone(2)).
    var notes: [(address: UInt, value: Int32)] = []
    if let pidfd {
      // Here a bad pointer is an error, for nobody would know the descriptor.
      let old = try UserMemory.read(request.pidfd, as: Int32.self)
      try UserMemory.write(old, to: request.pidfd)
      notes.append((request.pidfd, pidfd))
    }
    if flags.contains(.CLONE_PARENT_SETTID) { notes.append((request.parentTid, pid)) }
    let shared = flags.contains(.CLONE_VM)
    let parentMemory = process.memory

    // From here to the start of the child nothing of this process runs but this thread.
    let memory: AddressSpace
    if shared {
      parentMemory.residency.users.add(1, ordering: .relaxed)
      parentMemory.residency.running.add(1, ordering: .sequentiallyConsistent)
      memory = parentMemory
    } else {
      let family = parentMemory.ensureFamily()
      family.quiesce(parentMemory, self)
      memory = parentMemory.copy()
      var before: [(address: UInt, value: Int32)] = []
      for note in notes {
        if let old = try? UserMemory.read(note.address, as: Int32.self) {
          before.append((note.address, old))
        }
        try? UserMemory.write(note.value, to: note.address)
      }
      do throws(Errno) { try family.fork(parentMemory, memory) } catch {
        family.resume(parentMemory)
        OutOfMemory.tell()
        throw error
      }
      memory.dropUninherited()
      for old in before.reversed() { memory.store(old.value, at: old.address) }
    }
    let child = process.child(pid, request, memory)
    let task = Task(tid: pid, process: child, parker: Parker(threadIndex: slot), threadIndex: slot)
    task.signals.blocked = signals.blocked
    // A handler's stack is inherited, but not by what shares the memory without waiting (clone(2)).
    if !shared || flags.contains(.CLONE_VFORK) { task.signals.stack = signals.stack }
    task.name = name
    task.scheduling = scheduling.inherited
    if flags.contains(.CLONE_CHILD_CLEARTID) { task.clearChildTid = request.childTid }

    var regs = unsafe registers.pointee
    regs.rax = 0
    regs.orig_rax = .max
    if request.stackTop != 0 { regs.rsp = request.stackTop }
    // As for a new thread: the vector state above XMM is initial.
    regs.xsave = 0
    let fsBase = flags.contains(.CLONE_SETTLS) ? request.tls : unsafe cl_block().pointee.fs_base
    if flags.contains(.CLONE_CHILD_SETTID) { memory.store(pid, at: request.childTid) }
    if shared { for note in notes { try? UserMemory.write(note.value, to: note.address) } }
    let completion = flags.contains(.CLONE_VFORK) ? VforkCompletion() : nil
    child.vfork = completion

    // Kept before the child can be seen, and put in its place when nothing can fail any more.
    let handle = pidfd.map { (_) in Pidfd(child, nonblocking: false) }
    child.tasks.append(task)
    TaskTable.shared.add(child)
    TaskTable.shared.add(task)
    ThreadSlots.shared.occupy(slot, task)
    do throws(Errno) {
      try KernelThreads.start(slot: slot, task: task, regs: regs, fsBase: fsBase)
    } catch {
      TaskTable.shared.remove(task)
      TaskTable.shared.withdraw(child)
      child.files.drop()
      if shared {
        parentMemory.residency.running.subtract(1, ordering: .sequentiallyConsistent)
        parentMemory.residency.users.subtract(1, ordering: .relaxed)
      } else {
        parentMemory.family?.undoFork(parentMemory, memory)
      }
      throw error
    }
    started = true
    if let pidfd, let handle { descriptors.fill(pidfd, with: handle, closeOnExec: true) }
    // The child is in place now. This thread may do nothing before it has its turn again, not even end.
    if !shared { _ = yieldTurn() }
    if let completion { waitForVfork(completion) }
    return Int(pid)
  }

  /// CLONE_VFORK: until the child has called execve(2) or is over. Only a deadly signal ends it before.
  private func waitForVfork(_ completion: VforkCompletion) {
    let entry = ParkedEntry(parker)
    completion.queue.add(entry)
    defer { completion.queue.remove(entry) }
    while !completion.isDone.load(ordering: .acquiring) {
      process.signals.lock.lock()
      let dies = process.signals.groupExit != nil || exitStatus != nil
      process.signals.lock.unlock()
      if dies { return }
      park(deadlineNs: nil)
    }
  }
}

/// What the parent of vfork(2) waits for.
final class VforkCompletion: Sendable {
  let isDone = Atomic<Bool>(false)
  let queue = WaitQueue()
  func finish() {
    isDone.store(true, ordering: .releasing)
    queue.wakeAll()
  }
}

extension AddressSpace {
  /// A word for a child that has not run yet, in its memory, which is in place. A bad pointer is no error for clone(2).
  fileprivate func store(_ value: Int32, at address: UInt) {
    guard address & 3 == 0 || address & 4095 <= 4092 else { return }
    guard let i = find(address), vmas[i].protection.contains(.PROT_WRITE) else { return }
    // The page may be one that the child (and the parent) has not touched yet.
    if !CommittedPages.contains(address & ~4095) {
      guard case .resolved = fault(address, access: .PROT_WRITE) else { return }
    }
    var word = UInt32(bitPattern: value)
    var bytes: [UInt8] = []
    for _ in 0..<4 {
      bytes.append(UInt8(truncatingIfNeeded: word))
      word >>= 8
    }
    KernelCopy.store(address, bytes, from: 0, count: 4)
  }
}

extension Process {
  /// What a child inherits (fork(2)); what it does not has its initial value.
  fileprivate func child(_ pid: Int32, _ request: CloneRequest, _ memory: AddressSpace) -> Process {
    let flags = request.flags
    let isSibling = flags.contains(.CLONE_PARENT)
    let child = Process(
      pid: pid, parentPid: isSibling ? parentPid : self.pid,
      fileSystem: flags.contains(.CLONE_FS) ? fileSystem : FileSystemContext(copying: fileSystem),
      memory: memory)
    if flags.contains(.CLONE_FILES) {
      files.users.add(1, ordering: .relaxed)
      child.files = files
    } else {
      child.files = FileTable(copying: files)
    }
    child.exitSignal = isSibling ? exitSignal : Int32(truncatingIfNeeded: request.exitSignal)
    lock.lock()
    child.credentials = credentials
    child.limits = limits
    child.fileSizeLimit.store(fileSizeLimit.load(ordering: .relaxed), ordering: .relaxed)
    lock.unlock()
    if child.limits[ResourceLimit.RLIMIT_CPU].current != ResourceLimit.RLIM_INFINITY {
      child.timers.followCPULimit(of: child)
    }
    child.attributes = attributes
    child.attributes.childSubreaper = false
    child.executablePath = executablePath
    child.executable = executable
    child.commandLine = commandLine
    child.environment = environment
    child.barrierRegistered.store(barrierRegistered.load(ordering: .relaxed), ordering: .relaxed)
    signals.lock.lock()
    child.signals.actions = signals.actions
    signals.lock.unlock()
    if flags.contains(.CLONE_CLEAR_SIGHAND) {
      for i in child.signals.actions.indices
      where child.signals.actions[i].handler != KernelSigaction.SIG_IGN {
        child.signals.actions[i] = KernelSigaction()
      }
    }
    let table = TaskTable.shared
    table.lock.lock()
    child.session = session
    child.group = group
    table.lock.unlock()
    return child
  }
}
