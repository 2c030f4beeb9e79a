import CEnclave
import EnclaveRuntime
import LinuxABI

/// The way to user mode: the end of the thread, job control, signals, restarts of interrupted calls.
extension Task {
  /// Called before every return to user mode when the work flag is set or a call wants a restart.
  ///
  /// An interrupted call has -ERESTART* in RAX and its number in `orig_rax`; entries that are not system
  /// calls have `orig_rax` = ~0 (as in Linux). The call is made again if no handler runs, or if the
  /// handler has SA_RESTART and the call answered ERESTARTSYS; otherwise it ends with EINTR (signal(7)).
  ///
  /// False: the thread has ended. The caller lets go of everything and calls `KernelThreads.exitCurrent`:
  /// what its stack still refers to then is never freed.
  func returnToUser(_ regs: UnsafeMutablePointer<cl_regs>) -> Bool {
    let state = process.signals
    passBarrier()
    while true {
      state.lock.lock()
      if exitStatus != nil || state.groupExit != nil {
        let status = state.groupExit
        state.lock.unlock()
        endThread(waitStatus: status ?? exitStatus!)
        return false
      }
      if let stop = state.stoppedBy {
        state.lock.unlock()
        waitWhileStopped(stop)
        continue
      }
      guard let info = takeSignal(SignalSet(bits: ~signals.blocked.bits)) else {
        clearWork()
        if let mask = signals.savedMask {
          signals.blocked = mask
          signals.savedMask = nil
          // What the temporary mask held back may be deliverable now.
          if hasDeliverableSignal {
            setWork()
            state.lock.unlock()
            continue
          }
        }
        state.lock.unlock()
        // After the work flag is clear: whoever closes the gate sets it again.
        if yieldTurn() {
          setWork()
          continue
        }
        unsafe restartCall(regs)
        return true
      }
      let signal = info.signal
      let action = state.action(signal)
      if action.handler == KernelSigaction.SIG_IGN {
        state.lock.unlock()
        continue
      }
      if action.handler == KernelSigaction.SIG_DFL {
        state.lock.unlock()
        defaultAction(signal)
        continue
      }
      if action.flags & SignalActionFlags.SA_RESETHAND.rawValue != 0 {
        state.actions[Int(signal.rawValue - 1)].handler = KernelSigaction.SIG_DFL
      }
      let mask = signals.savedMask ?? signals.blocked
      state.lock.unlock()
      unsafe interruptCall(
        regs, restarting: action.flags & SignalActionFlags.SA_RESTART.rawValue != 0)
      guard unsafe pushSignalFrame(info, action: action, mask: mask, regs) else {
        forceSegmentationFault(during: signal)
        continue
      }
      state.lock.lock()
      signals.savedMask = nil
      signals.faultAddress = 0
      signals.trapNumber = 0
      signals.faultError = 0
      var blocked = signals.blocked.union(action.mask)
      if action.flags & SignalActionFlags.SA_NODEFER.rawValue == 0 { blocked.insert(signal) }
      signals.blocked = blocked.subtracting(.unblockable)
      state.lock.unlock()
      // Further signals stack on top of this frame, as in Linux.
    }
  }

  /// The next signal of a set for this thread: its own first, then the process's. Signal lock held.
  func takeSignal(_ wanted: SignalSet) -> SignalInfo? {
    guard var info = signals.pending.take(wanted) ?? process.signals.pending.take(wanted) else {
      return nil
    }
    process.noteTaken(&info)
    return info
  }

  /// SIG_DFL (signal(7)).
  private func defaultAction(_ signal: Signal) {
    if SignalSet.ignoredByDefault.contains(signal) { return }
    let stops = SignalSet.stop.contains(signal)
    if stops, signal != .SIGSTOP, process.isInOrphanedGroup { return }
    process.signals.lock.lock()
    if stops {
      process.stop(by: signal)
    } else {
      // No core is ever written: it would be the program's memory in the host's hands.
      process.beginGroupExit(waitStatus: signal.rawValue)
    }
    process.signals.lock.unlock()
    if stops { process.deliverParentReport() }
  }

  private func waitWhileStopped(_ signal: Signal) {
    process.signals.resume.add(parker)
    defer { process.signals.resume.remove(parker) }
    while true {
      process.signals.lock.lock()
      let done = process.signals.stoppedBy == nil || process.signals.groupExit != nil
      process.signals.lock.unlock()
      if done { return }
      park(deadlineNs: nil)
    }
  }

  // MARK: Restarts

  /// The errno with which a system call ended, if it is one of the restart kind.
  private func restartErrno(_ regs: UnsafeMutablePointer<cl_regs>) -> Errno? {
    guard unsafe regs.pointee.orig_rax != .max else { return nil }
    let result = unsafe Int64(bitPattern: regs.pointee.rax)
    switch result {
    case -512, -513, -514, -516: return Errno(rawValue: Int32(-result))
    default: return nil
    }
  }

  /// A handler is about to run.
  private func interruptCall(_ regs: UnsafeMutablePointer<cl_regs>, restarting: Bool) {
    guard let errno = unsafe restartErrno(regs) else { return }
    if errno == .ERESTARTNOINTR || (errno == .ERESTARTSYS && restarting) {
      unsafe goBack(regs, number: regs.pointee.orig_rax)
    } else {
      unsafe regs.pointee.rax = UInt64(bitPattern: -Int64(Errno.EINTR.rawValue))
    }
    unsafe regs.pointee.orig_rax = .max
  }

  /// No handler ran.
  private func restartCall(_ regs: UnsafeMutablePointer<cl_regs>) {
    guard let errno = unsafe restartErrno(regs) else { return }
    let restart_syscall: UInt64 = 219
    unsafe goBack(
      regs, number: errno == .ERESTART_RESTARTBLOCK ? restart_syscall : regs.pointee.orig_rax)
    unsafe regs.pointee.orig_rax = .max
  }

  /// Through the normal entry once more: it takes the return address in RCX.
  private func goBack(_ regs: UnsafeMutablePointer<cl_regs>, number: UInt64) {
    unsafe regs.pointee.rax = number
    unsafe regs.pointee.rcx = regs.pointee.rip
    unsafe regs.pointee.rip = cl_syscall_entry_address()
  }
}
