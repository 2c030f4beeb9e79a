import CEnclave
import EnclaveRuntime
import LinuxABI
import Synchronization

/// execve(2), execveat(2).
extension Task {
  /// Replaces the program of the process. Returns 0 with the new program's registers in place.
  ///
  /// Everything that can be checked is checked first: a failure leaves the caller as it was. What fails once the old
  /// memory is gone ends the process with SIGSEGV, as in Linux (bprm_execve).
  func execute(_ request: ExecRequest) throws(Errno) -> Int {
    let image = try PreparedImage(request) { (name) throws(Errno) in
      try Namespace.openForExec(name, self).object
    }
    try process.becomeSingleThreaded(self)
    let old = process.memory
    exitRobustList()
    robustList = 0
    robustListSize = 0
    clearChildTidAndWake()
    clearChildTid = 0

    process.takeExecutedIdentity(request, self)
    old.drop()
    old.leave()
    let memory = AddressSpace()
    memory.stackLimit = UInt(clamping: process.limits[ResourceLimit.RLIMIT_STACK].current)
    memory.limits = MemoryLimits(process.limits, process.credentials)
    process.memory = memory
    memory.enter()
    process.vfork?.finish()
    process.vfork = nil

    let regs: cl_regs
    do throws(Errno) { regs = try image.load(into: memory, request, process.credentials) } catch {
      if error == .ENOMEM { OutOfMemory.tell() }
      process.kill(.SIGSEGV)
      process.signals.lock.lock()
      process.beginGroupExit(waitStatus: Signal.SIGSEGV.rawValue)
      process.signals.lock.unlock()
      return 0
    }
    unsafe registers.pointee = regs
    cl_write_fs_base(0)
    #if CLOISTER_ENCLAVE
      cl_xrstor_initial()
    #endif
    return 0
  }
}

extension Process {
  /// Ends all other threads and waits for them; the caller becomes the thread with the process's number.
  ///
  /// - Throws: EAGAIN when the process is ending or another thread was faster: the caller ends.
  func becomeSingleThreaded(_ task: Task) throws(Errno) {
    signals.lock.lock()
    if signals.groupExit != nil || task.exitStatus != nil
      || (executing != nil && executing !== task)
    {
      signals.lock.unlock()
      throw .EAGAIN
    }
    if tasks.count > 1 {
      executing = task
      for other in tasks where other !== task {
        other.exitStatus = Signal.SIGKILL.rawValue
        other.notify()
      }
      signals.lock.unlock()
      let entry = ParkedEntry(task.parker)
      threadQueue.add(entry)
      defer { threadQueue.remove(entry) }
      while true {
        signals.lock.lock()
        let alone = tasks.count == 1
        let ending = signals.groupExit != nil
        if alone || ending { executing = nil }
        signals.lock.unlock()
        if ending { throw .EAGAIN }
        if alone { break }
        task.park(deadlineNs: nil)
      }
    } else {
      signals.lock.unlock()
    }
    if task.tid != pid { TaskTable.shared.renumber(task, to: pid) }
  }

  /// Everything but memory that execve(2) changes ("Effect on process attributes").
  fileprivate func takeExecutedIdentity(_ request: ExecRequest, _ task: Task) {
    // Dispositions: what is caught goes back to the default, what is ignored stays so.
    signals.lock.lock()
    for i in signals.actions.indices where signals.actions[i].handler != KernelSigaction.SIG_IGN {
      signals.actions[i] = KernelSigaction()
    }
    for i in signals.actions.indices {
      signals.actions[i].flags = 0
      signals.actions[i].mask = SignalSet()
    }
    task.signals.stack = SignalStack()
    signals.lock.unlock()
    timers.cancelAll(keepingIntervals: true)
    if files.users.load(ordering: .acquiring) > 1 {
      let own = FileTable(copying: files)
      files.drop()
      files = own
    }
    files.closeOnExecute()
    lock.lock()
    credentials = request.credentials
    lock.unlock()
    attributes.dumpable = request.isSecure ? 0 : 1
    if request.isSecure { task.scheduling.parentDeathSignal = 0 }
    barrierRegistered.store(0, ordering: .relaxed)
    exitSignal = Signal.SIGCHLD.rawValue
    hasExecuted = true
    executablePath = request.executablePath
    executable = request.object.dentry
    commandLine = request.arguments
    environment = request.environment
    task.name = request.commandName
    task.restart = .none
  }
}
