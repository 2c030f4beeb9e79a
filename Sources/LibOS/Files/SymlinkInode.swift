import EnclaveRuntime
import LinuxABI

/// A symbolic link. The target of one on the host is read once.
final class SymlinkInode: Inode, @unchecked Sendable {
  /// nil: still on the host. Guarded by `lock`.
  private var target: [UInt8]?
  private let host: HostObject?

  init(_ fileSystem: FileSystem, target: [UInt8], uid: UInt32, gid: UInt32) {
    self.target = target
    host = nil
    super.init(fileSystem, mode: FileMode.S_IFLNK | 0o777, uid: uid, gid: gid)
  }

  init(_ fileSystem: FileSystem, host: HostObject) {
    target = nil
    self.host = host
    super.init(
      fileSystem, mode: FileMode.S_IFLNK | 0o777, uid: host.uid, gid: host.gid, number: host.inode)
  }

  override var size: UInt64 {
    if let host { return host.size }
    return UInt64(target?.count ?? 0)
  }

  /// tmpfs keeps a target of 128 bytes or more (its NUL included) in a page of its own.
  override var blocks: UInt64 { host == nil && size >= 128 ? 8 : 0 }

  override func readLink(_ task: Task) throws(Errno) -> [UInt8] {
    lock.lock()
    defer { lock.unlock() }
    if let target { return target }
    guard let host else { throw .EINVAL }
    let bytes = try host.readAll(limit: 4095)
    for b in bytes where b == 0 { hostLied("blockRead", "link") }
    target = bytes
    return bytes
  }
}

/// Device nodes, fifos and sockets in a directory.
final class SpecialInode: Inode, @unchecked Sendable {
  /// What a fifo's openers share. Guarded by `lock`.
  private var pipe: Pipe?

  override func open(_ dentry: Dentry, flags: OpenFlags) throws(Errno) -> File {
    switch type {
    case FileMode.S_IFCHR:
      guard let device = CharacterDevice(rdev) else { throw .ENXIO }
      return try device.open(dentry, flags: flags)
    case FileMode.S_IFIFO:
      lock.lock()
      let shared: Pipe
      if let pipe {
        shared = pipe
      } else {
        shared = Pipe()
        pipe = shared
      }
      lock.unlock()
      return try PipeEnd.openFifo(shared, dentry, flags: flags)
    default: throw .ENXIO
    }
  }
}
