import CHostRuntime
import Glibc
import HostInterface
import LinuxABI

/// Internet sockets. They never block: what must wait, waits in poll, where a kick reaches it.
extension HostRequest {
  private func entry(_ index: Int = 0) throws(Errno) -> SocketTable.Entry {
    guard let entry = process.sockets[argument(index)] else { throw .EIO }
    return entry
  }

  /// Errnos outside of the interface's become EIO here rather than in the enclave.
  private func believable(_ result: Int, _ call: HostCall) throws(Errno) -> Int {
    if result >= 0 { return result }
    let errno = Errno(rawValue: Int32(-result))
    throw SocketErrnos.allows(call, errno) ? errno : .EIO
  }

  private func withName(
    from first: Int, mask: UInt64 = .max, _ body: (UnsafePointer<UInt64>) -> Int
  ) -> Int {
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 4) { words in
      for i in 0..<4 { words[i] = argument(first + i) }
      words[3] &= mask
      return body(words.baseAddress!)
    }
  }

  /// Puts the four words that `body` fills into the reply.
  private func replyingName(_ body: (UnsafeMutablePointer<UInt64>) -> Int) -> Int {
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 4) { words in
      words.initialize(repeating: 0)
      let result = body(words.baseAddress!)
      for i in 0..<4 { buffer.setReply(i, words[i]) }
      return result
    }
  }

  func socket() throws(Errno) -> Int {
    guard process.configuration.network == .host else { throw .EACCES }
    let family = argument(1)
    let type = argument(2)
    guard family == UInt64(AF_INET) || family == UInt64(AF_INET6), type == 1 || type == 2 else {
      throw .EIO
    }
    let fd = try believable(Int(clh_socket(Int32(family), Int32(type))), .socket)
    do {
      try process.sockets.add(
        argument(0), SocketTable.Entry(descriptor: Int32(fd), isDatagram: type == 2))
    } catch {
      throw .EIO
    }
    return 0
  }

  func streamClose() -> Int {
    process.sockets.remove(argument(0))
    return 0
  }

  func bind() throws(Errno) -> Int {
    let fd = try entry().descriptor
    _ = try believable(withName(from: 1) { Int(clh_bind(fd, $0)) }, .bind)
    _ = replyingName { local in
      var error: Int32 = 0
      var unread: UInt64 = 0
      return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 4) { peer in
        clh_socket_status(fd, &error, &unread, local, peer.baseAddress!)
        return 0
      }
    }
    return 0
  }

  func listen() throws(Errno) -> Int {
    let backlog = Int32(truncatingIfNeeded: min(argument(1), 1 << 30))
    return try believable(Int(clh_listen(try entry().descriptor, backlog)), .listen)
  }

  func accept() throws(Errno) -> Int {
    let fd = try entry().descriptor
    let new = try believable(replyingName { Int(clh_accept(fd, $0)) }, .accept)
    do {
      try process.sockets.add(
        argument(1), SocketTable.Entry(descriptor: Int32(new), isDatagram: false))
    } catch {
      throw .EIO
    }
    return 0
  }

  func connect() throws(Errno) -> Int {
    let fd = try entry().descriptor
    return try believable(withName(from: 1) { Int(clh_connect(fd, $0)) }, .connect)
  }

  func setOption() throws(Errno) -> Int {
    let level = Int32(truncatingIfNeeded: argument(1) >> 32)
    let name = Int32(truncatingIfNeeded: argument(1))
    return try believable(
      Int(clh_set_option(try entry().descriptor, level, name, argument(2))), .setOption)
  }

  func shutdown() throws(Errno) -> Int {
    let how = Int32(truncatingIfNeeded: argument(1))
    return try believable(Int(clh_shutdown(try entry().descriptor, how)), .shutdown)
  }

  // MARK: Data

  /// `streamRead` of a socket.
  func receive(_ socket: SocketTable.Entry) throws(Errno) -> Int {
    guard let data = buffer.data(argument(1)) else { throw .EIO }
    let flags = argument(2)
    while true {
      var real = 0
      let result = replyingName { words in
        real = clh_receive(
          socket.descriptor, data.baseAddress, data.count, flags & SocketFlags.peek != 0 ? 1 : 0,
          flags & SocketFlags.outOfBand != 0 ? 1 : 0, socket.isDatagram ? 1 : 0, words)
        if socket.isDatagram, real >= 0 { words[3] |= UInt64(real) << 32 }
        return min(real, data.count)
      }
      if result == -Int(EAGAIN), flags & SocketFlags.dontWait == 0 {
        if case .failure(let error) = thread.lot.wait(fd: socket.descriptor, events: Int16(POLLIN))
        {
          throw error == .EINTR ? .EINTR : .EIO
        }
        continue
      }
      let count = try believable(result, .streamRead)
      thread.statistics.count(.bytesIn, UInt64(count))
      return count
    }
  }

  /// `streamWrite` to a socket.
  func send(_ socket: SocketTable.Entry) throws(Errno) -> Int {
    guard let data = buffer.data(argument(1)) else { throw .EIO }
    let flags = argument(5) >> 32
    while true {
      let result = withName(from: 2, mask: 0xFFFF_FFFF) { words in
        clh_send(
          socket.descriptor, data.baseAddress, data.count,
          flags & SocketFlags.outOfBand != 0 ? 1 : 0, words)
      }
      if result == -Int(EAGAIN), flags & SocketFlags.dontWait == 0 {
        if case .failure(let error) = thread.lot.wait(fd: socket.descriptor, events: Int16(POLLOUT))
        {
          throw error == .EINTR ? .EINTR : .EIO
        }
        continue
      }
      let count = try believable(result, .streamWrite)
      thread.statistics.count(.bytesOut, UInt64(count))
      return count
    }
  }

  func status(_ socket: SocketTable.Entry) -> Int {
    var error: Int32 = 0
    var unread: UInt64 = 0
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 8) { names in
      clh_socket_status(
        socket.descriptor, &error, &unread, names.baseAddress!, names.baseAddress! + 4)
      for i in 0..<8 { clh_store64(buffer.data.baseAddress! + 8 * i, names[i]) }
    }
    buffer.setReply(0, StreamKind.socket.rawValue)
    buffer.setReply(1, 0)
    buffer.setReply(2, UInt64(UInt32(bitPattern: error)))
    buffer.setReply(3, unread)
    return 0
  }
}
