import CHostRuntime
import Glibc
import LinuxABI

/// Where one thread sleeps until `unpark` or `kick`: a futex word with a remembered unpark and a
/// remembered kick.
///
/// A kick stays pending until a blocking call consumes it, because it may arrive between the kernel's
/// look at its own flags and the exit that starts the blocking call. A stale one costs one EINTR, which
/// the interface allows.
final class ParkingLot: @unchecked Sendable {
  private static let token: UInt32 = 1
  private static let kicked: UInt32 = 2
  private static let sleeping: UInt32 = 4
  private static let polling: UInt32 = 8

  private let word: UnsafeMutablePointer<UInt32>
  /// Readable after a kick that found the thread in `poll`.
  let event: Int32

  init() throws(HostError) {
    event = clh_eventfd()
    guard event >= 0 else { throw HostError("cannot make an eventfd: \(errorText(-event))") }
    word = .allocate(capacity: 16)  // a cache line of its own
    word.initialize(repeating: 0, count: 16)
  }
  deinit {
    close(event)
    word.deallocate()
  }

  /// 0, ETIMEDOUT or EINTR, as `HostCall.park` says.
  func park(timeoutNs: UInt64) -> Errno? {
    while true {
      let value = clh_load(word)
      if value & Self.token != 0 {
        clh_fetch_and(word, ~Self.token)
        return nil
      }
      if value & Self.kicked != 0 {
        clh_fetch_and(word, ~Self.kicked)
        return .EINTR
      }
      if value == 0, clh_compare_exchange(word, 0, Self.sleeping) == 0 { continue }
      let result = clh_futex_wait(word, Self.sleeping, timeoutNs)
      let after = clh_fetch_and(word, ~(Self.sleeping | Self.token | Self.kicked))
      if after & Self.token != 0 { return nil }
      if after & Self.kicked != 0 { return .EINTR }
      if result == -ETIMEDOUT { return .ETIMEDOUT }
      return nil  // a host signal: a spurious return
    }
  }

  func unpark() {
    let before = clh_fetch_or(word, Self.token)
    if before & Self.sleeping != 0 { clh_futex_wake(word, 1) }
  }

  func kick() {
    let before = clh_fetch_or(word, Self.kicked)
    if before & Self.sleeping != 0 { clh_futex_wake(word, 1) }
    if before & Self.polling != 0 {
      var one: UInt64 = 1
      _ = write(event, &one, 8)
    }
  }

  /// Waits until `fd` is ready for `events`: revents, or EINTR after a kick.
  func wait(fd: Int32, events: Int16) -> Result<Int16, Errno> {
    withUnsafeTemporaryAllocation(of: pollfd.self, capacity: 2) { set -> Result<Int16, Errno> in
      set[0] = pollfd(fd: fd, events: events, revents: 0)
      switch wait(UnsafeMutableBufferPointer(rebasing: set[0..<2]), timeoutNs: .max) {
      case .success: return .success(set[0].revents)
      case .failure(let error): return .failure(error)
      }
    }
  }

  /// ppoll(2) on `set`, whose last entry this fills with the kick's event.
  func wait(_ set: UnsafeMutableBufferPointer<pollfd>, timeoutNs: UInt64) -> Result<Int, Errno> {
    set[set.count - 1] = pollfd(fd: event, events: Int16(POLLIN), revents: 0)
    if clh_fetch_or(word, Self.polling) & Self.kicked != 0 {
      clh_fetch_and(word, ~(Self.polling | Self.kicked))
      return .failure(.EINTR)
    }
    let count = clh_ppoll(set.baseAddress, UInt32(set.count), timeoutNs)
    let before = clh_fetch_and(word, ~(Self.polling | Self.kicked))
    if before & Self.kicked != 0 || (count > 0 && set[set.count - 1].revents != 0) {
      var drained: UInt64 = 0
      _ = read(event, &drained, 8)
      return .failure(.EINTR)
    }
    if count < 0 { return .failure(Errno(rawValue: -count)) }
    return .success(Int(count))
  }
}

func errorText(_ number: Int32) -> String { String(cString: strerror(number)) }
