import Foundation
import Synchronization
import Testing

@testable import EnclaveRuntime

@Suite("sleeping and waking")
struct ParkerTests {
  /// What the sleeping thread shows to the test.
  private final class Sleeper: Sendable {
    let lock = Lock()
    let parker = Mutex<Parker?>(nil)
    let slept = Mutex<Duration?>(nil)
  }

  @Test("a wake-up that comes while the thread waits for a lock ends its next sleep")
  func wakeUpSurvivesLock() throws {
    let shared = Sleeper()
    shared.lock.lock()
    Thread.detachNewThread {
      shared.parker.withLock { $0 = Parker.current }
      shared.lock.lock()
      let start = ContinuousClock.now
      let deadline = Self.clock() + 5_000_000_000
      Parker.current.park(deadlineNs: deadline)
      shared.lock.unlock()
      shared.slept.withLock { $0 = ContinuousClock.now - start }
    }
    func wait(until condition: () -> Bool) { while !condition() { Parking.yield() } }
    wait { shared.parker.withLock { $0 != nil } }
    let parker = try #require(shared.parker.withLock { $0 })
    wait { parker.isAsleep }
    // For the queue in which the thread will look next.
    parker.unpark()
    wait { parker.isAsleep }
    shared.lock.unlock()
    wait { shared.slept.withLock { $0 != nil } }
    #expect(try #require(shared.slept.withLock { $0 }) < .seconds(4))
  }

  private static func clock() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
  }
}
