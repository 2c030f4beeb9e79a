import EnclaveRuntime
import LinuxABI

/// `flags` of renameat2(2).
struct RenameFlags: OptionSet {
  var rawValue: UInt32
  static var RENAME_NOREPLACE: RenameFlags { RenameFlags(rawValue: 1) }
  static var RENAME_EXCHANGE: RenameFlags { RenameFlags(rawValue: 2) }
  static var RENAME_WHITEOUT: RenameFlags { RenameFlags(rawValue: 4) }
}

extension Task {
  /// renameat2(2). The checks come in the order in which Linux makes them (do_renameat2, vfs_rename).
  func rename(
    _ oldfd: Int32, _ oldPath: [UInt8], _ newfd: Int32, _ newPath: [UInt8], _ flags: RenameFlags
  ) throws(Errno) {
    var from = try PathWalk(self, oldPath, base: try base(oldfd, for: oldPath))
    let (oldLast, oldSlash) = try from.walkToLast()
    var to = try PathWalk(self, newPath, base: try base(newfd, for: newPath))
    let (newLast, newSlash) = try to.walkToLast()
    let oldParent = from.at
    let newParent = to.at
    if oldParent.inode.fileSystem !== newParent.inode.fileSystem { throw .EXDEV }
    guard case .name(let oldName) = oldLast else { throw .EBUSY }
    guard case .name(let newName) = newLast else {
      throw flags.contains(.RENAME_NOREPLACE) ? .EEXIST : .EBUSY
    }
    guard let oldDirectory = oldParent.inode as? DirectoryInode,
      let newDirectory = newParent.inode as? DirectoryInode
    else { throw .EPERM }

    let request = RenameRequest(
      oldParent: oldParent, oldDirectory: oldDirectory, oldName: oldName, oldSlash: oldSlash,
      newParent: newParent, newDirectory: newDirectory, newName: newName, newSlash: newSlash,
      flags: flags)
    let outcome: RenameRequest.Outcome?
    if oldDirectory === newDirectory {
      oldDirectory.tableLock.lock()
      defer { oldDirectory.tableLock.unlock() }
      outcome = try request.run(self)
    } else {
      Namespace.renameLock.lock()
      defer { Namespace.renameLock.unlock() }
      // Ancestor first; unrelated directories in the order of their numbers (nobody else holds two).
      var first = oldDirectory
      var second = newDirectory
      if newParent.isAncestor(of: oldParent)
        || (!oldParent.isAncestor(of: newParent) && newDirectory.number < oldDirectory.number)
      {
        swap(&first, &second)
      }
      first.tableLock.lock()
      second.tableLock.lock()
      defer {
        second.tableLock.unlock()
        first.tableLock.unlock()
      }
      outcome = try request.run(self)
    }
    if let outcome, Inotify.isUsed { request.tell(outcome) }
  }
}

/// A rename with its directories locked.
private struct RenameRequest {
  let oldParent: Dentry
  let oldDirectory: DirectoryInode
  let oldName: Name
  let oldSlash: Bool
  let newParent: Dentry
  let newDirectory: DirectoryInode
  let newName: Name
  let newSlash: Bool
  let flags: RenameFlags

  /// What was renamed, and what it replaced or changed places with.
  struct Outcome {
    let old: Dentry
    let target: Dentry?
  }

  /// inotify(7), once the directories are unlocked.
  func tell(_ outcome: Outcome) {
    let exchanged = flags.contains(.RENAME_EXCHANGE)
    Inotify.moved(
      oldParent, oldName, newParent, newName, outcome.old,
      replaced: exchanged ? nil : outcome.target)
    if exchanged, let target = outcome.target {
      Inotify.moved(newParent, newName, oldParent, oldName, target)
    }
  }

