import EnclaveRuntime
import LinuxABI
import Synchronization

/// PI futexes (futex(2), "Priority-inheritance futexes"): the word holds the owner's thread number, and the kernel hands
/// the lock to the next waiter itself.
///
/// Priorities are the host's affair and not inherited; waiters are served in order. Everything else is
/// as in Linux: ownership, FUTEX_WAITERS, FUTEX_OWNER_DIED, EDEADLK, ESRCH.
extension FutexTable {
  /// FUTEX_LOCK_PI, FUTEX_TRYLOCK_PI.
  ///
  /// - Throws: EDEADLK if the caller owns it, ESRCH if the owner does not exist, EAGAIN if it is owned (try).
  func lockPI(_ task: Task, _ key: FutexKey, deadlineNs: UInt64?, tries: Bool = false) throws(Errno)
    -> Int
  {
    let own = UInt32(task.tid)
    let waiter = task.futexWaiter
    let bucket = bucket(key)
    isPIUsed.store(true, ordering: .sequentiallyConsistent)
    while true {
      // The owner is looked up before the spin lock: the task table's lock sleeps.
      let seen = try FutexWordAccess.load(key.address)
      let owner = seen & FutexWord.FUTEX_TID_MASK
      if owner == own { throw .EDEADLOCK }
      if owner != 0, !tries, TaskTable.shared.task(Int32(owner)) == nil {
        // It may have ended just now and changed the word.
        if try FutexWordAccess.load(key.address) == seen { throw .ESRCH }
        continue
      }
      bucket.lock()
      guard let word = FutexWordAccess.loadNoFault(key.address) else {
        bucket.unlock()
        continue
      }
      if word & FutexWord.FUTEX_TID_MASK != owner {
        bucket.unlock()
        continue
      }
      if owner == 0 {
        let waiters = hasPIWaiters(bucket, key) ? FutexWord.FUTEX_WAITERS : 0
        let new = own | word & FutexWord.FUTEX_OWNER_DIED | waiters
        let found = FutexWordAccess.exchangeNoFault(key.address, expected: word, desired: new)
        bucket.unlock()
        if found == word { return 0 }
        if found == nil { try FutexWordAccess.makeWritable(key.address) }
        continue
      }
      if tries {
        bucket.unlock()
        throw .EAGAIN
      }
      // Owner's unlock must come into the kernel from now on.
      let new = word | FutexWord.FUTEX_WAITERS
      let found = FutexWordAccess.exchangeNoFault(key.address, expected: word, desired: new)
      guard found == word else {
        bucket.unlock()
        if found == nil { try FutexWordAccess.makeWritable(key.address) }
        continue
      }
      waiter.reset()
      waiter.key = key
      waiter.bitset = .max
      waiter.isPI = true
      waiter.requeueTarget = nil
      waiter.tid = own
      waiter.ownerTid = owner
      bucket.append(waiter)
      bucket.unlock()
      do throws(Errno) {
        try sleep(waiter, task, deadlineNs: deadlineNs)
      } catch {
        // Linux restarts this without asking the handler.
        throw error == .ERESTARTSYS ? .ERESTARTNOINTR : error
      }
      return 0
    }
  }

  /// FUTEX_UNLOCK_PI: the next waiter becomes the owner.
  func unlockPI(_ task: Task, _ key: FutexKey) throws(Errno) -> Int {
    let bucket = bucket(key)
    while true {
      let word = try FutexWordAccess.load(key.address)
      guard word & FutexWord.FUTEX_TID_MASK == UInt32(task.tid) else { throw .EPERM }
      bucket.lock()
      let result = handOver(bucket, key, from: word, died: 0)
      bucket.unlock()
      switch result {
      case .done(let next):
        if let next { wake(next) }
        return 0
      case .changed: continue
      case .notThere: try FutexWordAccess.makeWritable(key.address)
      }
    }
  }

  /// A thread ends: what it owns and others wait for goes to the next one, marked FUTEX_OWNER_DIED.
  func ownerDied(_ tid: UInt32) {
    guard isPIUsed.load(ordering: .sequentiallyConsistent) else { return }
    for bucket in buckets {
      while true {
        bucket.lock()
        var found: FutexWaiter?
        var at = bucket.first
        while let w = at, found == nil {
          at = w.next
          if w.isPI, w.ownerTid == tid { found = w }
        }
        guard let waiter = found, let key = waiter.key else {
          bucket.unlock()
          break
        }
        let word = FutexWordAccess.loadNoFault(key.address)
        var result = HandOver.notThere
        if let word {
          if word & FutexWord.FUTEX_TID_MASK == tid || word & FutexWord.FUTEX_TID_MASK == 0 {
            result = handOver(bucket, key, from: word, died: FutexWord.FUTEX_OWNER_DIED)
          } else {
            // Somebody wrote another owner: he answers for it now.
            setOwner(bucket, key, word & FutexWord.FUTEX_TID_MASK)
            result = .done(nil)
          }
        }
        if case .notThere = result {
          // The memory is gone: nobody can own it. The waiter looks again and gets EFAULT.
          bucket.remove(waiter)
          bucket.unlock()
          wake(waiter)
          continue
        }
        bucket.unlock()
        if case .done(let next?) = result { wake(next) }
      }
    }
  }

