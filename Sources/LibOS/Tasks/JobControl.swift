import EnclaveRuntime
import LinuxABI

/// Stopping and continuing of whole processes (signal(7), credentials(7)).
extension Process {
  /// Stops every thread on its way to user mode. Signal lock held.
  func stop(by signal: Signal) {
    if signals.stoppedBy != nil || signals.groupExit != nil { return }
    signals.stoppedBy = signal
    stopReport = signal
    continueReport = false
    for task in liveTasks { task.notify() }
    tellParent(SignalInfo.CLD_STOPPED, signal)
  }

  /// SIGCONT has come. Signal lock held.
  func noteContinued() {
    stopReport = nil
    continueReport = true
    tellParent(SignalInfo.CLD_CONTINUED, .SIGCONT)
  }

  /// SIGCHLD to the parent: noted here, sent by `deliverParentReport` once the lock is released. Signal
  /// locks of two processes are never held together.
  private func tellParent(_ code: Int32, _ signal: Signal) {
    parentReport = stopInfo(code, signal)
  }

  /// No lock held.
  func deliverParentReport() {
    signals.lock.lock()
    let report = parentReport
    parentReport = nil
    signals.lock.unlock()
    guard let report, let parent = TaskTable.shared.process(parentPid) else { return }
    parent.signals.lock.lock()
    let silent =
      parent.signals.action(.SIGCHLD).flags & SignalActionFlags.SA_NOCLDSTOP.rawValue != 0
    parent.signals.lock.unlock()
    if !silent { try? parent.send(report) }
    parent.childQueue.wakeAll()
  }

  /// No member of the group has a parent in the same session but in another group: nobody could
  /// continue it, so terminal stop signals do nothing (POSIX 3.264, tty stop signals). No lock held.
  var isInOrphanedGroup: Bool {
    let table = TaskTable.shared
    for member in table.processes(inGroup: group) where member.zombieStatus == nil {
      guard let parent = table.process(member.parentPid) else { continue }
      if parent.group != group, parent.session == session { return false }
    }
    return true
  }
}

/// Groups that become orphaned by an exit (setpgid(2), POSIX exit(3)).
extension Process {
  /// The groups that nobody could continue any more once this process is gone, and that have stopped members. No lock held.
  var groupsOrphaned: [Int32] {
    let table = TaskTable.shared
    table.lock.lock()
    let own = (group: group, session: session)
    let children = children
    table.lock.unlock()
    var groups: [Int32] = []
    if !groups.contains(own.group), willBeOrphaned(own.group, own.session, includingSelf: true) {
      groups.append(own.group)
    }
    for child in children
    where child.session == own.session && child.group != own.group && !groups.contains(child.group)
    {
      if willBeOrphaned(child.group, own.session, includingSelf: false) {
        groups.append(child.group)
      }
    }
    return groups
  }

  private func willBeOrphaned(_ group: Int32, _ session: Int32, includingSelf: Bool) -> Bool {
    let table = TaskTable.shared
    var hasStopped = false
    for member in table.processes(inGroup: group)
    where member !== self && member.zombieStatus == nil {
      member.signals.lock.lock()
      if member.signals.stoppedBy != nil { hasStopped = true }
      member.signals.lock.unlock()
      guard let parent = table.process(member.parentPid), parent !== self else { continue }
      if parent.pid != TaskTable.initialPid, parent.group != group, parent.session == session {
        return false
      }
    }
    return hasStopped
  }

  /// SIGHUP and SIGCONT to a newly orphaned group.
  static func hangUp(_ group: Int32) {
    for member in TaskTable.shared.processes(inGroup: group) {
      member.kill(.SIGHUP)
      member.kill(.SIGCONT)
    }
  }
}
