import EnclaveRuntime
import LinuxABI

/// The open file description of a socket. The last close of it closes the socket.
final class SocketFile: File, @unchecked Sendable {
  let socket: Socket

  init(_ socket: Socket, nonblocking: Bool) {
    self.socket = socket
    let inode = SocketInode()
    var name: [UInt8] = []
    name.append("socket:[")
    name.append(decimal: UInt(inode.number))
    name.append(0x5D)
    super.init(
      Dentry(inode, name: name, parent: nil), flags: nonblocking ? [.O_RDWR, .O_NONBLOCK] : .O_RDWR)
  }

  deinit { socket.close() }

  override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard offset == nil else { throw .ESPIPE }
    return try socket.receive(&buffer, flags: [], nonblocking: isNonblocking).count
  }

  override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard offset == nil else { throw .ESPIPE }
    return try socket.send(&buffer, to: nil, flags: [], nonblocking: isNonblocking, ancillary: nil)
  }

  override func poll() -> PollEvents { socket.poll() }
  override var waitQueue: WaitQueue? { socket.queue }
  override var hostStream: UInt64? { socket.hostStream }
  override var mayHaveHostStream: Bool { socket.mayHaveHostStream }
  override func hostEvents(_ events: PollEvents) -> PollEvents { socket.hostEvents(events) }
  override var hostReadiness: HostReadiness? { socket.readiness }

  override func ioctl(_ task: Task, _ request: UInt32, _ argument: UInt) throws(Errno) -> Int {
    switch request {
    case Ioctl.FIONREAD:
      try UserMemory.write(try socket.unreadCount(), to: argument)
      return 0
    case Ioctl.TIOCOUTQ:
      try UserMemory.write(socket.unsentCount(), to: argument)
      return 0
    default:
      return try NetworkInterfaces.ioctl(socket, request, argument)
    }
  }
}

/// What fstat(2) says of a socket.
final class SocketInode: Inode, @unchecked Sendable {
  static let fileSystem = FileSystem(type: "sockfs", source: "sockfs", magic: 0x534F_434B)
  init() { super.init(Self.fileSystem, mode: FileMode.S_IFSOCK | 0o777) }
}
