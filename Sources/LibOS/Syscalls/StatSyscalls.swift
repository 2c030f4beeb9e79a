import EnclaveRuntime
import LinuxABI

let statSyscalls: [Syscall] = [
  Syscall(4, "stat") { (t, a) throws(Errno) in
    try t.sys_newfstatat(AT.FDCWD, a.a0, a.a1, flags: 0)
  },
  Syscall(6, "lstat") { (t, a) throws(Errno) in
    try t.sys_newfstatat(AT.FDCWD, a.a0, a.a1, flags: AT.SYMLINK_NOFOLLOW)
  },
  Syscall(5, "fstat") { (t, a) throws(Errno) in try t.sys_fstat(a.int32(0), a.a1) },
  Syscall(262, "newfstatat") { (t, a) throws(Errno) in
    try t.sys_newfstatat(a.int32(0), a.a1, a.a2, flags: a.uint32(3))
  },
  Syscall(332, "statx") { (t, a) throws(Errno) in
    try t.sys_statx(a.int32(0), a.a1, flags: a.uint32(2), mask: a.uint32(3), a.a4)
  },
  Syscall(21, "access") { (t, a) throws(Errno) in
    try t.sys_faccessat2(AT.FDCWD, a.a0, mode: a.uint32(1), flags: 0)
  },
  Syscall(269, "faccessat") { (t, a) throws(Errno) in
    try t.sys_faccessat2(a.int32(0), a.a1, mode: a.uint32(2), flags: 0)
  },
  Syscall(439, "faccessat2") { (t, a) throws(Errno) in
    try t.sys_faccessat2(a.int32(0), a.a1, mode: a.uint32(2), flags: a.uint32(3))
  },
  Syscall(89, "readlink") { (t, a) throws(Errno) in
    try t.sys_readlinkat(AT.FDCWD, a.a0, a.a1, size: a.int32(2))
  },
  Syscall(267, "readlinkat") { (t, a) throws(Errno) in
    try t.sys_readlinkat(a.int32(0), a.a1, a.a2, size: a.int32(3))
  },
]

extension Task {
  /// What an *at() call with AT_EMPTY_PATH is about: the descriptor's own file for an empty path.
  func resolveOrSelf(
    _ dirfd: Int32, _ path: [UInt8], empty: Bool, follow: Bool
  ) throws(Errno) -> Dentry {
    if path.isEmpty && empty {
      if dirfd == AT.FDCWD { return process.fileSystem.cwd }
      return try process.files.get(dirfd, path: true).dentry
    }
    return try resolve(path, at: dirfd, follow: follow)
  }

  func sys_fstat(_ fd: Int32, _ address: UInt) throws(Errno) -> Int {
    let file = try process.files.get(fd, path: true)
    try UserMemory.write(file.stat(), to: address)
    return 0
  }

  /// A NULL path means an empty one for the stat family (Linux 6.11).
  func readPathOrEmpty(_ address: UInt, _ empty: Bool) throws(Errno) -> [UInt8] {
    if address == 0 && empty { return [] }
    return try UserPath.read(address)
  }

  func sys_newfstatat(
    _ dirfd: Int32, _ path: UInt, _ address: UInt, flags: UInt32
  ) throws(Errno) -> Int {
    let known =
      AT.SYMLINK_NOFOLLOW | AT.NO_AUTOMOUNT | AT.EMPTY_PATH | AT.STATX_SYNC_TYPE
    guard flags & ~known == 0 else { throw .EINVAL }
    let empty = flags & AT.EMPTY_PATH != 0
    let bytes = try readPathOrEmpty(path, empty)
    if bytes.isEmpty && empty && dirfd >= 0 { return try sys_fstat(dirfd, address) }
    let dentry = try resolveOrSelf(
      dirfd, bytes, empty: empty, follow: flags & AT.SYMLINK_NOFOLLOW == 0)
    try UserMemory.write(dentry.inode.stat(), to: address)
    return 0
  }

  /// statx(2).
  func sys_statx(
    _ dirfd: Int32, _ path: UInt, flags: UInt32, mask: UInt32, _ address: UInt
  ) throws(Errno) -> Int {
    let known =
      AT.SYMLINK_NOFOLLOW | AT.NO_AUTOMOUNT | AT.EMPTY_PATH | AT.STATX_SYNC_TYPE
    guard mask & 0x8000_0000 == 0, flags & ~known == 0,
      flags & AT.STATX_SYNC_TYPE != AT.STATX_SYNC_TYPE
    else { throw .EINVAL }
    let empty = flags & AT.EMPTY_PATH != 0
    let bytes = try readPathOrEmpty(path, empty)
    let inode: Inode
    let stat: Stat
    if bytes.isEmpty && empty && dirfd >= 0 {
      let file = try process.files.get(dirfd, path: true)
      inode = file.inode
      stat = file.stat()
    } else {
      inode = try resolveOrSelf(
        dirfd, bytes, empty: empty, follow: flags & AT.SYMLINK_NOFOLLOW == 0
      ).inode
      stat = inode.stat()
    }
    try UserMemory.write(Statx(stat, inode, mask), to: address)
    return 0
  }

