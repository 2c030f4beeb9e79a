import EnclaveRuntime
import LinuxABI

/// Signals that wait: a set, and what is known of each (Linux: struct sigpending).
///
/// A standard signal is queued once; real-time signals queue in order, up to RLIMIT_SIGPENDING.
struct PendingSignals {
  private(set) var set = SignalSet()
  private(set) var queue: [SignalInfo] = []

  mutating func add(_ info: SignalInfo, limit: Int) throws(Errno) {
    let signal = info.signal
    if !signal.isRealTime {
      if set.contains(signal) { return }
    } else if queue.count >= limit, info.code != SignalInfo.SI_USER {
      // Linux: a real-time signal with information that cannot be kept is refused, kill(2) is not.
      throw .EAGAIN
    }
    set.insert(signal)
    queue.append(info)
  }

  /// Takes the next signal of `wanted`: faults first, then the lowest number.
  mutating func take(_ wanted: SignalSet) -> SignalInfo? {
    var candidates = set.intersection(wanted)
    if candidates.isEmpty { return nil }
    let faults = candidates.intersection(.synchronous)
    if !faults.isEmpty { candidates = faults }
    let signal = candidates.first!
    var found: SignalInfo?
    var more = false
    var at = 0
    for i in queue.indices where queue[i].signo == signal.rawValue {
      if found == nil {
        found = queue[i]
        at = i
      } else {
        more = true
        break
      }
    }
    if found != nil { queue.remove(at: at) }
    if !more { set.remove(signal) }
    return found ?? SignalInfo(signal, code: SignalInfo.SI_USER)
  }

  mutating func discard(_ signals: SignalSet) {
    if set.intersection(signals).isEmpty { return }
    set = set.subtracting(signals)
    queue.removeAll { signals.contains($0.signal) }
  }
}

/// Per-thread signal state. Guarded by `process.signals.lock`; `blocked` is changed by its own thread only.
struct TaskSignals {
  var blocked = SignalSet()
  /// The mask to put back after sigsuspend(2), ppoll(2), epoll_pwait(2) and their like.
  var savedMask: SignalSet?
  var pending = PendingSignals()
  var stack = SignalStack()
  /// sigtimedwait(2) is waiting for these, although they are blocked.
  var waitingFor = SignalSet()
  /// Of the last fault, for the signal frame: CR2, vector and error code.
  var faultAddress: UInt64 = 0
  var trapNumber: UInt64 = 0
  var faultError: UInt64 = 0
  init() {}
}

/// Per-process signal state: dispositions and the shared pending set.
final class ProcessSignals: @unchecked Sendable {
  /// Guards everything here and every task's `signals`. After the task table and the process lock.
  let lock = Lock()
  var actions: [KernelSigaction]
  var pending = PendingSignals()
  /// exit_group(2) or a deadly signal: the wait status that the process will have.
  var groupExit: Int32?
  /// Stopped by this signal; its threads wait in `resume` on their way to user mode.
  var stoppedBy: Signal?
  let resume = WaitQueue()
  /// signalfd(2) readers of this process.
  let signalfdQueue = WaitQueue()

  init() { actions = [KernelSigaction](repeating: KernelSigaction(), count: 64) }

  func action(_ signal: Signal) -> KernelSigaction { actions[Int(signal.rawValue - 1)] }

  /// Ignored by SIG_IGN or by default. Lock held.
  func ignores(_ signal: Signal) -> Bool {
    let handler = action(signal).handler
    if handler == KernelSigaction.SIG_IGN { return true }
    return handler == KernelSigaction.SIG_DFL && SignalSet.ignoredByDefault.contains(signal)
  }
}

extension Task {
  /// A signal waits that a blocking call must return for.
  var hasInterruptingSignal: Bool {
    guard hasWork else { return false }
    process.signals.lock.lock()
    defer { process.signals.lock.unlock() }
    return hasDeliverableSignal
  }

  /// Lock held: something to do before user mode is entered.
  var hasDeliverableSignal: Bool {
    if process.signals.groupExit != nil || exitStatus != nil { return true }
    if process.signals.stoppedBy != nil { return true }
    let pending = signals.pending.set.union(process.signals.pending.set)
    return !pending.subtracting(signals.blocked).isEmpty
  }
}
