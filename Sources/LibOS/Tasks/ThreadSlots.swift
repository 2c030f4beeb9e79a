import EnclaveRuntime

/// Which TCSs carry a thread. The first ones are measured; with SGX2 more are made when those are in use. Slot 0 is the
/// first thread's.
///
/// `lock` guards all; innermost but for wait queues.
final class ThreadSlots: @unchecked Sendable {
  static let shared = ThreadSlots()
  private let lock = SpinLock()
  /// Slots from `next` on were never used; `free` were, and are again.
  private var free: [Int] = []
  private var next = 1
  private var count = 1
  /// As many come before any is waited for; beyond, a new one is made only when no thread is about to leave its own.
  private var measured = 1
  private var leaving: [Int] = []
  private var warned = false
  /// Keeps a task until its host thread is out of it.
  private var occupants: [Task?] = [nil]

  /// Boot: how many TCSs there can be, how many of them are measured, and who runs on slot 0.
  func configure(count: Int, measured: Int) {
    var free: [Int] = []
    free.reserveCapacity(count)
    var leaving: [Int] = []
    leaving.reserveCapacity(count)
    let occupants = [Task?](repeating: nil, count: count)
    lock.lock()
    self.count = count
    self.measured = measured
    self.free = free
    self.leaving = leaving
    self.occupants = occupants
    lock.unlock()
  }

  /// A slot for a new thread, nil if all carry one or there is no memory for one more. Waits for threads that are on
  /// their way out.
  func allocate() -> Int? {
    while true {
      lock.lock()
      let gone = collect()
      var slot: Int?
      if let last = free.popLast() {
        slot = last
      } else if next < measured || next < count && leaving.isEmpty {
        slot = next
        next += 1
      }
      let wait = !leaving.isEmpty
      let warn = slot == nil && !wait && !warned
      if warn { warned = true }
      lock.unlock()
      _ = consume gone
      if let slot {
        if KernelThreads.prepare(slot) { return slot }
        giveBack(slot)
        OutOfMemory.tell()
        return nil
      }
      if !wait {
        if warn {
          KernelLog.hint(
            PageChange.isFixed
              ? "cloister: all threads are in use; give it more with --threads N\n"
              : "cloister: all 4096 threads are in use\n")
        }
        return nil
      }
      Parking.yield()
    }
  }

  func occupy(_ slot: Int, _ task: Task) {
    lock.lock()
    if slot < occupants.count { occupants[slot] = task }
    lock.unlock()
  }

  /// The calling thread is about to leave the slot.
  func beginLeaving(_ slot: Int) {
    lock.lock()
    leaving.append(slot)
    lock.unlock()
  }

  /// Takes back slots whose host thread is gone. Lock held. Returns the tasks, to be let go outside of it.
  private func collect() -> Task? {
    for i in leaving.indices where KernelThreads.isGone(leaving[i]) {
      let slot = leaving.remove(at: i)
      let task = occupants[slot]
      occupants[slot] = nil
      free.append(slot)
      return task
    }
    return nil
  }

  /// A slot that was never started.
  func giveBack(_ slot: Int) {
    lock.lock()
    if slot < occupants.count { occupants[slot] = nil }
    free.append(slot)
    lock.unlock()
  }
}