  /// FUTEX_CMP_REQUEUE_PI: the first waiter gets the PI futex if it is free, the others (up to `move`) wait for it.
  func requeuePI(_ key: FutexKey, to target: FutexKey, move: Int, expected: UInt32) throws(Errno)
    -> Int
  {
    let source = bucket(key)
    let destination = bucket(target)
    isPIUsed.store(true, ordering: .sequentiallyConsistent)
    while true {
      try FutexWordAccess.makeWritable(target.address)
      let seen = try FutexWordAccess.load(target.address)
      let owner = seen & FutexWord.FUTEX_TID_MASK
      if owner != 0, TaskTable.shared.task(Int32(owner)) == nil { throw .ESRCH }
      lock(source, destination)
      guard let value = FutexWordAccess.loadNoFault(key.address),
        let word = FutexWordAccess.loadNoFault(target.address)
      else {
        unlock(source, destination)
        _ = try UserMemory.read(key.address, as: UInt32.self)
        continue
      }
      if value != expected {
        unlock(source, destination)
        throw .EAGAIN
      }
      guard let top = first(source, key) else {
        unlock(source, destination)
        return 0
      }
      guard top.requeueTarget == target else {
        unlock(source, destination)
        throw .EINVAL
      }
      if word & FutexWord.FUTEX_TID_MASK != owner {
        unlock(source, destination)
        continue
      }
      var winner: FutexWaiter?
      var newOwner = owner
      var new = word | FutexWord.FUTEX_WAITERS
      if owner == 0 {
        newOwner = top.tid
        new = top.tid | word & FutexWord.FUTEX_OWNER_DIED | FutexWord.FUTEX_WAITERS
        winner = top
      }
      guard FutexWordAccess.exchangeNoFault(target.address, expected: word, desired: new) == word
      else {
        unlock(source, destination)
        continue
      }
      var count = 0
      if let winner {
        source.remove(winner)
        winner.requeueTarget = nil
        count = 1
      }
      var moved = 0
      var at = source.first
      while let w = at, moved < move + (winner == nil ? 1 : 0) {
        at = w.next
        guard w.key == key, w.requeueTarget == target else { continue }
        source.remove(w)
        w.key = target
        w.isPI = true
        w.requeueTarget = nil
        w.ownerTid = newOwner
        destination.append(w)
        moved += 1
      }
      unlock(source, destination)
      if let winner { wake(winner) }
      return count + moved
    }
  }

  // MARK: Pieces; the bucket is locked

  private enum HandOver {
    case done(FutexWaiter?)
    /// The word is no longer what it was.
    case changed
    case notThere
  }

  private func handOver(_ bucket: FutexBucket, _ key: FutexKey, from word: UInt32, died: UInt32)
    -> HandOver
  {
    let next = firstPI(bucket, key)
    var new = died
    if let next {
      new |= next.tid
      if hasPIWaiters(bucket, key, besides: next) { new |= FutexWord.FUTEX_WAITERS }
    }
    guard let found = FutexWordAccess.exchangeNoFault(key.address, expected: word, desired: new)
    else {
      return .notThere
    }
    if found != word { return .changed }
    if let next {
      bucket.remove(next)
      setOwner(bucket, key, next.tid)
    }
    return .done(next)
  }

  private func first(_ bucket: FutexBucket, _ key: FutexKey) -> FutexWaiter? {
    var at = bucket.first
    while let w = at {
      if w.key == key { return w }
      at = w.next
    }
    return nil
  }

  private func firstPI(_ bucket: FutexBucket, _ key: FutexKey) -> FutexWaiter? {
    var at = bucket.first
    while let w = at {
      if w.isPI, w.key == key { return w }
      at = w.next
    }
    return nil
  }

  private func hasPIWaiters(
    _ bucket: FutexBucket, _ key: FutexKey, besides: FutexWaiter? = nil
  ) -> Bool {
    var at = bucket.first
    while let w = at {
      if w.isPI, w.key == key, w !== besides { return true }
      at = w.next
    }
    return false
  }

  private func setOwner(_ bucket: FutexBucket, _ key: FutexKey, _ tid: UInt32) {
    var at = bucket.first
    while let w = at {
      if w.isPI, w.key == key { w.ownerTid = tid }
      at = w.next
    }
  }

  /// Not locked: tells a waiter that was taken out.
  private func wake(_ waiter: FutexWaiter) {
    let parker = waiter.parker
    waiter.setWoken()
    parker.unpark()
  }
}
