import CHostRuntime
import Glibc
import HostInterface
import LinuxABI

/// Streams: read, write, status and poll.
extension HostRequest {
  func streamRead() throws(Errno) -> Int {
    if let socket = process.sockets[argument(0)] { return try receive(socket) }
    guard let data = buffer.data(argument(1)) else { throw .EIO }
    let count = try believable(Streams.read(argument(0), into: data, thread.lot))
    thread.statistics.count(.bytesIn, UInt64(count))
    return count
  }

  func streamWrite() throws(Errno) -> Int {
    if let socket = process.sockets[argument(0)] { return try send(socket) }
    guard let data = buffer.data(argument(1)) else { throw .EIO }
    let count = try believable(Streams.write(argument(0), from: data, thread.lot))
    thread.statistics.count(.bytesOut, UInt64(count))
    return count
  }

  /// Errnos outside of the interface's become EIO here rather than in the enclave.
  private func believable(_ result: Result<Int, Errno>) throws(Errno) -> Int {
    do {
      return try result.get()
    } catch {
      switch error {
      case .EINTR, .EAGAIN, .EPIPE, .ENOSPC: throw error
      default: throw .EIO
      }
    }
  }

  func streamStatus() throws(Errno) -> Int {
    if let socket = process.sockets[argument(0)] { return status(socket) }
    guard let status = Streams.status(argument(0)) else { throw .EIO }
    buffer.setReply(0, status.kind.rawValue)
    buffer.setReply(1, status.size)
    return 0
  }

  func poll() throws(Errno) -> Int {
    let count = argument(0)
    guard count <= SocketTable.limit, let data = buffer.data(count * 8) else { throw .EIO }
    let result = withUnsafeTemporaryAllocation(of: pollfd.self, capacity: Int(count) + 1) {
      set -> Result<Int, Errno> in
      for i in 0..<Int(count) {
        let entry = clh_load64(data.baseAddress! + 8 * i)
        set[i] = pollfd(
          fd: Streams.descriptor(entry & 0xFFFF_FFFF)
            ?? process.sockets[entry & 0xFFFF_FFFF]?.descriptor ?? -1,
          events: Int16(truncatingIfNeeded: entry >> 32), revents: 0)
      }
      let result = thread.lot.wait(set, timeoutNs: argument(1))
      guard case .success = result else { return result }
      var ready = 0
      for i in 0..<Int(count) {
        let entry = clh_load64(data.baseAddress! + 8 * i) & 0xFFFF_FFFF_FFFF
        let revents = set[i].fd < 0 ? UInt16(POLLNVAL) : UInt16(bitPattern: set[i].revents)
        if revents != 0 { ready += 1 }
        clh_store64(data.baseAddress! + 8 * i, entry | UInt64(revents) << 48)
      }
      return .success(ready)
    }
    return try result.get()
  }
}
