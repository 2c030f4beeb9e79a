import EnclaveRuntime
import LinuxABI

/// Threads that wait for an object to change (a pipe, a futex word, a child).
///
/// No wake-up is lost: a waiter is registered *before* it looks at the object. Wake-ups may be spurious.
/// `lock` guards `waiters`; it is the innermost lock of the kernel and held for a few instructions only.
final class WaitQueue: @unchecked Sendable {
  private let lock = SpinLock()
  private var waiters: [Parker] = []

  func add(_ parker: Parker) {
    lock.lock()
    waiters.append(parker)
    lock.unlock()
  }

  func remove(_ parker: Parker) {
    lock.lock()
    if let i = waiters.firstIndex(where: { $0 === parker }) { waiters.remove(at: i) }
    lock.unlock()
  }

  /// Wakes everybody who waits; each looks for itself whether it can go on.
  func wakeAll() {
    lock.lock()
    if waiters.isEmpty {
      lock.unlock()
      return
    }
    let all = waiters
    lock.unlock()
    for parker in all { parker.unpark() }
  }

  /// Sleeps until `attempt` gives something other than nil.
  ///
  /// `attempt` takes the object's own lock. Throws ERESTARTSYS when a signal is pending (the dispatcher
  /// turns that into EINTR or a restart) and ETIMEDOUT at `deadlineNs` (CLOCK_MONOTONIC, absolute).
  func wait<R>(deadlineNs: UInt64? = nil, _ attempt: () throws(Errno) -> R?) throws(Errno) -> R {
    if let result = try attempt() { return result }
    let parker = Parker.current
    add(parker)
    defer { remove(parker) }
    while true {
      if let result = try attempt() { return result }
      if Task.current.hasInterruptingSignal { throw .ERESTARTSYS }
      if let deadlineNs, Clock.monotonicNs() >= deadlineNs { throw .ETIMEDOUT }
      parker.park(deadlineNs: deadlineNs)
    }
  }
}
