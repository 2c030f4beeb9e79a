import EnclaveRuntime
import LinuxABI
import Synchronization

/// Processes that use the same addresses and take turns in them (README.md beside this file).
///
/// `lock` guards the members, who is resident, the queue, and the `saved` pages of all members. It comes after the memory
/// map's lock and is held over page changes of a switch. The maps of members that are not
/// resident do not change, because only a process's own running threads change its map.
final class Family: @unchecked Sendable {
  let lock = Lock()
  var members: [AddressSpace] = []
  /// The member whose pages are in place. Its gate is open unless it was told to give way.
  var resident: AddressSpace?
  /// Threads that wait for their process's turn, first come first served.
  private var queue: [Waiter] = []
  private let queued = Atomic<Int>(0)
  /// When the resident member got its turn, and how long the switch took.
  private var residentSinceNs: UInt64 = 0
  private var switchNs: UInt64 = 0
  /// A thread of the resident member wants to be its only running one.
  private var quiescer: Task?

  private struct Waiter {
    let space: AddressSpace
    let parker: Parker
  }

  /// The shortest time slice. Longer if a switch costs more than a fraction of it.
  static let sliceNs: UInt64 = 10_000_000

  init(_ first: AddressSpace) {
    members = [first]
    resident = first
  }

  // MARK: Turns

  /// Sleeps until `space` is resident and counts the caller in. No lock is held.
  func waitForTurn(_ space: AddressSpace) {
    let parker = Parker.current
    var isQueued = false
    lock.lock()
    while true {
      if let family = space.family, family !== self {
        // This family has become part of another one.
        queue.removeAll { $0.parker === parker }
        lock.unlock()
        family.waitForTurn(space)
        return
      }
      if tryTurn(space) {
        if isQueued { queue.removeAll { $0.parker === parker } }
        queued.store(queue.count, ordering: .sequentiallyConsistent)
        let companions = queue.filter { $0.space === space }
        lock.unlock()
        for waiter in companions { waiter.parker.unpark() }
        return
      }
      if !isQueued {
        queue.append(Waiter(space: space, parker: parker))
        queued.store(queue.count, ordering: .sequentiallyConsistent)
        isQueued = true
        // Somebody may have left before the queue was visible.
        continue
      }
      let sliceEnd = residentSinceNs &+ max(Self.sliceNs, 4 &* switchNs)
      let current = resident
      var interrupt: AddressSpace?
      var deadline = sliceEnd
      let now = Clock.monotonicNs()
      if let current, current !== space, now >= sliceEnd {
        // Its threads stop at their next way to user mode; those that compute are interrupted, again if need be.
        current.residency.gate.store(1, ordering: .sequentiallyConsistent)
        interrupt = current
        deadline = now + Self.sliceNs
      } else if now >= sliceEnd {
        deadline = now + Self.sliceNs
      }
      lock.unlock()
      if let interrupt { Self.interrupt(interrupt) }
      parker.park(deadlineNs: deadline)
      lock.lock()
    }
  }

  /// Makes `space` resident if nobody runs in the member that is, and counts the caller in. Lock held.
  private func tryTurn(_ space: AddressSpace) -> Bool {
    if quiescer != nil { return false }
    if resident === space {
      if space.residency.gate.load(ordering: .sequentiallyConsistent) != 0 {
        // Told to give way: not before the others had their turn.
        if queue.contains(where: { $0.space !== space }) { return false }
        space.residency.gate.store(0, ordering: .sequentiallyConsistent)
      }
      space.residency.running.add(1, ordering: .sequentiallyConsistent)
      return true
    }
    // First come, first served, between members.
    if let first = queue.first(where: { $0.space !== resident }), first.space !== space {
      return false
    }
    if let current = resident {
      let wasOpen =
        current.residency.gate.exchange(1, ordering: .sequentiallyConsistent) == 0
      if current.residency.running.load(ordering: .sequentiallyConsistent) != 0 {
        if wasOpen { current.residency.gate.store(0, ordering: .sequentiallyConsistent) }
        return false
      }
    }
    let start = Clock.monotonicNs()
    bringIn(space, discarding: nil)
    residentSinceNs = Clock.monotonicNs()
    switchNs = residentSinceNs &- start
    resident = space
    space.residency.gate.store(0, ordering: .sequentiallyConsistent)
    space.residency.running.add(1, ordering: .sequentiallyConsistent)
    return true
  }

  /// The last running thread of a member has left.
  func becameIdle(_ space: AddressSpace) {
    if queued.load(ordering: .sequentiallyConsistent) == 0 { return }
    lock.lock()
    let next = queue.first { $0.space !== space } ?? queue.first
    lock.unlock()
    next?.parker.unpark()
  }

  /// Sends every thread that computes in `space` into the kernel.
  static func interrupt(_ space: AddressSpace) {
    for process in TaskTable.shared.allProcesses() where process.memory === space {
      process.signals.lock.lock()
      let tasks = process.tasks
      process.signals.lock.unlock()
      for task in tasks { task.interruptForTurn() }
    }
  }

