import EnclaveRuntime
import LinuxABI

/// A symbolic link. The target of one of the lower layer is read once.
final class SymlinkInode: Inode, @unchecked Sendable {
  /// nil: still in the lower layer. Guarded by `lock`.
  private var target: [UInt8]?
  private let lower: LowerObject?

  init(_ fileSystem: FileSystem, target: [UInt8], uid: UInt32, gid: UInt32) {
    self.target = target
    lower = nil
    super.init(fileSystem, mode: FileMode.S_IFLNK | 0o777, uid: uid, gid: gid)
  }

  init(_ fileSystem: FileSystem, lower: LowerObject) {
    target = nil
    self.lower = lower
    super.init(
      fileSystem, mode: FileMode.S_IFLNK | 0o777, uid: lower.uid, gid: lower.gid,
      number: lower.inode)
  }

  /// The target of a link that was made here, for a persistent file system.
  var newTarget: [UInt8]? { lower == nil ? lock.withLock { target } : nil }

  override var size: UInt64 {
    if let lower { return lower.size }
    return UInt64(target?.count ?? 0)
  }

  /// tmpfs keeps a target of 128 bytes or more (its NUL included) in a page of its own.
  override var blocks: UInt64 { lower == nil && size >= 128 ? 8 : 0 }

  override func readLink(_ task: Task) throws(Errno) -> [UInt8] {
    lock.lock()
    defer { lock.unlock() }
    if let target { return target }
    guard let lower else { throw .EINVAL }
    let bytes = try lower.readLink()
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
