import EnclaveRuntime
import LinuxABI
import Synchronization

extension Task {
  /// Where a relative path of an *at() call starts; nil: the working directory.
  ///
  /// Throws ENOTDIR when the descriptor is no directory. Absolute paths do not look at it.
  func base(_ dirfd: Int32, for path: [UInt8]) throws(Errno) -> Dentry? {
    if dirfd == AT.FDCWD || (!path.isEmpty && path[0] == 0x2F) { return nil }
    let file = try process.files.get(dirfd, path: true)
    if !path.isEmpty && !file.inode.isDirectory { throw .ENOTDIR }
    return file.dentry
  }

  /// The dentry a path names.
  func resolve(_ path: [UInt8], at dirfd: Int32 = AT.FDCWD, follow: Bool) throws(Errno) -> Dentry {
    var walk = try PathWalk(self, path, base: try base(dirfd, for: path))
    return try walk.walk(follow: follow)
  }

  /// open(2) behind its descriptor: walks, creates, checks, opens.
  func openFile(
    _ path: [UInt8], base: Dentry?, flags: OpenFlags, mode: UInt32, resolve: ResolveFlags = []
  ) throws(Errno) -> File {
    var walk = try PathWalk(self, path, base: base, resolve: resolve)
    if flags.contains(.O_PATH) {
      let dentry = try walk.walk(follow: !flags.contains(.O_NOFOLLOW))
      if flags.contains(.O_DIRECTORY) && !dentry.inode.isDirectory { throw .ENOTDIR }
      return PathFile(dentry, flags: flags.intersection([.O_PATH, .O_DIRECTORY, .O_NOFOLLOW]))
    }
    if flags.contains(.__O_TMPFILE) {
      let directory = try walk.walk(follow: !flags.contains(.O_NOFOLLOW))
      return try openTemporary(in: directory, flags: flags, mode: mode)
    }
    guard flags.contains(.O_CREAT) else {
      let dentry = try walk.walk(follow: !flags.contains(.O_NOFOLLOW))
      return try open(dentry, flags: flags)
    }
    return try openOrCreate(&walk, flags: flags, mode: mode)
  }

  private func openOrCreate(
    _ walk: inout PathWalk, flags: OpenFlags, mode: UInt32
  ) throws(Errno) -> File {
    while true {
      let (last, slash) = try walk.walkToLast()
      guard case .name(let name) = last else {
        // The rules of openat2(2) are looked at before there is something to say about directories.
        if case .dotDot = last { try walk.goUp() }
        throw flags.contains(.O_EXCL) ? .EEXIST : .EISDIR
      }
      if slash { throw .EISDIR }
      if flags.contains(.O_DIRECTORY) && flags.contains(.O_CREAT) { throw .EINVAL }
      let parent = walk.at
      guard let directory = parent.inode as? DirectoryInode else {
        // /proc and the like: what is there can be opened, nothing can be made.
        guard let found = try parent.inode.lookup(name, in: parent) else {
          throw parent.inode.isDirectory ? .ENOENT : .ENOTDIR
        }
        if flags.contains(.O_EXCL) { throw .EEXIST }
        if found.inode.isSymlink {
          if flags.contains(.O_NOFOLLOW) { throw .ELOOP }
          if try walk.followEnd(found) { continue }
          return try open(walk.at, flags: flags)
        }
        return try open(found, flags: flags)
      }
      directory.tableLock.lock()
      let found: Dentry?
      do throws(Errno) { found = try directory.lockedLookup(name, in: parent) } catch {
        directory.tableLock.unlock()
        throw error
      }
      if let found {
        directory.tableLock.unlock()
        if flags.contains(.O_EXCL) { throw .EEXIST }
        if found.inode.isSymlink {
          if flags.contains(.O_NOFOLLOW) { throw .ELOOP }
          if try walk.followEnd(found) { continue }
          return try open(walk.at, flags: flags)
        }
        if found.inode.isDirectory { throw .EISDIR }
        try fileCredentials.checkOpening(existing: found.inode, in: directory)
        return try open(found, flags: flags)
      }
      let made: Dentry
      do throws(Errno) {
        made = try makeRegular(name, in: parent, directory, mode: mode)
      } catch {
        directory.tableLock.unlock()
        throw error
      }
      directory.tableLock.unlock()
      Inotify.created(parent, name, isDirectory: false)
      // A new file may be opened in any mode, whatever its permissions (open(2), O_CREAT).
      let file = try made.inode.open(made, flags: flags)
      file.wasCreated = true
      file.tellOpened()
      return file
    }
  }

  /// Makes an empty file. The directory's `tableLock` is held and the name is free.
  private func makeRegular(
    _ name: Name, in parent: Dentry, _ directory: DirectoryInode, mode: UInt32
  ) throws(Errno) -> Dentry {
    if directory.isDead { throw .ENOENT }
    if directory.fileSystem.isReadOnly { throw .EROFS }
    let credentials = fileCredentials
    try credentials.check(directory, [.write, .search])
    let (gid, bits) = directory.inheritance(credentials, mode & 0o7777, isDirectory: false)
    let inode = RegularInode(
      directory.fileSystem, mode: bits & ~process.fileSystem.umask, uid: credentials.fsuid, gid: gid
    )
    let bytes = name.array
    let dentry = Dentry(inode, name: bytes, parent: parent)
    directory.insert(dentry, name: bytes, hash: name.hash)
    directory.touchModification()
    return dentry
  }

