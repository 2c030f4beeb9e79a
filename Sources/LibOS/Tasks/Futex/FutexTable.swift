import EnclaveRuntime
import LinuxABI
import Synchronization

/// futex(2): waiting on a word of user memory. All inside the enclave; the host only parks and unparks.
///
/// The word is compared with the bucket locked, and a waker changes the word before it takes that lock:
/// so either the waiter sees the new value or the waker sees the waiter. Several buckets are locked in
/// the order of their index.
final class FutexTable: @unchecked Sendable {
  static let shared = FutexTable()
  let buckets: [FutexBucket]
  /// Somebody has waited for a PI futex: only then the end of a thread has to look for them.
  let isPIUsed = Atomic<Bool>(false)

  init() {
    var made: [FutexBucket] = []
    made.reserveCapacity(256)
    for i in 0..<256 { made.append(FutexBucket(index: i)) }
    buckets = made
  }

  func bucket(_ key: FutexKey) -> FutexBucket { buckets[key.bucket] }

  func lock(_ a: FutexBucket, _ b: FutexBucket) {
    if a === b { return a.lock() }
    if a.index < b.index {
      a.lock()
      b.lock()
    } else {
      b.lock()
      a.lock()
    }
  }
  func unlock(_ a: FutexBucket, _ b: FutexBucket) {
    a.unlock()
    if a !== b { b.unlock() }
  }

  // MARK: Waiting

  /// Puts the waiter in its list if the word still has this value. EAGAIN otherwise.
  func enqueue(
    _ waiter: FutexWaiter, _ key: FutexKey, value: UInt32, bitset: UInt32, target: FutexKey? = nil
  ) throws(Errno) {
    let bucket = bucket(key)
    waiter.reset()
    while true {
      bucket.lock()
      if let word = FutexWordAccess.loadNoFault(key.address) {
        guard word == value else {
          bucket.unlock()
          throw .EAGAIN
        }
        waiter.key = key
        waiter.bitset = bitset
        waiter.requeueTarget = target
        waiter.isPI = false
        bucket.append(waiter)
        bucket.unlock()
        return
      }
      bucket.unlock()
      // The page is not there: bring it in without the lock, then look again.
      _ = try UserMemory.read(key.address, as: UInt32.self)
    }
  }

  /// Takes the waiter out, unless somebody has woken it. True: it was still waiting.
  func cancel(_ waiter: FutexWaiter) -> Bool {
    while true {
      let index = waiter.bucket
      if index < 0 {
        // A waker has taken it out and is about to say so: the node must not be used before.
        while !waiter.isWoken { Parking.pause() }
        return false
      }
      let bucket = buckets[index]
      bucket.lock()
      // A requeue may have moved it meanwhile.
      if waiter.bucket == index {
        bucket.remove(waiter)
        bucket.unlock()
        return true
      }
      bucket.unlock()
    }
  }

  /// Sleeps until woken. ERESTARTSYS for a signal, ETIMEDOUT at the deadline.
  func sleep(_ waiter: FutexWaiter, _ task: Task, deadlineNs: UInt64?) throws(Errno) {
    while !waiter.isWoken {
      if task.hasInterruptingSignal {
        if cancel(waiter) { throw .ERESTARTSYS }
        return
      }
      if let deadlineNs, Clock.monotonicNs() >= deadlineNs {
        if cancel(waiter) { throw .ETIMEDOUT }
        return
      }
      task.park(deadlineNs: deadlineNs)
    }
  }

  // MARK: Waking

  /// Wakes at most `count` waiters of the key whose bits meet `bitset`.
  func wake(_ key: FutexKey, count: Int, bitset: UInt32 = .max) -> Int {
    let bucket = bucket(key)
    var list = FutexWakeList()
    bucket.lock()
    take(from: bucket, key, count: count, bitset: bitset, into: &list)
    bucket.unlock()
    let n = list.count
    list.wake()
    return n
  }

  /// Moves waiters to the wake list. Bucket locked. A plain wake does not reach PI waiters.
  func take(
    from bucket: FutexBucket, _ key: FutexKey, count: Int, bitset: UInt32,
    into list: inout FutexWakeList
  ) {
    if count <= 0 { return }
    var at = bucket.first
    var taken = 0
    while let w = at {
      at = w.next
      if w.key == key, w.bitset & bitset != 0, w.requeueTarget == nil, !w.isPI {
        bucket.remove(w)
        list.add(w)
        taken += 1
        if taken >= count { return }
      }
    }
  }

  /// FUTEX_REQUEUE, FUTEX_CMP_REQUEUE: wakes some, moves others to a second futex.
  func requeue(
    _ key: FutexKey, to target: FutexKey, wake: Int, move: Int, expected: UInt32?
  ) throws(Errno) -> (woken: Int, moved: Int) {
    let source = bucket(key)
    let destination = bucket(target)
    var list = FutexWakeList()
    while true {
      lock(source, destination)
      if let expected {
        guard let word = FutexWordAccess.loadNoFault(key.address) else {
          unlock(source, destination)
          _ = try UserMemory.read(key.address, as: UInt32.self)
          continue
        }
        guard word == expected else {
          unlock(source, destination)
          throw .EAGAIN
        }
      }
      break
    }
    take(from: source, key, count: wake, bitset: .max, into: &list)
    var moved = 0
    if move > 0, key != target {
      var at = source.first
      while let w = at, moved < move {
        at = w.next
        if w.key == key, w.requeueTarget == nil, !w.isPI {
          source.remove(w)
          w.key = target
          destination.append(w)
          moved += 1
        }
      }
    } else if move > 0 {
      // Onto itself: everybody stays, and counts.
      var at = source.first
      while let w = at, moved < move {
        at = w.next
        if w.key == key { moved += 1 }
      }
    }
    unlock(source, destination)
    let woken = list.count
    list.wake()
    return (woken, moved)
  }

  /// FUTEX_WAKE_OP: changes the second word atomically, wakes the first's waiters and, if the old value
  /// of the second compares, the second's.
  func wakeOperation(
    _ key: FutexKey, _ second: FutexKey, wake: Int, wakeSecond: Int, operation: UInt32
  ) throws(Errno) -> Int {
    let a = bucket(key)
    let b = bucket(second)
    var list = FutexWakeList()
    let operation = try FutexWakeOperation(operation)
    while true {
      lock(a, b)
      guard let old = operation.apply(second.address) else {
        unlock(a, b)
        // Writable, or EFAULT.
        try FutexWordAccess.makeWritable(second.address)
        continue
      }
      take(from: a, key, count: wake, bitset: .max, into: &list)
      if operation.compares(old) {
        take(from: b, second, count: wakeSecond, bitset: .max, into: &list)
      }
      unlock(a, b)
      let n = list.count
      list.wake()
      return n
    }
  }
}
