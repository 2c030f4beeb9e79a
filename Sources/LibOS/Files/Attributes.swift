import EnclaveRuntime
import LinuxABI

/// Changing what stat(2) tells: chmod(2), chown(2), utimensat(2).
extension Task {
  func changeMode(_ dentry: Dentry, _ mode: UInt32) throws(Errno) {
    let inode = dentry.inode
    if inode.fileSystem.isReadOnly { throw .EROFS }
    if inode.isSymlink { throw .EOPNOTSUPP }
    let credentials = fileCredentials
    guard credentials.owns(inode) else { throw .EPERM }
    if let seals = (inode as? RegularInode)?.seals, seals & Seals.F_SEAL_EXEC != 0,
      (inode.mode ^ mode) & 0o111 != 0
    {
      throw .EPERM
    }
    let now = Inode.now()
    inode.lock.lock()
    var bits = mode & 0o7777
    if !credentials.isPrivileged && !credentials.isMember(inode.gid) {
      bits &= ~FileMode.S_ISGID
    }
    inode.mode = inode.mode & FileMode.S_IFMT | bits
    inode.ctimeNs = now
    inode.lock.unlock()
    Inotify.attributesChanged(dentry)
  }

  /// Owner and group; UInt32.max leaves one as it is.
  func changeOwner(_ dentry: Dentry, _ uid: UInt32, _ gid: UInt32) throws(Errno) {
    let inode = dentry.inode
    if inode.fileSystem.isReadOnly { throw .EROFS }
    let credentials = fileCredentials
    if !credentials.isPrivileged {
      // The owner may give a file to a group of his, nothing else (chown(2)).
      if uid != .max && (uid != inode.uid || credentials.fsuid != inode.uid) { throw .EPERM }
      if gid != .max {
        guard credentials.fsuid == inode.uid, gid == inode.gid || credentials.isMember(gid) else {
          throw .EPERM
        }
      }
    }
    let now = Inode.now()
    inode.lock.lock()
    if uid != .max { inode.uid = uid }
    if gid != .max { inode.gid = gid }
    if !inode.isDirectory {
      inode.mode &= ~FileMode.S_ISUID
      if inode.mode & FileMode.S_IXGRP != 0 { inode.mode &= ~FileMode.S_ISGID }
    }
    inode.ctimeNs = now
    inode.lock.unlock()
    Inotify.attributesChanged(dentry)
  }

  /// What utimensat(2) does to one of the times.
  enum TimeChange {
    case now
    case keep
    case set(Int64)
  }

  func changeTimes(
    _ dentry: Dentry, access: TimeChange, modification: TimeChange
  ) throws(Errno) {
    let inode = dentry.inode
    if inode.fileSystem.isReadOnly { throw .EROFS }
    let credentials = fileCredentials
    if !credentials.owns(inode) {
      // Setting both to now takes write permission, anything else ownership.
      guard case .now = access, case .now = modification else { throw .EPERM }
      try credentials.check(inode, .write)
    }
    let now = Inode.now()
    inode.lock.lock()
    switch access {
    case .now: inode.atimeNs = now
    case .set(let ns): inode.atimeNs = ns
    case .keep: break
    }
    switch modification {
    case .now: inode.mtimeNs = now
    case .set(let ns): inode.mtimeNs = ns
    case .keep: break
    }
    inode.ctimeNs = now
    inode.lock.unlock()
    // One time alone is told as what usually changes it (fsnotify_change).
    switch (access, modification) {
    case (.keep, .keep): Inotify.attributesChanged(dentry)
    case (.keep, _): Inotify.modified(dentry)
    case (_, .keep): Inotify.accessed(dentry)
    default: Inotify.attributesChanged(dentry)
    }
  }
}
