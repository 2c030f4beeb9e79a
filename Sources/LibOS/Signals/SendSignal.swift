import EnclaveRuntime
import LinuxABI

/// Sending of signals (kill(2), tgkill(2), sigqueue(3), faults, timers).
extension Process {
  /// Sends to the process; any thread that does not block the signal may take it.
  func send(_ info: SignalInfo) throws(Errno) {
    defer { if info.signal == .SIGCONT { deliverParentReport() } }
    signals.lock.lock()
    defer { signals.lock.unlock() }
    guard prepare(info.signal) else { return }
    if isDiscarded(info.signal, blocked: everybodyBlocks(info.signal)) { return }
    try signals.pending.add(info, limit: queueRoom(info, beside: signals.pending))
    signals.signalfdQueue.wakeAll()
    if let task = receiver(of: info.signal) { task.notify() }
  }

  /// Sends to one thread.
  func send(_ info: SignalInfo, to task: Task) throws(Errno) {
    defer { if info.signal == .SIGCONT { deliverParentReport() } }
    signals.lock.lock()
    defer { signals.lock.unlock() }
    guard prepare(info.signal) else { return }
    let blocked =
      task.signals.blocked.contains(info.signal)
      && !task.signals.waitingFor.contains(info.signal)
    if isDiscarded(info.signal, blocked: task.signals.blocked.contains(info.signal)) { return }
    try task.signals.pending.add(info, limit: queueRoom(info, beside: task.signals.pending))
    signals.signalfdQueue.wakeAll()
    if !blocked { task.notify() }
  }

  /// A signal of the kernel's own.
  func kill(_ signal: Signal) {
    try? send(SignalInfo(signal, code: SignalInfo.SI_KERNEL))
  }

  /// RLIMIT_SIGPENDING.
  var signalLimit: Int {
    Int(min(limits[ResourceLimit.RLIMIT_SIGPENDING].current, 1 << 20))
  }

  /// How many signals one queue may hold: what RLIMIT_SIGPENDING leaves beside the other queues of the process. Lock held.
  private func queueRoom(_ info: SignalInfo, beside own: PendingSignals) -> Int {
    let limit = signalLimit
    guard info.signal.isRealTime else { return limit }
    let all = liveTasks.reduce(signals.pending.queue.count) { $0 + $1.signals.pending.queue.count }
    return max(0, limit - (all - own.queue.count))
  }

  /// What sending does besides queueing: stop signals and SIGCONT cancel each other, SIGCONT resumes,
  /// SIGKILL ends everybody at once. False: nothing is left to deliver.
  private func prepare(_ signal: Signal) -> Bool {
    // Init has no thread and no action but to ignore.
    if signals.groupExit != nil || pid == TaskTable.initialPid { return false }
    if signal == .SIGKILL {
      beginGroupExit(waitStatus: signal.rawValue)
      return false
    }
    if SignalSet.stop.contains(signal) {
      discardPending(SignalSet(.SIGCONT))
    } else if signal == .SIGCONT {
      discardPending(.stop)
      if signals.stoppedBy != nil {
        signals.stoppedBy = nil
        signals.resume.wakeAll()
        noteContinued()
      }
    }
    return true
  }

  /// Takes signals out of every queue of the process. Lock held.
  func discardPending(_ set: SignalSet) {
    signals.pending.discard(set)
    for task in liveTasks { task.signals.pending.discard(set) }
  }

  /// An ignored signal is dropped when sent, unless blocked: then it waits, the action may change.
  private func isDiscarded(_ signal: Signal, blocked: Bool) -> Bool {
    !blocked && signals.ignores(signal)
  }

  private func everybodyBlocks(_ signal: Signal) -> Bool {
    for task in liveTasks where !task.signals.blocked.contains(signal) { return false }
    return true
  }

  /// The thread that shall take a signal sent to the process: the first thread if it wants it (Linux:
  /// the main thread first), then any other.
  private func receiver(of signal: Signal) -> Task? {
    var waiting: Task?
    for task in liveTasks {
      if !task.signals.blocked.contains(signal) { return task }
      if task.signals.waitingFor.contains(signal), waiting == nil { waiting = task }
    }
    return waiting
  }

  /// Starts the end of the whole process with this wait status. Signal lock held. The first caller wins.
  func beginGroupExit(waitStatus: Int32) {
    if signals.groupExit == nil { signals.groupExit = waitStatus }
    signals.stoppedBy = nil
    signals.resume.wakeAll()
    for task in liveTasks { task.notify() }
  }
}

extension Task {
  /// A signal that this thread's own doing caused: it cannot be blocked or ignored; if it is, the
  /// default action follows (Linux: force_sig_info).
  func forceSignal(_ info: SignalInfo) {
    process.signals.lock.lock()
    defer { process.signals.lock.unlock() }
    let index = Int(info.signo - 1)
    let signal = info.signal
    if signals.blocked.contains(signal)
      || process.signals.actions[index].handler == KernelSigaction.SIG_IGN
    {
      process.signals.actions[index].handler = KernelSigaction.SIG_DFL
      signals.blocked.remove(signal)
    }
    try? signals.pending.add(info, limit: .max)
    setWork()
  }

  /// SIGSEGV because the kernel could not use the program's stack.
  func forceSegmentationFault(during signal: Signal) {
    if signal == .SIGSEGV {
      process.signals.lock.lock()
      process.signals.actions[Int(signal.rawValue - 1)].handler = KernelSigaction.SIG_DFL
      process.signals.lock.unlock()
    }
    forceSignal(SignalInfo(.SIGSEGV, code: SignalInfo.SI_KERNEL))
  }
}
