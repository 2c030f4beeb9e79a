import EnclaveRuntime
import LinuxABI
import Synchronization

/// One thread that waits on one futex. Linked into its bucket's list, so that waiting allocates nothing.
final class FutexWaiter: @unchecked Sendable {
  let parker: Parker
  // Guarded by the lock of the bucket that `key` names.
  var key: FutexKey?
  var bitset: UInt32 = 0
  var next: FutexWaiter?
  var previous: FutexWaiter?
  /// FUTEX_WAIT_REQUEUE_PI: the PI futex it may be moved to.
  var requeueTarget: FutexKey?
  /// Waits for a PI futex: it is woken as its owner.
  var isPI = false
  /// The thread that waits, and the one that owns the PI futex it waits for.
  var tid: UInt32 = 0
  var ownerTid: UInt32 = 0
  /// The bucket it is in now, -1: none. Written under that bucket's lock; read to find the lock.
  private let bucketIndex = Atomic<Int>(-1)
  private let woken = Atomic<Bool>(false)

  init(parker: Parker) { self.parker = parker }

  var isWoken: Bool { woken.load(ordering: .acquiring) }
  var bucket: Int {
    get { bucketIndex.load(ordering: .acquiring) }
    set { bucketIndex.store(newValue, ordering: .releasing) }
  }
  func reset() { woken.store(false, ordering: .relaxed) }
  /// The waiter is out of its list; after this it may return and wait again.
  func setWoken() { woken.store(true, ordering: .releasing) }
}

/// Waiters whose keys have one hash. The lock is held for a walk along the list; nothing is allocated
/// and nobody is woken under it.
final class FutexBucket: @unchecked Sendable {
  private let spin = SpinLock()
  private(set) var first: FutexWaiter?
  private var last: FutexWaiter?
  let index: Int

  init(index: Int) { self.index = index }

  func lock() { spin.lock() }
  func unlock() { spin.unlock() }

  func append(_ w: FutexWaiter) {
    w.previous = last
    w.next = nil
    if let last { last.next = w } else { first = w }
    last = w
    w.bucket = index
  }

  func remove(_ w: FutexWaiter) {
    let next = w.next
    let previous = w.previous
    if let next { next.previous = previous } else { last = previous }
    if let previous { previous.next = next } else { first = next }
    w.next = nil
    w.previous = nil
    w.bucket = -1
  }
}

/// Waiters taken out of a bucket, to be woken once its lock is released: chained through `next`.
struct FutexWakeList {
  private var first: FutexWaiter?
  private var last: FutexWaiter?
  private(set) var count = 0

  mutating func add(_ w: FutexWaiter) {
    if let last { last.next = w } else { first = w }
    last = w
    count += 1
  }

  consuming func wake() {
    var at = first
    while let w = at {
      at = w.next
      w.next = nil
      let parker = w.parker
      w.setWoken()
      parker.unpark()
    }
  }
}
