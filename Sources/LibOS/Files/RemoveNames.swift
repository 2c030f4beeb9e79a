import EnclaveRuntime
import LinuxABI

/// Removing names: unlink(2), rmdir(2).
extension Task {
  func removeFile(_ dirfd: Int32, _ path: [UInt8]) throws(Errno) {
    var walk = try PathWalk(self, path, base: try base(dirfd, for: path))
    let (last, slash) = try walk.walkToLast()
    guard case .name(let name) = last else { throw .EISDIR }
    let parent = walk.at
    guard let directory = parent.inode as? DirectoryInode else {
      if try parent.inode.lookup(name, in: parent) == nil { throw .ENOENT }
      throw .EPERM
    }
    directory.tableLock.lock()
    var victim: Dentry?
    do throws(Errno) {
      guard let found = try directory.lockedLookup(name, in: parent) else { throw Errno.ENOENT }
      if slash { throw found.inode.isDirectory ? Errno.EISDIR : Errno.ENOTDIR }
      if directory.fileSystem.isReadOnly { throw Errno.EROFS }
      try fileCredentials.checkRemoval(of: found.inode, from: directory)
      if found.inode.isDirectory { throw Errno.EISDIR }
      if found.isMountRoot { throw Errno.EBUSY }
      directory.removeName(name)
      directory.touchModification()
      victim = found
    } catch {
      directory.tableLock.unlock()
      throw error
    }
    victim?.markDeleted()
    victim?.inode.changeLinks(-1)
    directory.tableLock.unlock()
    Inotify.removed(parent, name, &victim)
  }

  func removeDirectory(_ dirfd: Int32, _ path: [UInt8]) throws(Errno) {
    var walk = try PathWalk(self, path, base: try base(dirfd, for: path))
    let (last, _) = try walk.walkToLast()
    let name: Name
    switch last {
    case .name(let n): name = n
    case .dot: throw .EINVAL
    case .dotDot: throw .ENOTEMPTY
    case .root: throw .EBUSY
    }
    let parent = walk.at
    guard let directory = parent.inode as? DirectoryInode else {
      if try parent.inode.lookup(name, in: parent) == nil { throw .ENOENT }
      throw .EPERM
    }
    directory.tableLock.lock()
    var victim: Dentry?
    do throws(Errno) {
      guard let found = try directory.lockedLookup(name, in: parent) else { throw Errno.ENOENT }
      if directory.fileSystem.isReadOnly { throw Errno.EROFS }
      try fileCredentials.checkRemoval(of: found.inode, from: directory)
      guard found.inode.isDirectory else { throw Errno.ENOTDIR }
      if found.isMountRoot { throw Errno.EBUSY }
      guard let child = found.inode as? DirectoryInode else { throw Errno.EPERM }
      try child.die()
      directory.removeName(name)
      directory.changeLinks(-1)
      directory.touchModification()
      victim = found
    } catch {
      directory.tableLock.unlock()
      throw error
    }
    victim?.markDeleted()
    directory.tableLock.unlock()
    Inotify.removed(parent, name, &victim)
  }
}

extension DirectoryInode {
  /// Empty from now on and for ever. The parent's `tableLock` is held. Throws ENOTEMPTY.
  func die() throws(Errno) {
    tableLock.lock()
    defer { tableLock.unlock() }
    guard try isEmpty() else { throw .ENOTEMPTY }
    isDead = true
    let now = Inode.now()
    lock.lock()
    nlink = 0
    ctimeNs = now
    lock.unlock()
  }
}
