import EnclaveRuntime
import LinuxABI
import Synchronization

let attributeSyscalls: [Syscall] = [
  Syscall(90, "chmod") { (t, a) throws(Errno) in
    try t.sys_fchmodat2(AT.FDCWD, a.a0, mode: a.uint32(1), flags: 0)
  },
  Syscall(91, "fchmod") { (t, a) throws(Errno) in
    try t.changeMode(try t.process.files.get(a.int32(0)).dentry, a.uint32(1))
    return 0
  },
  Syscall(268, "fchmodat") { (t, a) throws(Errno) in
    try t.sys_fchmodat2(a.int32(0), a.a1, mode: a.uint32(2), flags: 0)
  },
  Syscall(452, "fchmodat2") { (t, a) throws(Errno) in
    try t.sys_fchmodat2(a.int32(0), a.a1, mode: a.uint32(2), flags: a.uint32(3))
  },
  Syscall(92, "chown") { (t, a) throws(Errno) in
    try t.sys_fchownat(AT.FDCWD, a.a0, a.uint32(1), a.uint32(2), flags: 0)
  },
  Syscall(93, "fchown") { (t, a) throws(Errno) in
    try t.changeOwner(try t.process.files.get(a.int32(0)).dentry, a.uint32(1), a.uint32(2))
    return 0
  },
  Syscall(94, "lchown") { (t, a) throws(Errno) in
    try t.sys_fchownat(AT.FDCWD, a.a0, a.uint32(1), a.uint32(2), flags: AT.SYMLINK_NOFOLLOW)
  },
  Syscall(260, "fchownat") { (t, a) throws(Errno) in
    try t.sys_fchownat(a.int32(0), a.a1, a.uint32(2), a.uint32(3), flags: a.uint32(4))
  },
  Syscall(280, "utimensat") { (t, a) throws(Errno) in
    try t.sys_utimensat(a.int32(0), a.a1, times: a.a2, flags: a.uint32(3))
  },
  Syscall(235, "utimes") { (t, a) throws(Errno) in
    try t.sys_futimesat(AT.FDCWD, a.a0, times: a.a1)
  },
  Syscall(261, "futimesat") { (t, a) throws(Errno) in
    try t.sys_futimesat(a.int32(0), a.a1, times: a.a2)
  },
  Syscall(132, "utime") { (t, a) throws(Errno) in try t.sys_utime(a.a0, times: a.a1) },
  Syscall(76, "truncate") { (t, a) throws(Errno) in try t.sys_truncate(a.a0, a.int(1)) },
  Syscall(77, "ftruncate") { (t, a) throws(Errno) in try t.sys_ftruncate(a.int32(0), a.int(1)) },
]

extension Task {
  func sys_fchmodat2(
    _ dirfd: Int32, _ path: UInt, mode: UInt32, flags: UInt32
  ) throws(Errno) -> Int {
    guard flags & ~(AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH) == 0 else { throw .EINVAL }
    let dentry = try resolveOrSelf(
      dirfd, try UserPath.read(path), empty: flags & AT.EMPTY_PATH != 0,
      follow: flags & AT.SYMLINK_NOFOLLOW == 0)
    try changeMode(dentry, mode)
    return 0
  }

  func sys_fchownat(
    _ dirfd: Int32, _ path: UInt, _ uid: UInt32, _ gid: UInt32, flags: UInt32
  ) throws(Errno) -> Int {
    guard flags & ~(AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH) == 0 else { throw .EINVAL }
    let dentry = try resolveOrSelf(
      dirfd, try UserPath.read(path), empty: flags & AT.EMPTY_PATH != 0,
      follow: flags & AT.SYMLINK_NOFOLLOW == 0)
    try changeOwner(dentry, uid, gid)
    return 0
  }

  /// utimensat(2): `struct timespec times[2]`, UTIME_NOW, UTIME_OMIT. A NULL path means the descriptor.
  func sys_utimensat(
    _ dirfd: Int32, _ path: UInt, times: UInt, flags: UInt32
  ) throws(Errno) -> Int {
    var access = TimeChange.now
    var modification = TimeChange.now
    if times != 0 {
      let pair = (
        try UserMemory.read(times, as: FileTime.self),
        try UserMemory.read(times &+ 16, as: FileTime.self)
      )
      if pair.0.nanoseconds == Self.UTIME_OMIT && pair.1.nanoseconds == Self.UTIME_OMIT {
        return 0
      }
      access = try Self.change(pair.0)
      modification = try Self.change(pair.1)
    }
    guard flags & ~(AT.SYMLINK_NOFOLLOW | AT.EMPTY_PATH) == 0 else { throw .EINVAL }
    let dentry: Dentry
    if path == 0 && dirfd != AT.FDCWD {
      guard flags == 0 else { throw .EINVAL }
      dentry = try process.files.get(dirfd).dentry
    } else {
      dentry = try resolveOrSelf(
        dirfd, try UserPath.read(path), empty: flags & AT.EMPTY_PATH != 0,
        follow: flags & AT.SYMLINK_NOFOLLOW == 0)
    }
    try changeTimes(dentry, access: access, modification: modification)
    return 0
  }