  /// faccessat2(2), with the real user and group unless AT_EACCESS.
  func sys_faccessat2(
    _ dirfd: Int32, _ path: UInt, mode: UInt32, flags: UInt32
  ) throws(Errno) -> Int {
    guard mode & ~7 == 0,
      flags & ~(AT.EACCESS | AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH) == 0
    else { throw .EINVAL }
    let dentry = try resolveOrSelf(
      dirfd, try UserPath.read(path), empty: flags & AT.EMPTY_PATH != 0,
      follow: flags & AT.SYMLINK_NOFOLLOW == 0)
    if mode == 0 { return 0 }
    let credentials = flags & AT.EACCESS != 0 ? fileCredentials : realFileCredentials
    let inode = dentry.inode
    if mode & 2 != 0 && inode.fileSystem.isReadOnly
      && (inode.isRegular || inode.isDirectory || inode.isSymlink)
    {
      throw .EROFS
    }
    try credentials.check(inode, FileCredentials.Access(rawValue: mode))
    return 0
  }

  /// readlink(2): as many bytes as fit, no NUL.
  func sys_readlinkat(
    _ dirfd: Int32, _ path: UInt, _ address: UInt, size: Int32
  ) throws(Errno) -> Int {
    guard size > 0 else { throw .EINVAL }
    let bytes = try UserPath.read(path)
    let dentry: Dentry
    if bytes.isEmpty {
      guard dirfd != AT.FDCWD else { throw .ENOENT }
      dentry = try process.files.get(dirfd, path: true).dentry
      if !dentry.inode.isSymlink { throw .ENOENT }
    } else {
      dentry = try resolve(bytes, at: dirfd, follow: false)
    }
    guard dentry.inode.isSymlink else { throw .EINVAL }
    let target = try dentry.inode.readLink(self)
    let n = min(target.count, Int(size))
    try UserMemory.writeBytes(target, from: 0, count: n, to: address)
    return n
  }
}

/// `struct statx`: 256 bytes.
struct Statx: BitwiseCopyable {
  var mask: UInt32
  var blksize: UInt32
  var attributes: UInt64 = 0
  var nlink: UInt32
  var uid: UInt32
  var gid: UInt32
  var mode: UInt16
  var spare0: UInt16 = 0
  var ino: UInt64
  var size: UInt64
  var blocks: UInt64
  var attributesMask: UInt64 = 0
  var atime: StatxTime
  var btime: StatxTime
  var ctime: StatxTime
  var mtime: StatxTime
  var rdevMajor: UInt32
  var rdevMinor: UInt32
  var devMajor: UInt32
  var devMinor: UInt32
  var mountId: UInt64
  var dioMemoryAlign: UInt32 = 0
  var dioOffsetAlign: UInt32 = 0
  var spare: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0)
  var spare2: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0)

  struct StatxTime: BitwiseCopyable {
    var seconds: Int64
    var nanoseconds: UInt32
    var reserved: Int32 = 0
    init(_ t: FileTime) {
      seconds = t.seconds
      nanoseconds = UInt32(t.nanoseconds)
    }
  }

  init(_ s: Stat, _ inode: Inode, _ wanted: UInt32) {
    // STATX_BASIC_STATS but STATX_MTIME and STATX_CTIME, which, as STATX_BTIME and STATX_MNT_ID, come when asked for.
    mask = 0x73F | wanted & 0x18C0
    blksize = UInt32(s.blksize)
    nlink = UInt32(truncatingIfNeeded: s.nlink)
    uid = s.uid
    gid = s.gid
    mode = UInt16(truncatingIfNeeded: s.mode)
    ino = s.ino
    size = UInt64(bitPattern: s.size)
    blocks = UInt64(bitPattern: s.blocks)
    atime = StatxTime(s.atime)
    btime = StatxTime(FileTime(ns: inode.btimeNs))
    ctime = StatxTime(s.ctime)
    mtime = StatxTime(s.mtime)
    rdevMajor = UInt32(truncatingIfNeeded: DeviceNumber.major(s.rdev))
    rdevMinor = UInt32(truncatingIfNeeded: DeviceNumber.minor(s.rdev))
    devMajor = UInt32(truncatingIfNeeded: DeviceNumber.major(s.dev))
    devMinor = UInt32(truncatingIfNeeded: DeviceNumber.minor(s.dev))
    mountId = UInt64(inode.fileSystem.mountId)
    // STATX_ATTR_IMMUTABLE, APPEND, NODUMP, AUTOMOUNT, MOUNT_ROOT, DAX: known, and but for roots of mounts never so.
    attributesMask = 0x20_3070
    if !inode.fileSystem.mountPoint.isEmpty && inode.number == 2 { attributes = 0x2000 }
  }
}
