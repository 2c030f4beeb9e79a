import EnclaveRuntime
import LinuxABI
import Synchronization

/// The ends of threads and processes: exit(2), exit_group(2), wait status, orphans.
extension Task {
  /// Ends the calling thread; the last one ends the process. Runs on the way to user mode, when no other
  /// kernel code is on the stack but `returnToUser` and its caller, which leaves the enclave next.
  func endThread(waitStatus: Int32) {
    let process = process
    exitRobustList()
    FutexTable.shared.ownerDied(UInt32(tid))
    clearChildTidAndWake()
    process.usage.add(cpuTime)
    SystemLoad.ended(self)
    if process.remove(self) {
      process.signals.lock.lock()
      let status = process.signals.groupExit ?? waitStatus
      process.signals.lock.unlock()
      process.exit(waitStatus: status)
    }
    process.threadQueue.wakeAll()
    TaskTable.shared.remove(self)
    stepOut(of: process.memory)
    ThreadSlots.shared.beginLeaving(threadIndex)
  }

  /// CLONE_CHILD_CLEARTID: what pthread_join(3) waits for.
  func clearChildTidAndWake() {
    guard clearChildTid != 0 else { return }
    do throws(Errno) {
      try UserMemory.write(UInt32(0), to: clearChildTid)
      let key = try FutexKey(clearChildTid, isPrivate: false, in: process)
      _ = FutexTable.shared.wake(key, count: 1)
    } catch {}
  }
}

extension Process {
  /// The process is over: its files close, its children go to the first process, its parent is told.
  fileprivate func exit(waitStatus: Int32) {
    if unsafe pid == TaskTable.payloadPid {
      // The end of the payload. Signals show as 128 + number, as a shell and a container engine do.
      #if CLOISTER_ENCLAVE
        if let job = unsafe JobRun.current {
          job.finish(
            waitStatus: waitStatus,
            processorNs: usage.endedThreads.totalNs + usage.waitedChildren.totalNs)
        }
      #endif
      let signal = waitStatus & 0x7F
      do throws(Errno) { try Namespace.commitAll() } catch {
        Host.log(
          KernelLog.bytes("cloister: a volume could not be committed (")
            + ErrnoText.describe(error)
            + KernelLog.bytes("); it holds what was committed before\n"))
        Host.exit(status: 125)
      }
      Host.exit(
        status: Int(signal == 0 ? waitStatus >> 8 & 0xFF : 128 + signal),
        familySwitches: FamilyStatistics.switches.load(ordering: .relaxed),
        familyBytes: FamilyStatistics.bytes.load(ordering: .relaxed))
    }
    timers.cancelAll()
    if session == pid { ControllingTerminal.sessionEnded(pid) }
    memory.drop()
    vfork?.finish()
    vfork = nil
    files.drop()
    let orphanedGroups = groupsOrphaned
    let table = TaskTable.shared
    table.lock.lock()
    let heirs = children
    let adopter = table.adoptChildrenLocked(of: self)
    zombieStatus = waitStatus
    let parent = table.processLocked(parentPid)
    // A parent that ignores SIGCHLD has no zombies (wait(2), notes).
    var report = exitSignal != 0
    if let parent, parent.pid == TaskTable.initialPid {
      table.reapLocked(self)
      report = false
    } else if let parent {
      parent.signals.lock.lock()
      let action = parent.signals.action(.SIGCHLD)
      parent.signals.lock.unlock()
      let noWait = action.flags & SignalActionFlags.SA_NOCLDWAIT.rawValue != 0
      if exitSignal == Signal.SIGCHLD.rawValue,
        action.handler == KernelSigaction.SIG_IGN || noWait
      {
        table.reapLocked(self)
        if action.handler == KernelSigaction.SIG_IGN { report = false }
      }
    } else {
      table.reapLocked(self)
    }
    table.lock.unlock()
    endQueue.wakeAll()
    adopter?.childQueue.wakeAll()
    for child in heirs { child.parentDied() }
    for group in orphanedGroups { Process.hangUp(group) }
    guard let parent else { return }
    if report {
      try? parent.send(childInfo(signal: Signal(rawValue: exitSignal), waitStatus: waitStatus))
    }
    parent.childQueue.wakeAll()
  }

  /// PR_SET_PDEATHSIG
  private func parentDied() {
    signals.lock.lock()
    let number = tasks.first?.scheduling.parentDeathSignal ?? 0
    signals.lock.unlock()
    if number != 0 { kill(Signal(rawValue: number)) }
  }

  /// What SIGCHLD and waitid(2) say of an ended child.
  func childInfo(signal: Signal, waitStatus: Int32) -> SignalInfo {
    let killed = waitStatus & 0x7F
    let code: Int32 =
      killed == 0
      ? SignalInfo.CLD_EXITED
      : (waitStatus & 0x80 != 0 ? SignalInfo.CLD_DUMPED : SignalInfo.CLD_KILLED)
    var info = SignalInfo(signal, code: code, pid: pid, uid: credentials.realUser)
    info.word1 = UInt64(UInt32(bitPattern: killed == 0 ? waitStatus >> 8 & 0xFF : killed))
    info.word2 = usage.userTicks
    info.word3 = usage.systemTicks
    return info
  }
}