  /// nil: both names are the same file, and nothing happens (rename(2)).
  func run(_ task: Task) throws(Errno) -> Outcome? {
    guard let old = try oldDirectory.lockedLookup(oldName, in: oldParent) else { throw .ENOENT }
    let target = try newDirectory.lockedLookup(newName, in: newParent)
    let exchange = flags.contains(.RENAME_EXCHANGE)
    if flags.contains(.RENAME_NOREPLACE) && target != nil { throw .EEXIST }
    if exchange {
      guard let target else { throw .ENOENT }
      if newSlash && !target.inode.isDirectory { throw .ENOTDIR }
    }
    if !old.inode.isDirectory && (oldSlash || (!exchange && newSlash)) { throw .ENOTDIR }
    // A directory cannot move into itself, nor replace what it is in.
    if old.isAncestor(of: newParent) { throw .EINVAL }
    if let target, target.isAncestor(of: oldParent) { throw exchange ? .EINVAL : .ENOTEMPTY }
    if let target, target.inode === old.inode { return nil }
    try check(task, old, target, exchange)

    if exchange, let target {
      swapNames(old, target)
    } else {
      try move(task, old, target)
    }
    return Outcome(old: old, target: target)
  }

  private func check(
    _ task: Task, _ old: Dentry, _ target: Dentry?, _ exchange: Bool
  ) throws(Errno) {
    if oldDirectory.fileSystem.isReadOnly { throw .EROFS }
    let credentials = task.fileCredentials
    try credentials.checkRemoval(of: old.inode, from: oldDirectory)
    if let target {
      try credentials.checkRemoval(of: target.inode, from: newDirectory)
      if !exchange {
        if old.inode.isDirectory && !target.inode.isDirectory { throw .ENOTDIR }
        if !old.inode.isDirectory && target.inode.isDirectory { throw .EISDIR }
      }
    } else {
      if newDirectory.isDead { throw .ENOENT }
      try credentials.check(newDirectory, [.write, .search])
    }
    if oldDirectory !== newDirectory {
      // `..` of a moved directory changes: it is written to.
      if old.inode.isDirectory { try credentials.check(old.inode, .write) }
      if exchange, let target, target.inode.isDirectory {
        try credentials.check(target.inode, .write)
      }
    }
    if old.isMountRoot { throw .EBUSY }
    if let target, target.isMountRoot { throw .EBUSY }
  }

  private func move(_ task: Task, _ old: Dentry, _ target: Dentry?) throws(Errno) {
    let isDirectory = old.inode.isDirectory
    if let target {
      if let victim = target.inode as? DirectoryInode {
        try victim.die()
        newDirectory.changeLinks(-1)
      } else {
        target.inode.changeLinks(-1)
      }
      target.markDeleted()
    }
    oldDirectory.removeName(oldName)
    let bytes = newName.array
    newDirectory.insert(old, name: bytes, hash: newName.hash)
    old.move(to: newParent, name: bytes)
    if flags.contains(.RENAME_WHITEOUT) {
      let credentials = task.fileCredentials
      let (gid, _) = oldDirectory.inheritance(credentials, 0, isDirectory: false)
      let whiteout = SpecialInode(
        oldDirectory.fileSystem, mode: FileMode.S_IFCHR, uid: credentials.fsuid, gid: gid, rdev: 0)
      let name = oldName.array
      oldDirectory.insert(
        Dentry(whiteout, name: name, parent: oldParent), name: name, hash: oldName.hash)
    }
    if isDirectory && oldDirectory !== newDirectory {
      oldDirectory.changeLinks(-1)
      newDirectory.changeLinks(1)
    }
    old.inode.touchChange()
    oldDirectory.touchModification()
    if newDirectory !== oldDirectory { newDirectory.touchModification() }
  }

  private func swapNames(_ old: Dentry, _ target: Dentry) {
    oldDirectory.removeName(oldName)
    newDirectory.removeName(newName)
    let first = oldName.array
    let second = newName.array
    oldDirectory.insert(target, name: first, hash: oldName.hash)
    newDirectory.insert(old, name: second, hash: newName.hash)
    old.move(to: newParent, name: second)
    target.move(to: oldParent, name: first)
    if oldDirectory !== newDirectory, old.inode.isDirectory != target.inode.isDirectory {
      oldDirectory.changeLinks(old.inode.isDirectory ? -1 : 1)
      newDirectory.changeLinks(old.inode.isDirectory ? 1 : -1)
    }
    old.inode.touchChange()
    target.inode.touchChange()
    oldDirectory.touchModification()
    if newDirectory !== oldDirectory { newDirectory.touchModification() }
  }
}
