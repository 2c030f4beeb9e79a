import LinuxABI

/// Who asks, as far as files are concerned (path_resolution(7), credentials(7)).
struct FileCredentials {
  var fsuid: UInt32
  var fsgid: UInt32
  var groups: [UInt32]
  /// CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_CHOWN, CAP_FSETID, CAP_MKNOD: user 0 has all.
  var isPrivileged: Bool

  struct Access: OptionSet {
    var rawValue: UInt32
    static var read: Access { Access(rawValue: 4) }
    static var write: Access { Access(rawValue: 2) }
    static var execute: Access { Access(rawValue: 1) }
    static var search: Access { Access(rawValue: 1) }
  }

  /// Throws EACCES unless the inode's mode allows `access`.
  func check(_ inode: Inode, _ access: Access) throws(Errno) {
    if isPrivileged {
      // CAP_DAC_OVERRIDE: everything, but executing a file needs one x bit.
      if access.contains(.execute) && !inode.isDirectory && inode.mode & 0o111 == 0 {
        throw .EACCES
      }
      return
    }
    let mode = inode.mode
    let bits: UInt32
    if inode.uid == fsuid {
      bits = mode >> 6
    } else if isMember(inode.gid) {
      bits = mode >> 3
    } else {
      bits = mode
    }
    if access.rawValue & ~bits & 7 != 0 { throw .EACCES }
  }

  func isMember(_ gid: UInt32) -> Bool {
    if gid == fsgid { return true }
    for g in groups where g == gid { return true }
    return false
  }

  /// The owner, or CAP_FOWNER.
  func owns(_ inode: Inode) -> Bool { isPrivileged || inode.uid == fsuid }

  /// Throws unless a name may be taken out of `directory` (unlink(2), rename(2)): the sticky bit.
  func checkRemoval(of inode: Inode, from directory: Inode) throws(Errno) {
    try check(directory, [.write, .search])
    if directory.mode & FileMode.S_ISVTX != 0 && !isPrivileged && inode.uid != fsuid
      && directory.uid != fsuid
    {
      throw .EPERM
    }
  }

  /// Throws where O_CREAT may not open what is there already: somebody else's device or socket in a sticky directory that
  /// everybody may write to (may_create_in_sticky() in Linux's fs/namei.c). Files and fifos are free, as
  /// fs.protected_regular and fs.protected_fifos are 0.
  func checkOpening(existing inode: Inode, in directory: Inode) throws(Errno) {
    let type = inode.mode & FileMode.S_IFMT
    if type == FileMode.S_IFREG || type == FileMode.S_IFIFO { return }
    let mode = directory.mode
    guard mode & FileMode.S_ISVTX != 0, mode & 0o002 != 0 else { return }
    if inode.uid != directory.uid && inode.uid != fsuid { throw .EACCES }
  }
}

extension Task {
  /// Credentials for looking at files.
  var fileCredentials: FileCredentials {
    let c = process.credentials
    return FileCredentials(
      fsuid: c.fileSystemUser, fsgid: c.fileSystemGroup, groups: c.groups,
      isPrivileged: c.capabilities.has(CapabilitySets.CAP_DAC_OVERRIDE))
  }
}

extension Task {
  /// The same with the real user and group, for access(2).
  var realFileCredentials: FileCredentials {
    let c = process.credentials
    return FileCredentials(
      fsuid: c.realUser, fsgid: c.realGroup, groups: c.groups, isPrivileged: c.realUser == 0)
  }
}