  /// Makes the calling thread the only one that runs in `space`, its process's memory, which is resident. No lock is held.
  /// Ends with `fork`, `resume` or `absorb`.
  func quiesce(_ space: AddressSpace, _ task: Task) {
    while true {
      lock.lock()
      if quiescer == nil, resident === space { break }
      lock.unlock()
      if !task.yieldTurn() { Parking.yield() }
    }
    quiescer = task
    space.residency.gate.store(1, ordering: .sequentiallyConsistent)
    lock.unlock()
    var round = 0
    while space.residency.running.load(ordering: .sequentiallyConsistent) > 1 {
      if round & 63 == 0 { Self.interrupt(space) }
      round += 1
      Parking.yield()
    }
  }

  /// Ends what `quiesce` began.
  func resume(_ space: AddressSpace) {
    lock.lock()
    quiescer = nil
    space.residency.gate.store(0, ordering: .sequentiallyConsistent)
    let waiters = queue
    lock.unlock()
    for waiter in waiters { waiter.parker.unpark() }
  }

  // MARK: Members

  /// Takes `space`, a singleton or a family that `quiesce` has stopped, into this family. It is not resident afterwards: the
  /// caller waits for its turn.
  func absorb(_ space: AddressSpace) {
    lock.lock()
    let room = members[0].room
    let old = space.family
    old?.lock.lock()
    let joining = old?.members ?? [space]
    UserChunks.merge(space.room.number, into: room.number)
    for member in joining {
      member.residency.gate.store(1, ordering: .sequentiallyConsistent)
      member.room = room
      member.family = self
      member.residency.isShared.store(true, ordering: .sequentiallyConsistent)
      members.append(member)
    }
    var waiters: [Waiter] = []
    if let old {
      old.members = []
      old.resident = nil
      old.quiescer = nil
      waiters = old.queue
      unsafe Self.merged.append(old)
      old.lock.unlock()
    }
    lock.unlock()
    for waiter in waiters { waiter.parker.unpark() }
  }

  /// Families that are part of others now: a thread may still be on its way to one. Guarded by `joinLock`.
  nonisolated(unsafe) private static var merged: [Family] = []
  /// One join at a time; taken before any family's lock.
  static let joinLock = Lock()

  /// The calling thread is the only one that runs in `parent`, which is resident. `child`, a copy of its map, becomes
  /// resident in its place with one thread counted in; the parent keeps what it had.
  ///
  /// - Throws: ENOMEM; nothing has changed then.
  func fork(_ parent: AddressSpace, _ child: AddressSpace) throws(Errno) {
    lock.lock()
    defer { lock.unlock() }
    members.append(child)
    child.family = self
    child.residency.isShared.store(true, ordering: .sequentiallyConsistent)
    for vma in child.vmas where !vma.isShared && vma.protection.contains(.PROT_WRITE) {
      guard detach(vma.start, vma.end, from: child) else {
        // What was saved equals what is in place.
        members.removeLast()
        _ = parent.saved.takeAll()
        throw .ENOMEM
      }
    }
    quiescer = nil
    resident = child
    residentSinceNs = Clock.monotonicNs()
    child.residency.gate.store(0, ordering: .sequentiallyConsistent)
    child.residency.running.store(1, ordering: .sequentiallyConsistent)
    parent.residency.gate.store(1, ordering: .sequentiallyConsistent)
  }

  /// The fork did not happen after all: the child has not run.
  func undoFork(_ parent: AddressSpace, _ child: AddressSpace) {
    lock.lock()
    members.removeAll { $0 === child }
    bringIn(parent, discarding: child)
    resident = parent
    parent.residency.gate.store(0, ordering: .sequentiallyConsistent)
    let waiters = queue
    lock.unlock()
    for waiter in waiters { waiter.parker.unpark() }
  }

  /// `space`, which is resident and has no threads but the caller, is over: its pages go, and the member that
  /// will most probably run next comes in on top of them.
  func remove(_ space: AddressSpace) {
    lock.lock()
    members.removeAll { $0 === space }
    var next = queue.first { $0.space !== space }?.space
    if next == nil, let origin = space.origin, members.contains(where: { $0 === origin }) {
      next = origin
    }
    if next == nil { next = members.last }
    if let next { bringIn(next, discarding: space) }
    space.forEachStretch { (start, end) in release(start, end, of: space) }
    resident = next
    residentSinceNs = Clock.monotonicNs()
    next?.residency.gate.store(0, ordering: .sequentiallyConsistent)
    space.residency.gate.store(0, ordering: .sequentiallyConsistent)
    let waiters = queue.filter { $0.space === next }
    lock.unlock()
    for waiter in waiters { waiter.parker.unpark() }
  }
}

extension Task {
  /// Into the kernel, where the gate is seen. A thread that sleeps is left alone.
  fileprivate func interruptForTurn() {
    guard isInside.load(ordering: .sequentiallyConsistent) else { return }
    setWork()
    #if CLOISTER_ENCLAVE
      Host.kick(thread: threadIndex)
    #endif
  }
}