  private static var UTIME_NOW: Int64 { 0x3FFF_FFFF }
  private static var UTIME_OMIT: Int64 { 0x3FFF_FFFE }

  private static func change(_ time: FileTime) throws(Errno) -> TimeChange {
    if time.nanoseconds == UTIME_NOW { return .now }
    if time.nanoseconds == UTIME_OMIT { return .keep }
    guard time.nanoseconds >= 0, time.nanoseconds < 1_000_000_000 else { throw .EINVAL }
    return .set(nanoseconds(time.seconds, time.nanoseconds))
  }

  /// Clamped to what 64-bit nanoseconds hold: the years 1678 to 2262.
  private static func nanoseconds(_ seconds: Int64, _ rest: Int64) -> Int64 {
    let limit: Int64 = 9_223_372_035
    if seconds > limit { return limit * 1_000_000_000 }
    if seconds < -limit { return -limit * 1_000_000_000 }
    return seconds * 1_000_000_000 + rest
  }

  /// utimes(2), futimesat(2): `struct timeval times[2]`.
  func sys_futimesat(_ dirfd: Int32, _ path: UInt, times: UInt) throws(Errno) -> Int {
    var access = TimeChange.now
    var modification = TimeChange.now
    if times != 0 {
      let first = try UserMemory.read(times, as: FileTime.self)
      let second = try UserMemory.read(times &+ 16, as: FileTime.self)
      guard first.nanoseconds >= 0, first.nanoseconds < 1_000_000, second.nanoseconds >= 0,
        second.nanoseconds < 1_000_000
      else { throw .EINVAL }
      access = .set(Self.nanoseconds(first.seconds, first.nanoseconds * 1000))
      modification = .set(Self.nanoseconds(second.seconds, second.nanoseconds * 1000))
    }
    let dentry: Dentry
    if path == 0 && dirfd != AT.FDCWD {
      dentry = try process.files.get(dirfd).dentry
    } else {
      dentry = try resolve(try UserPath.read(path), at: dirfd, follow: true)
    }
    try changeTimes(dentry, access: access, modification: modification)
    return 0
  }

  func sys_utime(_ path: UInt, times: UInt) throws(Errno) -> Int {
    var access = TimeChange.now
    var modification = TimeChange.now
    if times != 0 {
      access = .set(Self.nanoseconds(try UserMemory.read(times, as: Int64.self), 0))
      modification = .set(Self.nanoseconds(try UserMemory.read(times &+ 8, as: Int64.self), 0))
    }
    let dentry = try resolve(try UserPath.read(path), follow: true)
    try changeTimes(dentry, access: access, modification: modification)
    return 0
  }

  func sys_truncate(_ path: UInt, _ length: Int) throws(Errno) -> Int {
    guard length >= 0 else { throw .EINVAL }
    let dentry = try resolve(try UserPath.read(path), follow: true)
    let inode = dentry.inode
    if inode.isDirectory { throw .EISDIR }
    guard inode.isRegular else { throw .EINVAL }
    try fileCredentials.check(inode, .write)
    if inode.fileSystem.isReadOnly { throw .EROFS }
    // A program that runs cannot change under itself (get_write_access).
    if let regular = inode as? RegularInode,
      regular.programCount.load(ordering: .sequentiallyConsistent) > 0
    {
      throw .ETXTBSY
    }
    try inode.breakLeases(forWriting: true, nonblocking: false)
    if UInt64(length) > inode.size { try checkLimit(of: UInt64(length)) }
    try inode.truncate(to: UInt64(length))
    Inotify.modified(dentry)
    return 0
  }

  func sys_ftruncate(_ fd: Int32, _ length: Int) throws(Errno) -> Int {
    guard length >= 0 else { throw .EINVAL }
    let file = try process.files.get(fd)
    guard file.isWritable, file.inode.isRegular else { throw .EINVAL }
    try file.truncate(to: UInt64(length))
    Inotify.modified(file.dentry)
    return 0
  }
}
