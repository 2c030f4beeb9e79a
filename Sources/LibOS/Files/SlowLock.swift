import EnclaveRuntime
import LinuxABI

/// One user at a time of something that the host may keep waiting for long, such as a terminal.
///
/// Unlike with a `Lock` the holder may sleep, call the host and wait for its family's turn, because who waits
/// for it has stepped out of its own turn, and a signal ends the wait. Outside of all locks.
final class SlowLock: @unchecked Sendable {
  private let lock = Lock()
  /// Guarded by `lock`.
  private var isTaken = false
  private let queue = WaitQueue()

  /// - Throws: ERESTARTSYS when a signal comes first.
  func take() throws(Errno) {
    _ = try queue.wait { () throws(Errno) -> Bool? in
      lock.withLock {
        if isTaken { return nil }
        isTaken = true
        return true
      }
    }
  }

  func give() {
    lock.withLock { isTaken = false }
    queue.wakeAll()
  }
}
