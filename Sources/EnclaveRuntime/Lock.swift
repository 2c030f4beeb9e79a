import CEnclave
import Synchronization

/// A short spin lock. Held for a few instructions, never over a host call or an allocation of pages.
@safe public struct SpinLock: ~Copyable, Sendable {
  private let word = Atomic<UInt32>(0)
  @inlinable public init() {}

  @usableFromInline func tryLock() -> Bool {
    word.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged
  }
  public func lock() {
    var spins = 0
    while !tryLock() {
      spins += 1
      if spins > 200 {
        // The holder's host thread may have been descheduled: give the processor away.
        spins = 0
        Parking.yield()
      } else {
        cl_pause()
      }
    }
  }
  public func unlock() { word.store(0, ordering: .releasing) }
}

/// A sleeping lock (a futex-style mutex whose waiters park). Not recursive. Wrong wake-ups by the host
/// are harmless: the state lives here.
@safe public final class Lock: Sendable {
  /// 0 free, 1 held, 2 held and somebody waits.
  private let state = Atomic<UInt32>(0)
  public init() {}

  public func lock() {
    if state.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged { return }
    lockSlow()
  }

  private func lockSlow() {
    for _ in 0..<100 {
      if state.load(ordering: .relaxed) == 0,
        state.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged
      {
        return
      }
      cl_pause()
    }
    let key = unsafe UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque())
    while state.exchange(2, ordering: .acquiring) != 0 {
      ParkingLot.park(key: key) { state.load(ordering: .relaxed) == 2 }
    }
  }

  public func unlock() {
    if state.exchange(0, ordering: .releasing) == 2 {
      let key = unsafe UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque())
      ParkingLot.unparkOne(key: key)
    }
  }

  /// Runs `body` with the lock held.
  @inlinable public func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    lock()
    defer { unlock() }
    return try body()
  }
}
