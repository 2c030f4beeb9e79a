import EnclaveRuntime
import HostInterface
import LinuxABI

/// Moving bytes between a program and a host stream, and waiting for one. No lock is held here.
enum HostEnd {
  static let pieceSize = 64 << 10

  /// A run for a transfer of up to `count` bytes.
  static func run(_ count: Int) throws(Errno) -> PageRun {
    let pages = max(1, (min(count, pieceSize) + 4095) >> 12)
    guard let run = PageRun(pageCount: pages) else { throw .ENOMEM }
    return run
  }

  /// Repeats a host call that a kick has ended, unless a signal wants to be handled: then ERESTARTSYS, or EINTR
  /// when there is a timeout (signal(7)).
  ///
  /// `mayWait`: the call may take long, so other members of the process's family may run meanwhile. It touches
  /// kernel memory only.
  static func repeated<R>(
    mayWait: Bool, hasTimeout: Bool, _ call: () throws(Errno) -> R
  ) throws(Errno) -> R {
    let task = Task.current
    while true {
      if task.hasInterruptingSignal { throw hasTimeout ? .EINTR : .ERESTARTSYS }
      let memory = mayWait ? task.beginHostWait() : nil
      defer { if let memory { task.endHostWait(memory) } }
      // Woken on the way: look again, as after a kick.
      if mayWait, task.parker.takeToken() { continue }
      do throws(Errno) { return try call() } catch {
        guard error == .EINTR else { throw error }
      }
    }
  }

  /// Waits until the host stream may be ready for `events`, or `queue` is woken and `check` says so.
  ///
  /// - Throws: EAGAIN at the deadline, ERESTARTSYS or EINTR for a signal.
  static func wait(
    stream: UInt64?, events: PollEvents, queue: WaitQueue, deadlineNs: UInt64?, check: () -> Bool
  ) throws(Errno) {
    let task = Task.current
    let waiter = PollWaiter(task)
    waiter.register(queue)
    defer { waiter.unregister() }
    if check() { return }
    if task.hasInterruptingSignal { throw deadlineNs == nil ? .ERESTARTSYS : .EINTR }
    if let deadlineNs, Clock.monotonicNs() >= deadlineNs { throw .EAGAIN }
    var host: [Host.PollEntry] = []
    if let stream {
      host.append(
        Host.PollEntry(
          stream: UInt32(truncatingIfNeeded: stream), events: PollEvents.toHost(events.rawValue)))
    }
    waiter.sleep(&host, deadlineNs: deadlineNs, check: check)
  }
}
