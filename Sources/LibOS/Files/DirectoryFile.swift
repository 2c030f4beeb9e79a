import EnclaveRuntime
import LinuxABI

/// A directory that is open. Its position is the cookie of the next entry.
final class DirectoryFile: File, @unchecked Sendable {
  override var hasPosition: Bool { true }

  override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    throw .EISDIR
  }
  override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    throw .EBADF
  }

  /// `positionLock` is held.
  override func readDirectory(_ emit: (DirectoryEntry) -> Bool) throws(Errno) {
    if offset == 0 {
      let entry = DirectoryEntry(name: [0x2E], inode: inode.number, type: 4, next: 1)
      if !emit(entry) { return }
      offset = 1
    }
    if offset == 1 {
      let up = dentry.dotDot.inode.number
      let entry = DirectoryEntry(name: [0x2E, 0x2E], inode: up, type: 4, next: 2)
      if !emit(entry) { return }
      offset = 2
    }
    var position = offset
    do throws(Errno) {
      try inode.readDirectory(from: position, in: dentry) { entry in
        guard emit(entry) else { return false }
        position = entry.next
        return true
      }
    } catch {
      offset = position
      throw error
    }
    offset = position
    inode.touchAccessTime()
  }

  override func seek(_ offset: Int, _ whence: Int32) throws(Errno) -> Int {
    switch whence {
    case 0:
      guard offset >= 0 else { throw .EINVAL }
      self.offset = UInt64(offset)
    case 1:
      let sum = Int(self.offset) + offset
      guard sum >= 0 else { throw .EINVAL }
      self.offset = UInt64(sum)
    default: throw .EINVAL
    }
    return Int(self.offset)
  }
  override func fsync() throws(Errno) { try inode.fileSystem.commit() }
}
