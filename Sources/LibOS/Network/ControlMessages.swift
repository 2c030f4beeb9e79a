import EnclaveRuntime
import LinuxABI

/// `struct cmsghdr` chains of sendmsg(2) and recvmsg(2) (cmsg(3)): length (8), level (4), type (4), data, each
/// starting at a multiple of 8.
enum ControlMessages {
  private static let headerSize = 16
  private static func align(_ n: Int) -> Int { (n + 7) & ~7 }

  /// What a sender hands over. SCM_RIGHTS and SCM_CREDENTIALS for UNIX sockets, nothing for others.
  ///
  /// - Throws: EINVAL for what is malformed or unknown, EBADF, EPERM for somebody else's credentials.
  static func read(
    _ task: Task, _ socket: Socket, _ address: UInt, _ length: UInt
  ) throws(Errno) -> Ancillary? {
    // Linux: sysctl net.core.optmem_max bounds it.
    guard length <= 20480 else { throw .ENOBUFS }
    let bytes = try UserMemory.readBytes(address, count: Int(length))
    var files: [File] = []
    var credentials: SocketCredentials?
    var at = 0
    while at + headerSize <= bytes.count {
      let stated = bytes.loadLittleEndian64(at)
      guard stated >= UInt64(headerSize), stated <= UInt64(bytes.count - at) else { throw .EINVAL }
      let size = Int(stated)
      let level = Int32(truncatingIfNeeded: bytes.loadLittleEndian64(at + 8))
      let type = Int32(truncatingIfNeeded: bytes.loadLittleEndian64(at + 8) >> 32)
      if level == SocketOption.SOL_SOCKET {
        switch type {
        // Linux: "SCM_RIGHTS and SCM_CREDENTIALS are semantically in SOL_UNIX", and ignored elsewhere.
        case SCM.RIGHTS where socket.family != AF.UNIX: break
        case SCM.CREDENTIALS where socket.family != AF.UNIX: break
        case SCM.RIGHTS:
          let count = (size - headerSize) / 4
          guard files.count + count <= SCM.largestRightsCount else { throw .EINVAL }
          for i in 0..<count {
            let fd = Int32(truncatingIfNeeded: bytes.loadLittleEndian32(at + headerSize + 4 * i))
            files.append(try task.process.files.get(fd, path: true))
          }
        case SCM.CREDENTIALS:
          guard size >= headerSize + 12 else { throw .EINVAL }
          credentials = try claimed(
            task,
            SocketCredentials(
              pid: Int32(bitPattern: bytes.loadLittleEndian32(at + headerSize)),
              uid: bytes.loadLittleEndian32(at + headerSize + 4),
              gid: bytes.loadLittleEndian32(at + headerSize + 8)))
        default: throw .EINVAL
        }
      } else if socket.family != AF.UNIX, socket.type != SOCK.STREAM {
        // Packet information, TTL and TOS of single datagrams (ip(7)): not supported.
        throw .EINVAL
      }
      at += align(size)
    }
    if files.isEmpty, credentials == nil { return nil }
    return Ancillary(files: files, credentials: credentials ?? Socket.currentCredentials())
  }

  /// unix(7): a process may name itself and any of its user and group ids; root may name anybody.
  private static func claimed(
    _ task: Task, _ c: SocketCredentials
  ) throws(Errno) -> SocketCredentials {
    let process = task.process
    process.lock.lock()
    let own = process.credentials
    process.lock.unlock()
    guard c.pid == process.pid else { throw .EPERM }
    let users = [own.realUser, own.effectiveUser, own.savedUser]
    let groups = [own.realGroup, own.effectiveGroup, own.savedGroup]
    guard users.contains(c.uid) || own.capabilities.has(CapabilitySets.CAP_SETUID),
      groups.contains(c.gid) || own.capabilities.has(CapabilitySets.CAP_SETGID)
    else { throw .EPERM }
    return c
  }

  /// Stores what came with a message; the bytes used. MSG_CTRUNC where the room ends.
  static func write(
    _ task: Task, _ socket: Socket, _ received: Received, _ address: UInt, _ length: UInt,
    closeOnExec: Bool, _ flags: inout MessageFlags
  ) throws(Errno) -> UInt {
    let room = address == 0 ? 0 : Int(min(length, 1 << 20))
    var used = 0
    if socket.lock.withLock({ socket.options.isOn(SocketOption.SO_PASSCRED) }) {
      let c = received.credentials ?? SocketCredentials(pid: 0, uid: 65534, gid: 65534)
      let data = [UInt32(bitPattern: c.pid), c.uid, c.gid]
      try put(SCM.CREDENTIALS, data, address, room, &used, &flags)
    }
    if !received.files.isEmpty {
      try putFiles(task, received.files, address, room, closeOnExec: closeOnExec, &used, &flags)
    }
    return UInt(used)
  }

  private static func put(
    _ type: Int32, _ data: [UInt32], _ address: UInt, _ room: Int, _ used: inout Int,
    _ flags: inout MessageFlags
  ) throws(Errno) {
    guard room - used >= headerSize else {
      flags.insert(.MSG_CTRUNC)
      return
    }
    var size = headerSize + 4 * data.count
    if size > room - used {
      flags.insert(.MSG_CTRUNC)
      size = room - used
    }
    var bytes: [UInt8] = []
    bytes.append(littleEndian64: UInt64(size))
    bytes.append(littleEndian64: UInt64(SocketOption.SOL_SOCKET) | UInt64(type) << 32)
    for word in data {
      for i in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(8 * i))) }
    }
    try UserMemory.writeBytes(bytes, from: 0, count: size, to: address &+ UInt(used))
    used = min(room, used + align(size))
  }

  /// Gives each file a descriptor, as many as there is room for. Those without one are closed.
  private static func putFiles(
    _ task: Task, _ files: [File], _ address: UInt, _ room: Int, closeOnExec: Bool,
    _ used: inout Int, _ flags: inout MessageFlags
  ) throws(Errno) {
    let fits = max(0, (room - used - headerSize) / 4)
    var descriptors: [UInt32] = []
    for file in files.prefix(fits) {
      guard let fd = try? task.process.files.insert(file, closeOnExec: closeOnExec) else { break }
      descriptors.append(UInt32(bitPattern: fd))
    }
    if descriptors.count < files.count { flags.insert(.MSG_CTRUNC) }
    if descriptors.isEmpty { return }
    try put(SCM.RIGHTS, descriptors, address, room, &used, &flags)
  }
}
