import EnclaveRuntime
import LinuxABI

/// Somebody who wants to know when an object changes: a thread that sleeps, or an epoll instance.
class WaitEntry: @unchecked Sendable {
  // The chain of its queue; guarded by the queue's lock.
  fileprivate final var next: WaitEntry?
  fileprivate final var previous: WaitEntry?
  /// The wake-up it has been told of.
  fileprivate final var generation: UInt64 = 0

  init() {}
  /// The thread that sleeps, if it is one.
  var parker: Parker? { nil }
  /// Called without any lock of the queue, on the thread that changed the object. `events`: what has
  /// become possible, empty if that is not known.
  func wake(_ events: PollEvents) {}
}

/// A thread in a wait queue.
final class ParkedEntry: WaitEntry, @unchecked Sendable {
  private let thread: Parker
  init(_ thread: Parker) { self.thread = thread }
  override var parker: Parker? { thread }
  override func wake(_ events: PollEvents) { thread.unpark() }
}

/// Threads that wait for an object to change (a pipe, a futex word, a child).
///
/// No wake-up is lost: a waiter is registered *before* it looks at the object. Wake-ups may be spurious.
/// `lock` guards the chain; it is the innermost lock of the kernel and held for a few instructions only:
/// nothing is allocated and nobody is woken under it.
final class WaitQueue: @unchecked Sendable {
  private let lock = SpinLock()
  private var first: WaitEntry?
  private var last: WaitEntry?
  private var generation: UInt64 = 0

  func add(_ entry: WaitEntry) {
    lock.lock()
    entry.generation = generation
    entry.previous = last
    entry.next = nil
    if let last { last.next = entry } else { first = entry }
    last = entry
    lock.unlock()
  }

  func remove(_ entry: WaitEntry) {
    lock.lock()
    let next = entry.next
    let previous = entry.previous
    // An entry that is in no queue has no neighbours and is not the first.
    if previous != nil || first === entry {
      if let next { next.previous = previous } else { last = previous }
      if let previous { previous.next = next } else { first = next }
      entry.next = nil
      entry.previous = nil
    }
    lock.unlock()
  }

  func add(_ parker: Parker) { add(ParkedEntry(parker)) }

  func remove(_ parker: Parker) {
    lock.lock()
    var found: WaitEntry?
    var at = first
    while let entry = at, found == nil {
      at = entry.next
      if entry.parker === parker { found = entry }
    }
    lock.unlock()
    if let found { remove(found) }
  }

  /// Wakes everybody who waits; each looks for itself whether it can go on. `events` spares an
  /// edge-triggered epoll(7) what it does not wait for.
  func wakeAll(_ events: PollEvents = []) {
    lock.lock()
    if first == nil {
      lock.unlock()
      return
    }
    generation += 1
    let current = generation
    lock.unlock()
    // A few at a time: they are told outside of the lock and stay in the queue until they leave it.
    while true {
      var a: WaitEntry?
      var b: WaitEntry?
      var c: WaitEntry?
      var d: WaitEntry?
      lock.lock()
      var at = first
      while let entry = at, d == nil {
        at = entry.next
        if entry.generation >= current { continue }
        entry.generation = current
        if a == nil {
          a = entry
        } else if b == nil {
          b = entry
        } else if c == nil {
          c = entry
        } else {
          d = entry
        }
      }
      lock.unlock()
      guard let a else { return }
      a.wake(events)
      b?.wake(events)
      c?.wake(events)
      guard let d else { return }
      d.wake(events)
    }
  }

  /// Sleeps until `attempt` gives something other than nil.
  ///
  /// `attempt` takes the object's own lock. Throws ERESTARTSYS when a signal is pending (the dispatcher
  /// turns that into EINTR or a restart) and ETIMEDOUT at `deadlineNs` (CLOCK_MONOTONIC, absolute).
  func wait<R>(deadlineNs: UInt64? = nil, _ attempt: () throws(Errno) -> R?) throws(Errno) -> R {
    if let result = try attempt() { return result }
    let task = Task.current
    let entry = ParkedEntry(task.parker)
    add(entry)
    defer { remove(entry) }
    while true {
      if let result = try attempt() { return result }
      if task.hasInterruptingSignal { throw .ERESTARTSYS }
      if let deadlineNs, Clock.monotonicNs() >= deadlineNs { throw .ETIMEDOUT }
      task.park(deadlineNs: deadlineNs)
    }
  }
}
