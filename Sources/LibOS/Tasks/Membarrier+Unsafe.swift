import CEnclave
import EnclaveRuntime
import LinuxABI
import Synchronization

/// membarrier(2): every thread of the process passes a full memory barrier before the call returns.
///
/// Each other thread is interrupted and acknowledges from inside, on its way back to user mode; the host's
/// word that it delivered the interrupt counts for nothing. A thread that sleeps, or is outside in a host
/// call, needs none: it comes back through atomic exchanges and EENTER, which are barriers.
extension Process {
  func membarrier(from caller: Task) {
    // Both barriers of the caller itself are these atomic operations.
    let round = barrierCount.add(1, ordering: .sequentiallyConsistent).newValue
    signals.lock.lock()
    let others = tasks.filter { $0 !== caller }
    signals.lock.unlock()
    for task in others { task.interruptForBarrier() }
    for task in others {
      while !task.hasPassedBarrier(round) { Parking.yield() }
    }
    _ = barrierCount.load(ordering: .sequentiallyConsistent)
  }
}

extension Task {
  /// On the way to user mode.
  func passBarrier() {
    barrierPassed.store(
      process.barrierCount.load(ordering: .sequentiallyConsistent),
      ordering: .sequentiallyConsistent)
  }

  fileprivate func interruptForBarrier() {
    setWork()
    #if CLOISTER_ENCLAVE
      if !isOutside { Host.kick(thread: threadIndex) }
    #endif
  }

  fileprivate func hasPassedBarrier(_ round: UInt64) -> Bool {
    if barrierPassed.load(ordering: .sequentiallyConsistent) >= round { return true }
    if isOutside { return true }
    // Ended meanwhile.
    return TaskTable.shared.task(tid) !== self
  }

  private var isOutside: Bool {
    if parker.isAsleep { return true }
    #if CLOISTER_ENCLAVE
      // SAFETY: slots below the thread count have a block, and the state is read atomically.
      let state = unsafe cl_load_state(ThreadBlocks.block(threadIndex))
      return state == UInt64(TS_HOST_CALL) || state == UInt64(TS_STARTABLE)
    #else
      // Hosted threads have no user mode to interrupt.
      return true
    #endif
  }
}
