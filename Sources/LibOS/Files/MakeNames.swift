import EnclaveRuntime
import LinuxABI

/// Making names: mkdir(2), mknod(2), symlink(2), link(2).
extension Task {
  /// Walks to where a new name goes, checks that it is free and may be made, and makes it.
  ///
  /// `make` runs with the directory's `tableLock` held and returns the inode for the name.
  func makeName(
    _ dirfd: Int32, _ path: [UInt8], isDirectory: Bool, linked: Inode? = nil,
    _ make: (DirectoryInode, FileCredentials) throws(Errno) -> Inode
  ) throws(Errno) {
    var walk = try PathWalk(self, path, base: try base(dirfd, for: path))
    let (last, slash) = try walk.walkToLast()
    guard case .name(let name) = last else { throw .EEXIST }
    let parent = walk.at
    guard let directory = parent.inode as? DirectoryInode else {
      if try parent.inode.lookup(name, in: parent) != nil { throw .EEXIST }
      throw .ENOENT
    }
    directory.tableLock.lock()
    do throws(Errno) {
      if try directory.lockedLookup(name, in: parent) != nil { throw Errno.EEXIST }
      if slash && !isDirectory { throw Errno.ENOENT }
      if directory.fileSystem.isReadOnly { throw Errno.EROFS }
      if directory.isDead { throw Errno.ENOENT }
      let credentials = fileCredentials
      try credentials.check(directory, [.write, .search])
      let inode = try make(directory, credentials)
      let bytes = name.array
      directory.insert(Dentry(inode, name: bytes, parent: parent), name: bytes, hash: name.hash)
      if isDirectory { directory.changeLinks(1) }
      directory.touchModification()
    } catch {
      directory.tableLock.unlock()
      throw error
    }
    directory.tableLock.unlock()
    if let linked { Inotify.linked(linked) }
    Inotify.created(parent, name, isDirectory: isDirectory)
  }

  func makeDirectory(_ dirfd: Int32, _ path: [UInt8], mode: UInt32) throws(Errno) {
    let mask = process.fileSystem.umask
    try makeName(dirfd, path, isDirectory: true) { (directory, credentials) throws(Errno) in
      let (gid, bits) = directory.inheritance(
        credentials, mode & 0o1777 & ~mask, isDirectory: true)
      return DirectoryInode(directory.fileSystem, mode: bits, uid: credentials.fsuid, gid: gid)
    }
  }

  func makeNode(
    _ dirfd: Int32, _ path: [UInt8], mode: UInt32, rdev: UInt64
  ) throws(Errno) {
    let mask = process.fileSystem.umask
    let type = mode & FileMode.S_IFMT
    switch type {
    case 0, FileMode.S_IFREG, FileMode.S_IFIFO, FileMode.S_IFSOCK: break
    case FileMode.S_IFCHR, FileMode.S_IFBLK: break
    case FileMode.S_IFDIR: throw .EPERM
    default: throw .EINVAL
    }
    try makeName(dirfd, path, isDirectory: false) { (directory, credentials) throws(Errno) in
      let isDevice = type == FileMode.S_IFCHR || type == FileMode.S_IFBLK
      // A whiteout (character device 0:0) may be made by anybody.
      if isDevice && !credentials.isPrivileged && !(type == FileMode.S_IFCHR && rdev == 0) {
        throw Errno.EPERM
      }
      let (gid, bits) = directory.inheritance(
        credentials, mode & 0o7777 & ~mask, isDirectory: false)
      if type == 0 || type == FileMode.S_IFREG {
        return RegularInode(directory.fileSystem, mode: bits, uid: credentials.fsuid, gid: gid)
      }
      return SpecialInode(
        directory.fileSystem, mode: type | bits, uid: credentials.fsuid, gid: gid,
        rdev: isDevice ? rdev : 0)
    }
  }

  func makeSymlink(_ target: [UInt8], _ dirfd: Int32, _ path: [UInt8]) throws(Errno) {
    if target.isEmpty { throw .ENOENT }
    try makeName(dirfd, path, isDirectory: false) { (directory, credentials) throws(Errno) in
      let (gid, _) = directory.inheritance(credentials, 0, isDirectory: false)
      return SymlinkInode(
        directory.fileSystem, target: target, uid: credentials.fsuid, gid: gid)
    }
  }

  /// link(2): another name for an inode. `old` has been resolved.
  func makeLink(_ old: Dentry, _ dirfd: Int32, _ path: [UInt8]) throws(Errno) {
    let inode = old.inode
    try makeName(dirfd, path, isDirectory: false, linked: inode) {
      (directory, credentials) throws(Errno) in
      if directory.fileSystem !== inode.fileSystem { throw Errno.EXDEV }
      if inode.isDirectory { throw Errno.EPERM }
      let now = Inode.now()
      inode.lock.lock()
      defer { inode.lock.unlock() }
      if inode.nlink == 0 {
        guard let regular = inode as? RegularInode, regular.isLinkable else { throw Errno.ENOENT }
        regular.isLinkable = false
      }
      if inode.nlink >= 0x7FFF_FFFF { throw Errno.EMLINK }
      inode.nlink += 1
      inode.ctimeNs = now
      return inode
    }
  }
}

extension Inode {
  /// A name more or less.
  func changeLinks(_ by: Int) {
    let now = Inode.now()
    lock.lock()
    nlink = UInt32(max(0, Int(nlink) + by))
    ctimeNs = now
    lock.unlock()
  }
}
