/// Waiting places by key, for `Lock`: a fixed table of buckets, each a spin lock and a chain of waiters
/// of parkers (one `Parker` a thread).
enum ParkingLot {
  static let bucketCount = 256
  @safe final class Table: Sendable {
    let locks: [BucketObject]
    init() {
      var made: [BucketObject] = []
      made.reserveCapacity(ParkingLot.bucketCount)
      for _ in 0..<ParkingLot.bucketCount { made.append(BucketObject()) }
      locks = made
    }
  }
  @safe final class BucketObject: @unchecked Sendable {
    let lock = SpinLock()
    /// Guarded by `lock`. First in, first out.
    var waiters: [Parker] = []
    init() { waiters.reserveCapacity(8) }
  }
  static let table = Table()

  private static func bucket(_ key: UInt) -> BucketObject {
    let hash = (key >> 4) &* 0x9E37_79B9_7F4A_7C15
    return table.locks[Int(hash >> 56)]
  }

  /// Sleeps until `unparkOne(key:)`, if `condition` still holds once the bucket is locked.
  ///
  /// A thread has one parker for everything it waits for, so a token that ends this sleep may have been meant for what
  /// the caller is about to wait for next: a queue it is registered in already. It is left again; wake-ups without a reason are
  /// harmless, lost ones are not.
  static func park(key: UInt, if condition: () -> Bool) {
    let parker = Parker.current
    let bucket = bucket(key)
    bucket.lock.lock()
    guard condition() else {
      bucket.lock.unlock()
      return
    }
    parker.lotKey = key
    bucket.waiters.append(parker)
    bucket.lock.unlock()
    var hasSlept = false
    while true {
      bucket.lock.lock()
      let stillQueued = parker.lotKey != 0
      bucket.lock.unlock()
      if !stillQueued { break }
      parker.park(deadlineNs: nil)
      hasSlept = true
    }
    if hasSlept { parker.leaveToken() }
  }

  static func unparkOne(key: UInt) {
    let bucket = bucket(key)
    bucket.lock.lock()
    var found: Parker?
    for i in bucket.waiters.indices where bucket.waiters[i].lotKey == key {
      found = bucket.waiters.remove(at: i)
      break
    }
    found?.lotKey = 0
    bucket.lock.unlock()
    found?.unpark()
  }
}
