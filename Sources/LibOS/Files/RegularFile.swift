import EnclaveRuntime
import LinuxABI
import Synchronization

/// A regular file that is open.
final class RegularFile: File, @unchecked Sendable {
  let regular: RegularInode

  init(_ dentry: Dentry, _ inode: RegularInode, flags: OpenFlags) {
    regular = inode
    super.init(dentry, flags: flags)
    if isWritable {
      inode.writerCount.add(1, ordering: .relaxed)
    } else {
      inode.readerCount.add(1, ordering: .relaxed)
    }
  }

  deinit {
    if isWritable {
      // What cannot be handed down now (a full disk) stays, and fsync(2) says why.
      if regular.fileSystem.isPersistent { try? regular.writeBackAll() }
      regular.writerCount.subtract(1, ordering: .relaxed)
    } else {
      regular.readerCount.subtract(1, ordering: .relaxed)
    }
  }

  override var hasPosition: Bool { true }

  override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    let start = offset ?? self.offset
    if start + UInt64(buffer.remaining) > UInt64(Int64.max) { throw .EINVAL }
    let n = try regular.read(&buffer, at: start)
    if n > 0 {
      if offset == nil { self.offset = start + UInt64(n) }
      if !statusFlags.contains(.O_NOATIME) { regular.touchAccessTime() }
    }
    return n
  }

  override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    let n = try writeInTurn(&buffer, at: offset)
    // O_SYNC and O_DSYNC (open(2)): the bytes are on the medium when write returns.
    if n > 0 && statusFlags.contains(.O_DSYNC) { try regular.fileSystem.commit() }
    return n
  }

  private func writeInTurn(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    if buffer.remaining == 0 { return 0 }
    regular.writeLock.lock()
    defer { regular.writeLock.unlock() }
    // O_APPEND wins over pwrite's offset, too (pwrite(2), BUGS).
    let append = statusFlags.contains(.O_APPEND)
    let start = append ? regular.size : offset ?? self.offset
    let n = try write(&buffer, start)
    if offset == nil { self.offset = start + UInt64(n) }
    return n
  }

  /// `regular.writeLock` is held.
  func write(_ buffer: inout IOBuffer, _ start: UInt64) throws(Errno) -> Int {
    // rw_verify_area().
    if start + UInt64(buffer.remaining) > UInt64(Int64.max) { throw .EINVAL }
    let room = try Task.current.roomBelowLimit(from: start)
    if room < UInt64(buffer.remaining) { buffer.limit(to: Int(room)) }
    if let seals = regular.seals {
      if seals & (Seals.F_SEAL_WRITE | Seals.F_SEAL_FUTURE_WRITE) != 0 { throw .EPERM }
      if seals & Seals.F_SEAL_GROW != 0 && start + UInt64(buffer.remaining) > regular.size {
        throw .EPERM
      }
    }
    regular.dropSetId()
    return try regular.write(&buffer, at: start)
  }

  override func seek(_ offset: Int, _ whence: Int32) throws(Errno) -> Int {
    let base: Int
    switch whence {
    case 0: base = 0
    case 1: base = Int(self.offset)
    case 2: base = Int(regular.size)
    case 3, 4:
      guard offset >= 0 else { throw .ENXIO }
      let at = try regular.seek(UInt64(offset), toData: whence == 3)
      self.offset = at
      return Int(at)
    default: throw .EINVAL
    }
    let (sum, overflow) = base.addingReportingOverflow(offset)
    guard !overflow, sum >= 0 else { throw .EINVAL }
    self.offset = UInt64(sum)
    return sum
  }

  override func truncate(to size: UInt64) throws(Errno) {
    if size > regular.size { try Task.current.checkLimit(of: size) }
    try regular.truncate(to: size)
  }
  override func fsync() throws(Errno) { try regular.fileSystem.commit() }
  override func mappableInode() throws(Errno) -> Inode { regular }

  override func fallocate(_ mode: UInt32, _ offset: UInt64, _ length: UInt64) throws(Errno) {
    try regular.fallocate(mode, offset, length)
  }
}

extension RegularInode {
  /// A write by an unprivileged user takes the set-ID bits away (inode(7)).
  func dropSetId() {
    if mode & (FileMode.S_ISUID | FileMode.S_ISGID) == 0 { return }
    let credentials = Task.current.fileCredentials
    if credentials.isPrivileged { return }
    lock.lock()
    mode &= ~FileMode.S_ISUID
    // Without group execution it stands for mandatory locking, which members may leave (setattr_should_drop_sgid).
    if mode & FileMode.S_IXGRP != 0 || !credentials.isMember(gid) { mode &= ~FileMode.S_ISGID }
    lock.unlock()
  }

  /// fallocate(2). tmpfs knows mode 0, KEEP_SIZE and PUNCH_HOLE | KEEP_SIZE; so do we, and ZERO_RANGE
  /// is EOPNOTSUPP there, too.
  func fallocate(_ mode: UInt32, _ offset: UInt64, _ length: UInt64) throws(Errno) {
    guard mode & ~(Fallocate.KEEP_SIZE | Fallocate.PUNCH_HOLE) == 0 else { throw .EOPNOTSUPP }
    writeLock.lock()
    defer { writeLock.unlock() }
    if mode & Fallocate.PUNCH_HOLE != 0 {
      guard mode & Fallocate.KEEP_SIZE != 0 else { throw .EOPNOTSUPP }
      if let seals, seals & (Seals.F_SEAL_WRITE | Seals.F_SEAL_FUTURE_WRITE) != 0 { throw .EPERM }
      try punchHole(offset, length)
      return
    }
    if let seals, seals & Seals.F_SEAL_GROW != 0, offset + length > size { throw .EPERM }
    if offset + length > size { try Task.current.checkLimit(of: offset + length) }
    guard fileSystem.hasRoom(Int(min(length >> 12, 1 << 50))) else { throw .ENOSPC }
    try allocate(offset, length, keepSize: mode & Fallocate.KEEP_SIZE != 0)
  }
}

/// FALLOC_FL_* (linux/falloc.h).
enum Fallocate {
  static var KEEP_SIZE: UInt32 { 1 }
  static var PUNCH_HOLE: UInt32 { 2 }
}
