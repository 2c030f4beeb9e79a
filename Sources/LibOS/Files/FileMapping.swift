import EnclaveRuntime
import LinuxABI
import Synchronization

/// An open file or a program as the memory map sees it.
final class FileMapping: MappedObject, @unchecked Sendable {
  let dentry: Dentry
  private let isSharedWrite: Bool
  /// It is the program of a process. Set before anybody else has the mapping.
  private var deniesWriting = false

  init(_ dentry: Dentry, sharedWrite: Bool = false) {
    self.dentry = dentry
    isSharedWrite = sharedWrite
    if sharedWrite, let regular = dentry.inode as? RegularInode {
      regular.lock.withLock { regular.writableMappings += 1 }
    }
  }

  deinit {
    if isSharedWrite, let regular = dentry.inode as? RegularInode {
      regular.lock.withLock { regular.writableMappings -= 1 }
    }
    if deniesWriting, let regular = dentry.inode as? RegularInode {
      regular.programCount.subtract(1, ordering: .sequentiallyConsistent)
    }
  }

  /// For a program that is about to run: ETXTBSY while somebody has it open for writing (execve(2)), and nobody may
  /// open it for writing as long as this lives.
  func denyWriting() throws(Errno) {
    guard !deniesWriting, let regular = dentry.inode as? RegularInode else { return }
    deniesWriting = true
    regular.programCount.add(1, ordering: .sequentiallyConsistent)
    if regular.writerCount.load(ordering: .sequentiallyConsistent) > 0 { throw .ETXTBSY }
  }

  override var size: UInt64 { dentry.inode.size }

  override func read(_ buffer: inout IOBuffer, offset: UInt64) throws(Errno) -> Int {
    guard let regular = dentry.inode as? RegularInode else { throw .ENODEV }
    return try regular.read(&buffer, at: offset)
  }

  override func pieces(_ offset: UInt64, _ count: Int) throws(Errno) -> [PagePiece]? {
    guard let regular = dentry.inode as? RegularInode, regular.sharedPages == nil else {
      return nil
    }
    return try regular.pieces(offset, count)
  }

  override var shared: SharedPages? { (dentry.inode as? RegularInode)?.sharedPages }
  override var sharedBacking: (any SharedBacking)? { dentry.inode as? RegularInode }

  override func punch(_ offset: UInt64, _ count: UInt64) throws(Errno) {
    guard let regular = dentry.inode as? RegularInode else { throw .EOPNOTSUPP }
    try regular.fallocate(Fallocate.PUNCH_HOLE | Fallocate.KEEP_SIZE, offset, count)
  }

  override var persistentFileSystem: FileSystem? {
    let fileSystem = dentry.inode.fileSystem
    return fileSystem.isPersistent ? fileSystem : nil
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
  override var path: [UInt8] { dentry.path(from: Namespace.root).bytes }
  override var device: UInt64 { dentry.inode.fileSystem.device }
  override var inodeNumber: UInt64 { dentry.inode.number }
}

extension Task {
  /// EACCES: the file must be open for reading, and for writing as well when a shared mapping may write.
  func checkAccess(_ file: File, sharedWrite: Bool) throws(Errno) {
    if sharedWrite && !file.isWritable { throw .EACCES }
    guard file.isReadable else { throw .EACCES }
  }

  /// A seal forbids new shared mappings that write (memfd_create(2)).
  func isSealed(_ file: File) -> Bool {
    guard let seals = (file.dentry.inode as? RegularInode)?.seals else { return false }
    return seals & (Seals.F_SEAL_WRITE | Seals.F_SEAL_FUTURE_WRITE) != 0
  }

  /// - Throws: ENODEV for what mmap(2) cannot map.
  func isMappable(_ file: File) throws(Errno) -> Bool {
    if let device = file as? DeviceFile, device.device == .zero { return true }
    _ = try file.mappableInode()
    return true
  }

  /// What mmap(2) of a file maps, whose access has been checked. EPERM: a seal forbids it (memfd_create(2)).
  func mappedObject(
    _ file: File, isShared: Bool, sharedWrite: Bool, length: UInt
  ) throws(Errno) -> MappedObject {
    if let device = file as? DeviceFile, device.device == .zero {
      return isShared ? SharedMemory(length: length) : ZeroMapping(file.dentry)
    }
    let inode = try file.mappableInode()
    if sharedWrite, isSealed(file) { throw .EPERM }
    inode.touchAccessTime()
    if isShared, let regular = inode as? RegularInode { regular.beginSharing() }
    return FileMapping(file.dentry, sharedWrite: sharedWrite)
  }
}
