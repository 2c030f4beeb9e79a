import EnclaveRuntime
import LinuxABI

/// Names of UNIX sockets (unix(7)): paths, which are inodes of the file tree, and the abstract name space.
enum UnixNames {
  /// Guards both tables.
  private static let lock = Lock()
  /// A name is the socket's type and the name: each type has a name space of its own.
  nonisolated(unsafe) private static var abstract: [[UInt8]: UnixSocket] = [:]
  /// By the address of the inode, which the bound socket keeps alive.
  nonisolated(unsafe) private static var paths: [UInt: UnixSocket] = [:]
  nonisolated(unsafe) private static var nextNumber: UInt = 0

  /// `sun_path` as given: empty for autobind.
  static func path(_ name: [UInt8]) throws(Errno) -> [UInt8] {
    guard name.count >= 2, name.count <= 110 else { throw .EINVAL }
    guard UInt16(name[0]) | UInt16(name[1]) << 8 == AF.UNIX else { throw .EINVAL }
    return [UInt8](name[2...])
  }

  /// `struct sockaddr_un` for an abstract name, or for a path (which gets its NUL).
  static func address(_ path: [UInt8]) -> [UInt8] {
    var out: [UInt8] = [UInt8(AF.UNIX), 0]
    out.append(contentsOf: path)
    if let first = path.first, first != 0 { out.append(0) }
    return out
  }

  /// The path up to its NUL.
  static func text(_ path: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    for b in path {
      if b == 0 { break }
      out.append(b)
    }
    return out
  }

  static func add(_ socket: UnixSocket, abstract name: [UInt8]) throws(Errno) {
    let key = [UInt8(socket.type)] + name
    lock.lock()
    defer { lock.unlock() }
    if unsafe abstract[key] != nil { throw .EADDRINUSE }
    unsafe abstract[key] = socket
  }

  /// bind(2) without a name: five hexadecimal digits that nobody has.
  static func addNumbered(_ socket: UnixSocket) throws(Errno) -> [UInt8] {
    lock.lock()
    defer { lock.unlock() }
    for _ in 0..<0x10_0000 {
      var name: [UInt8] = [0]
      name.append(hex: unsafe nextNumber & 0xF_FFFF, width: 5)
      unsafe nextNumber += 1
      let key = [UInt8(socket.type)] + name
      if unsafe abstract[key] == nil {
        unsafe abstract[key] = socket
        return name
      }
    }
    throw .ENOSPC
  }

  static func add(_ socket: UnixSocket, inode: Inode) {
    lock.withLock { unsafe paths[AddressIdentity.of(inode)] = socket }
  }

  static func removeAbstract(_ name: [UInt8], _ socket: UnixSocket) {
    let key = [UInt8(socket.type)] + name
    var gone: UnixSocket?
    lock.lock()
    if unsafe abstract[key] === socket { unsafe gone = abstract.removeValue(forKey: key) }
    lock.unlock()
    _ = gone
  }

  static func remove(_ inode: Inode, _ socket: UnixSocket) {
    let key = AddressIdentity.of(inode)
    var gone: UnixSocket?
    lock.lock()
    if unsafe paths[key] === socket { unsafe gone = paths.removeValue(forKey: key) }
    lock.unlock()
    _ = gone
  }

  /// The socket that has a name. ECONNREFUSED when nobody has it; errors of the path as they are.
  static func find(_ task: Task, _ path: [UInt8], type: UInt32) throws(Errno) -> UnixSocket {
    let found: UnixSocket?
    if path[0] == 0 {
      lock.lock()
      found = unsafe abstract[[UInt8(type)] + path]
      lock.unlock()
    } else {
      let dentry = try task.resolve(text(path), follow: true)
      try task.fileCredentials.check(dentry.inode, .write)
      guard dentry.inode.type == FileMode.S_IFSOCK else { throw .ECONNREFUSED }
      lock.lock()
      found = unsafe paths[AddressIdentity.of(dentry.inode)]
      lock.unlock()
    }
    guard let found else { throw .ECONNREFUSED }
    guard found.type == type else { throw .EPROTOTYPE }
    return found
  }
}
