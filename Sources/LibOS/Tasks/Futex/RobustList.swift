import EnclaveRuntime
import LinuxABI

/// The robust list of a thread (get_robust_list(2), Documentation/locking/robust-futex-ABI): locks that it still holds when it
/// ends are marked FUTEX_OWNER_DIED and one waiter is woken.
///
/// The list lies in the program's memory, so it may be anything: its length is bounded and every access
/// may fail, which ends the walk.
extension Task {
  func exitRobustList() {
    guard robustList != 0 else { return }
    do throws(Errno) {
      let head = try UserMemory.read(robustList, as: RobustListHead.self)
      // Bit 0 of a list pointer: a PI futex.
      let pending = head.pending & ~1
      let pendingIsPI = head.pending & 1 != 0
      var entry = head.list
      for _ in 0..<FutexWord.ROBUST_LIST_LIMIT {
        let isPI = entry & 1 != 0
        let at = entry & ~1
        if at == robustList { break }
        // Read the next one first: the owner may unmap the entry once it is woken.
        var next: UInt = 0
        var ended = false
        do throws(Errno) { next = try UserMemory.read(at, as: UInt.self) } catch { ended = true }
        // The pending one is looked at last.
        if at != pending {
          try die(at &+ UInt(bitPattern: head.futexOffset), isPI: isPI, isPending: false)
        }
        if ended { break }
        entry = next
      }
      if pending != 0 {
        try die(pending &+ UInt(bitPattern: head.futexOffset), isPI: pendingIsPI, isPending: true)
      }
    } catch {}
  }

  /// Linux handle_futex_death().
  private func die(_ address: UInt, isPI: Bool, isPending: Bool) throws(Errno) {
    guard address & 3 == 0 else { throw .EFAULT }
    try UserMemory.check(address, 4)
    var word = try FutexWordAccess.load(address)
    let shared = try FutexKey(address, isPrivate: false, in: process)
    let own = try FutexKey(address, isPrivate: true, in: process)
    while true {
      let owner = word & FutexWord.FUTEX_TID_MASK
      if isPending, !isPI, owner == 0 {
        // Unlocked in user space, but it died before it could wake the next one.
        wakeOne(shared, own)
        return
      }
      guard owner == UInt32(tid) else { return }
      let new = word & FutexWord.FUTEX_WAITERS | FutexWord.FUTEX_OWNER_DIED
      let seen = try FutexWordAccess.exchange(address, expected: word, desired: new)
      if seen == word { break }
      word = seen
    }
    if !isPI, word & FutexWord.FUTEX_WAITERS != 0 { wakeOne(shared, own) }
  }

  /// Linux wakes the shared key only; glibc's robust mutexes wait on shared ones. Waking a private waiter as
  /// well is a spurious wake-up at worst.
  private func wakeOne(_ shared: FutexKey, _ own: FutexKey) {
    if FutexTable.shared.wake(shared, count: 1) == 0 { _ = FutexTable.shared.wake(own, count: 1) }
  }
}
