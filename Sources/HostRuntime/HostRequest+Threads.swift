import HostInterface
import LinuxABI

/// Threads: start, park, unpark, kick, and the end of everything.
extension HostRequest {
  /// `exit(status, familySwitches, familyBytes)`: 0...255 is an exit status, 256 + n is death by signal n, which a shell and podman
  /// report as 128 + n.
  func exit() -> Never {
    let status = argument(0)
    thread.statistics.count(.familySwitches, argument(1))
    thread.statistics.count(.familyBytes, argument(2))
    process.end(status < 256 ? Int32(status) : 128 + Int32(truncatingIfNeeded: status & 0x7F))
  }

  func threadStart() throws(Errno) -> Int {
    try process.start(argument(0))
    return 0
  }

  func park() throws(Errno) -> Int {
    if let error = thread.lot.park(timeoutNs: argument(0)) { throw error }
    return 0
  }

  func unpark() throws(Errno) -> Int {
    guard let other = process.thread(argument(0)) else { throw .EINVAL }
    other.lot.unpark()
    return 0
  }

  func kick() throws(Errno) -> Int {
    guard let other = process.thread(argument(0)) else { throw .EINVAL }
    other.kick()
    return 0
  }
}
