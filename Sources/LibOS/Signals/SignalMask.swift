import EnclaveRuntime
import LinuxABI

/// Masks and alternate stacks: sigprocmask(2), sigaltstack(2), sigaction(2).
extension Task {
  /// Replaces the mask; a pending signal that is no longer blocked is noticed on the way out.
  func setBlocked(_ mask: SignalSet) {
    process.signals.lock.lock()
    signals.blocked = mask.subtracting(.unblockable)
    let deliverable = hasDeliverableSignal
    process.signals.lock.unlock()
    if deliverable { setWork() }
  }

  /// The mask that holds during one call (sigsuspend, ppoll, pselect, epoll_pwait). `returnToUser` puts the old one back
  /// after the handlers have run; without a handler, too.
  func setTemporaryMask(_ mask: SignalSet) {
    process.signals.lock.lock()
    if signals.savedMask == nil { signals.savedMask = signals.blocked }
    signals.blocked = mask.subtracting(.unblockable)
    process.signals.lock.unlock()
    setWork()
  }

  func changeMask(how: Int32, _ set: SignalSet) throws(Errno) {
    switch how {
    case SignalMaskHow.SIG_BLOCK: setBlocked(signals.blocked.union(set))
    case SignalMaskHow.SIG_UNBLOCK: setBlocked(signals.blocked.subtracting(set))
    case SignalMaskHow.SIG_SETMASK: setBlocked(set)
    default: throw .EINVAL
    }
  }

  /// Linux on_sig_stack(): false with SS_AUTODISARM, which has disarmed the stack.
  func isOnSignalStack(_ userSP: UInt) -> Bool {
    let s = signals.stack
    if s.flags & (SignalStack.SS_AUTODISARM | SignalStack.SS_DISABLE) != 0 { return false }
    return userSP > s.sp && userSP &- s.sp <= s.size
  }

  /// What sigaltstack(2) and the signal frame say of the stack.
  func reportedSignalStack(_ userSP: UInt) -> SignalStack {
    var s = signals.stack
    if isOnSignalStack(userSP) { s.flags |= SignalStack.SS_ONSTACK }
    return s
  }

  func changeSignalStack(_ new: SignalStack, userSP: UInt, minimum: UInt) throws(Errno) {
    if isOnSignalStack(userSP) { throw .EPERM }
    let mode = new.flags & ~SignalStack.SS_AUTODISARM
    guard mode == SignalStack.SS_DISABLE || mode == SignalStack.SS_ONSTACK || mode == 0 else {
      throw .EINVAL
    }
    // Nothing changes: as Linux, before the size is looked at.
    let now = signals.stack
    if now.sp == new.sp, now.size == new.size, now.flags == new.flags { return }
    var s = SignalStack()
    if mode == SignalStack.SS_DISABLE {
      s.flags = new.flags
    } else {
      guard new.size >= minimum else { throw .ENOMEM }
      s.sp = new.sp
      s.size = new.size
      s.flags = new.flags & SignalStack.SS_AUTODISARM
    }
    signals.stack = s
  }
}

extension Process {
  /// sigaction(2): the new disposition; ignoring a signal drops what is pending of it (POSIX 2.4.3).
  func setAction(_ signal: Signal, _ action: KernelSigaction) {
    var action = action
    action.mask = action.mask.subtracting(.unblockable)
    action.flags &= SignalActionFlags.known.rawValue
    signals.lock.lock()
    signals.actions[Int(signal.rawValue - 1)] = action
    if signals.ignores(signal) { discardPending(SignalSet(signal)) }
    signals.lock.unlock()
  }
}
