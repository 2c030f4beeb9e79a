import EnclaveRuntime
import LinuxABI

/// An open file or a program as the memory map sees it.
final class FileMapping: MappedObject, @unchecked Sendable {
  let dentry: Dentry
  private let canWrite: Bool

  private let isSharedWrite: Bool

  init(_ dentry: Dentry, canWrite: Bool, sharedWrite: Bool = false) {
    self.dentry = dentry
    self.canWrite = canWrite
    isSharedWrite = sharedWrite
    if sharedWrite, let regular = dentry.inode as? RegularInode {
      regular.lock.withLock { regular.writableMappings += 1 }
    }
  }

  deinit {
    if isSharedWrite, let regular = dentry.inode as? RegularInode {
      regular.lock.withLock { regular.writableMappings -= 1 }
    }
  }

  override var size: UInt64 { dentry.inode.size }

  override func read(_ buffer: inout IOBuffer, offset: UInt64) throws(Errno) -> Int {
    guard let regular = dentry.inode as? RegularInode else { throw .ENODEV }
    return try regular.read(&buffer, at: offset)
  }

  /// Never past the end: a mapping does not make its file longer (mmap(2)).
  override func write(_ buffer: inout IOBuffer, offset: UInt64) throws(Errno) -> Int {
    guard canWrite, let regular = dentry.inode as? RegularInode else { throw .EACCES }
    regular.writeLock.lock()
    defer { regular.writeLock.unlock() }
    let end = regular.size
    if offset >= end { return 0 }
    if UInt64(buffer.remaining) > end - offset {
      let bytes = try buffer.read(count: Int(end - offset))
      guard let run = PageRun(pageCount: (bytes.count + 4095) >> 12) else { throw .ENOMEM }
      var fill = run.buffer(0, count: bytes.count)
      _ = try fill.write(bytes)
      var source = run.buffer(0, count: bytes.count)
      return try regular.write(&source, at: offset)
    }
    return try regular.write(&buffer, at: offset)
  }

  override func siteTable() throws(Errno) -> [UInt8]? { try dentry.inode.siteTable() }
  override var path: [UInt8] { dentry.path(from: Namespace.root).bytes }
  override var device: UInt64 { dentry.inode.fileSystem.device }
  override var inodeNumber: UInt64 { dentry.inode.number }
}

/// /dev/zero: mapping it gives anonymous memory (zero(4)).
final class ZeroMapping: MappedObject, @unchecked Sendable {
  private let dentry: Dentry
  init(_ dentry: Dentry) { self.dentry = dentry }
  override var size: UInt64 { 1 << 62 }
  override func read(_ buffer: inout IOBuffer, offset: UInt64) throws(Errno) -> Int {
    try buffer.writeZeros(count: buffer.remaining)
  }
  override func write(_ buffer: inout IOBuffer, offset: UInt64) throws(Errno) -> Int {
    let n = buffer.remaining
    buffer.skip(n)
    return n
  }
  override var path: [UInt8] { dentry.path(from: Namespace.root).bytes }
  override var device: UInt64 { dentry.inode.fileSystem.device }
  override var inodeNumber: UInt64 { dentry.inode.number }
}

extension Task {
  /// The file that mmap(2) of a descriptor maps. EACCES: the file must be open for reading, and for
  /// writing as well when a shared mapping may write; EPERM: a seal forbids it (memfd_create(2)).
  func mappedObject(fd: Int32, sharedWrite: Bool) throws(Errno) -> MappedObject {
    let file = try process.files.get(fd)
    guard file.isReadable else { throw .EACCES }
    if sharedWrite && !file.isWritable { throw .EACCES }
    if let device = file as? DeviceFile, device.device == .zero { return ZeroMapping(file.dentry) }
    let inode = try file.mappableInode()
    if sharedWrite, let seals = (inode as? RegularInode)?.seals,
      seals & (Seals.F_SEAL_WRITE | Seals.F_SEAL_FUTURE_WRITE) != 0
    {
      throw .EPERM
    }
    inode.touchAccessTime()
    return FileMapping(file.dentry, canWrite: file.isWritable, sharedWrite: sharedWrite)
  }
}
