import EnclaveRuntime
import LinuxABI

/// Making, naming and connecting sockets; messages are in MessageSyscalls.swift, options in SocketOptionSyscalls.swift.
let socketSyscalls: [Syscall] = [
  Syscall(
    41, "socket",
    .partial("AF_UNIX, AF_INET, AF_INET6: streams and datagrams; AF_NETLINK: loopback only")
  ) {
    (t, a) throws(Errno) in
    try t.sys_socket(family: a.int32(0), type: a.uint32(1), protocolNumber: a.int32(2))
  },
  Syscall(53, "socketpair") { (t, a) throws(Errno) in
    try t.sys_socketpair(family: a.int32(0), type: a.uint32(1), protocolNumber: a.int32(2), a[3])
  },
  Syscall(49, "bind") { (t, a) throws(Errno) in try t.sys_bind(a.int32(0), a[1], a.int32(2)) },
  Syscall(50, "listen") { (t, a) throws(Errno) in
    try t.socket(a.int32(0)).socket.listen(t, backlog: a.int32(1))
    return 0
  },
  Syscall(43, "accept") { (t, a) throws(Errno) in
    try t.sys_accept4(a.int32(0), a[1], a[2], flags: 0)
  },
  Syscall(288, "accept4") { (t, a) throws(Errno) in
    try t.sys_accept4(a.int32(0), a[1], a[2], flags: a.uint32(3))
  },
  Syscall(42, "connect") { (t, a) throws(Errno) in try t.sys_connect(a.int32(0), a[1], a.int32(2))
  },
  Syscall(48, "shutdown") { (t, a) throws(Errno) in
    try t.socket(a.int32(0)).socket.shutdown(a.int32(1))
    return 0
  },
  Syscall(51, "getsockname") { (t, a) throws(Errno) in
    let file = try t.socket(a.int32(0))
    try t.writeName(try file.socket.localName(), a[1], a[2])
    return 0
  },
  Syscall(52, "getpeername") { (t, a) throws(Errno) in
    let file = try t.socket(a.int32(0))
    try t.writeName(try file.socket.peerName(), a[1], a[2])
    return 0
  },
]

extension Task {
  /// The socket of a descriptor. EBADF, ENOTSOCK.
  func socket(_ fd: Int32) throws(Errno) -> SocketFile {
    guard let file = try process.files.get(fd) as? SocketFile else { throw .ENOTSOCK }
    return file
  }

  /// `struct sockaddr` of 0...128 bytes.
  func readName(_ address: UInt, _ length: Int32) throws(Errno) -> [UInt8] {
    guard length >= 0, length <= 128 else { throw .EINVAL }
    if length == 0 { return [] }
    return try UserMemory.readBytes(address, count: Int(length))
  }

  /// Stores what fits, and says how long the name really is.
  func writeName(_ name: [UInt8], _ address: UInt, _ length: UInt) throws(Errno) {
    let room = try UserMemory.read(length, as: Int32.self)
    guard room >= 0 else { throw .EINVAL }
    try UserMemory.writeBytes(name, from: 0, count: min(name.count, Int(room)), to: address)
    try UserMemory.write(Int32(name.count), to: length)
  }

  private func checkType(_ type: UInt32) throws(Errno) -> (
    type: UInt32, nonblocking: Bool, closeOnExec: Bool
  ) {
    guard type & ~(SOCK.typeMask | SOCK.NONBLOCK | SOCK.CLOEXEC) == 0 else { throw .EINVAL }
    return (type & SOCK.typeMask, type & SOCK.NONBLOCK != 0, type & SOCK.CLOEXEC != 0)
  }

  /// `int socket(int domain, int type, int protocol);`
  func sys_socket(family: Int32, type: UInt32, protocolNumber: Int32) throws(Errno) -> Int {
    let flags = try checkType(type)
    guard family >= 0, family < AF.MAX else { throw .EAFNOSUPPORT }
    guard flags.type <= 10 else { throw .EINVAL }
    try NetworkPolicy.check(family: family)
    let socket = try SocketFamilies.make(UInt16(family), flags.type, protocolNumber)
    let file = SocketFile(socket, nonblocking: flags.nonblocking)
    return Int(try process.files.insert(file, closeOnExec: flags.closeOnExec))
  }

  /// `int socketpair(int domain, int type, int protocol, int sv[2]);`
  func sys_socketpair(
    family: Int32, type: UInt32, protocolNumber: Int32, _ address: UInt
  ) throws(Errno) -> Int {
    let flags = try checkType(type)
    guard family >= 0, family < AF.MAX else { throw .EAFNOSUPPORT }
    guard family == Int32(AF.UNIX) else {
      // Only what can be made at all can say that it has no pairs.
      _ = try SocketFamilies.make(UInt16(family), flags.type, protocolNumber)
      throw .EOPNOTSUPP
    }
    let unixType = try SocketFamilies.unixType(flags.type, protocolNumber)
    let (a, b) = UnixSocket.makePair(type: unixType)
    let files = (
      SocketFile(a, nonblocking: flags.nonblocking), SocketFile(b, nonblocking: flags.nonblocking)
    )
    let first = try process.files.insert(files.0, closeOnExec: flags.closeOnExec)
    do throws(Errno) {
      let second = try process.files.insert(files.1, closeOnExec: flags.closeOnExec)
      do throws(Errno) {
        try UserMemory.write(first, to: address)
        try UserMemory.write(second, to: address &+ 4)
      } catch {
        _ = try? process.files.remove(second)
        throw error
      }
    } catch {
      _ = try? process.files.remove(first)
      throw error
    }
    return 0
  }

  func sys_bind(_ fd: Int32, _ address: UInt, _ length: Int32) throws(Errno) -> Int {
    let file = try socket(fd)
    try file.socket.bind(self, try readName(address, length))
    return 0
  }

  func sys_connect(_ fd: Int32, _ address: UInt, _ length: Int32) throws(Errno) -> Int {
    let file = try socket(fd)
    let name = try readName(address, length)
    try file.socket.connect(self, name, nonblocking: file.isNonblocking)
    return 0
  }

  /// `int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags);`
  ///
  /// - Throws: EMFILE before a connection is taken out of the queue, which so loses none.
  func sys_accept4(
    _ fd: Int32, _ address: UInt, _ length: UInt, flags: UInt32
  ) throws(Errno) -> Int {
    guard flags & ~(SOCK.NONBLOCK | SOCK.CLOEXEC) == 0 else { throw .EINVAL }
    let file = try socket(fd)
    // Another thread may call execve(2) meanwhile, which gives the process another table.
    let table = process.files
    let descriptor = try table.reserve()
    do throws(Errno) {
      let (accepted, name) = try file.socket.accept(nonblocking: file.isNonblocking)
      let new = SocketFile(accepted, nonblocking: flags & SOCK.NONBLOCK != 0)
      if address != 0 { try writeName(name, address, length) }
      table.fill(descriptor, with: new, closeOnExec: flags & SOCK.CLOEXEC != 0)
    } catch {
      table.release(descriptor)
      throw error
    }
    return Int(descriptor)
  }
}
