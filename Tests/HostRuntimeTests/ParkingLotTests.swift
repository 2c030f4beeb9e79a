import Foundation
import LinuxABI
import Testing

@testable import HostRuntime

@Suite("park, unpark, kick")
struct ParkingLotTests {
  @Test("an unpark before the park is remembered, once")
  func token() throws {
    let lot = try ParkingLot()
    lot.unpark()
    lot.unpark()
    #expect(lot.park(timeoutNs: .max) == nil)
    #expect(lot.park(timeoutNs: 1_000_000) == .ETIMEDOUT)
  }

  @Test("a kick ends a park, before it or during it")
  func kick() throws {
    let lot = try ParkingLot()
    lot.kick()
    #expect(lot.park(timeoutNs: .max) == .EINTR)
    let thread = Thread {
      usleep(20_000); lot.kick()
    }
    thread.start()
    #expect(lot.park(timeoutNs: .max) == .EINTR)
  }

  @Test("a kick ends a blocking read, before it or during it")
  func kickWhilePolling() throws {
    var pipe: [Int32] = [0, 0]
    #expect(Glibc.pipe(&pipe) == 0)
    defer { pipe.forEach { close($0) } }
    let lot = try ParkingLot()
    lot.kick()
    #expect(lot.wait(fd: pipe[0], events: Int16(POLLIN)) == .failure(.EINTR))
    let thread = Thread {
      usleep(20_000); lot.kick()
    }
    thread.start()
    #expect(lot.wait(fd: pipe[0], events: Int16(POLLIN)) == .failure(.EINTR))
    _ = Glibc.write(pipe[1], "x", 1)
    #expect(lot.wait(fd: pipe[0], events: Int16(POLLIN)) == .success(Int16(POLLIN)))
  }

  @Test("two threads hand a token back and forth without losing it")
  func pingPong() throws {
    let a = try ParkingLot(), b = try ParkingLot()
    let rounds = 2000
    let other = Thread {
      for _ in 0..<rounds {
        while b.park(timeoutNs: .max) != nil {}
        a.unpark()
      }
    }
    other.start()
    for _ in 0..<rounds {
      b.unpark()
      #expect(a.park(timeoutNs: 5_000_000_000) == nil)
    }
  }
}