  /// Checks permissions and opens what a dentry names.
  func open(_ dentry: Dentry, flags: OpenFlags) throws(Errno) -> File {
    let inode = dentry.inode
    if flags.contains(.O_DIRECTORY) && !inode.isDirectory { throw .ENOTDIR }
    if inode.isSymlink { throw .ELOOP }
    let credentials = fileCredentials
    if inode.isDirectory && (flags.isWritable || flags.contains(.O_TRUNC)) { throw .EISDIR }
    var access: FileCredentials.Access = []
    if flags.isReadable { access.insert(.read) }
    if flags.isWritable || flags.contains(.O_TRUNC) { access.insert(.write) }
    // Access mode 3: checked as for reading and writing, opens for ioctl only.
    if flags.rawValue & 3 == 3 { access = [.read, .write] }
    try credentials.check(inode, access)
    if flags.contains(.O_NOATIME) && !credentials.owns(inode) { throw .EPERM }
    if inode.isRegular && (flags.isWritable || flags.contains(.O_TRUNC)) {
      if inode.fileSystem.isReadOnly { throw .EROFS }
      if let regular = inode as? RegularInode,
        regular.programCount.load(ordering: .sequentiallyConsistent) > 0
      {
        throw .ETXTBSY
      }
    }
    if inode.hasLocks.load(ordering: .acquiring) {
      try inode.breakLeases(
        forWriting: flags.isWritable || flags.contains(.O_TRUNC),
        nonblocking: flags.contains(.O_NONBLOCK))
    }
    let file = try inode.open(dentry, flags: flags)
    file.tellOpened()
    if flags.contains(.O_TRUNC) && inode.isRegular {
      try inode.truncate(to: 0)
      Inotify.modified(dentry)
    }
    return file
  }

  /// O_TMPFILE: a file without a name in `directory`'s file system, which linkat(2) may give one.
  private func openTemporary(
    in directory: Dentry, flags: OpenFlags, mode: UInt32
  ) throws(Errno) -> File {
    guard directory.inode.isDirectory else { throw .ENOTDIR }
    guard let parent = directory.inode as? DirectoryInode else { throw .EOPNOTSUPP }
    let credentials = fileCredentials
    try credentials.check(parent, [.write, .search])
    let (gid, bits) = parent.inheritance(credentials, mode & 0o7777, isDirectory: false)
    let inode = RegularInode(
      parent.fileSystem, mode: bits & ~process.fileSystem.umask, uid: credentials.fsuid, gid: gid)
    inode.nlink = 0
    inode.isLinkable = !flags.contains(.O_EXCL)
    var name: [UInt8] = [0x23]
    name.append(decimal: UInt(inode.number))
    let dentry = Dentry(inode, name: name, parent: directory)
    dentry.markDeleted()
    let file = try inode.open(dentry, flags: flags.subtracting([.O_TRUNC]))
    file.tellOpened()
    return file
  }
}

extension DirectoryInode {
  /// Group and mode of what is made in a set-group-ID directory (inode(7)).
  func inheritance(
    _ credentials: FileCredentials, _ mode: UInt32, isDirectory: Bool
  ) -> (gid: UInt32, mode: UInt32) {
    guard self.mode & FileMode.S_ISGID != 0 else { return (credentials.fsgid, mode) }
    if isDirectory { return (gid, mode | FileMode.S_ISGID) }
    // Who is not in the group does not make programs that run as it (mode_strip_sgid).
    let runsAsGroup = FileMode.S_ISGID | FileMode.S_IXGRP
    let strips =
      mode & runsAsGroup == runsAsGroup && !credentials.isPrivileged && !credentials.isMember(gid)
    return (gid, strips ? mode & ~FileMode.S_ISGID : mode)
  }
}

extension Namespace {
  /// execve(2): the program to run and its absolute path. Throws EACCES unless it is an executable file.
  static func openForExec(
    _ path: [UInt8], _ task: Task, at dirfd: Int32 = AT.FDCWD, flags: UInt32 = 0
  ) throws(Errno) -> (object: FileMapping, path: [UInt8]) {
    let dentry = try task.resolveOrSelf(
      dirfd, path, empty: flags & AT.EMPTY_PATH != 0, follow: flags & AT.SYMLINK_NOFOLLOW == 0)
    if dentry.inode.isSymlink { throw .ELOOP }
    guard dentry.inode.isRegular else { throw .EACCES }
    try task.fileCredentials.check(dentry.inode, .execute)
    return (
      FileMapping(dentry), dentry.path(from: task.process.fileSystem.root).bytes
    )
  }
}
