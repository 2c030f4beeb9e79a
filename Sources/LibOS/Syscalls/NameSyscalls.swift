import EnclaveRuntime
import LinuxABI

let nameSyscalls: [Syscall] = [
  Syscall(83, "mkdir") { (t, a) throws(Errno) in
    try t.sys_mkdirat(AT.FDCWD, a.a0, mode: a.uint32(1))
  },
  Syscall(258, "mkdirat") { (t, a) throws(Errno) in
    try t.sys_mkdirat(a.int32(0), a.a1, mode: a.uint32(2))
  },
  Syscall(84, "rmdir") { (t, a) throws(Errno) in
    try t.sys_unlinkat(AT.FDCWD, a.a0, flags: AT.REMOVEDIR)
  },
  Syscall(87, "unlink") { (t, a) throws(Errno) in try t.sys_unlinkat(AT.FDCWD, a.a0, flags: 0) },
  Syscall(263, "unlinkat") { (t, a) throws(Errno) in
    try t.sys_unlinkat(a.int32(0), a.a1, flags: a.uint32(2))
  },
  Syscall(82, "rename") { (t, a) throws(Errno) in
    try t.sys_renameat2(AT.FDCWD, a.a0, AT.FDCWD, a.a1, flags: 0)
  },
  Syscall(264, "renameat") { (t, a) throws(Errno) in
    try t.sys_renameat2(a.int32(0), a.a1, a.int32(2), a.a3, flags: 0)
  },
  Syscall(316, "renameat2") { (t, a) throws(Errno) in
    try t.sys_renameat2(a.int32(0), a.a1, a.int32(2), a.a3, flags: a.uint32(4))
  },
  Syscall(86, "link") { (t, a) throws(Errno) in
    try t.sys_linkat(AT.FDCWD, a.a0, AT.FDCWD, a.a1, flags: 0)
  },
  Syscall(265, "linkat") { (t, a) throws(Errno) in
    try t.sys_linkat(a.int32(0), a.a1, a.int32(2), a.a3, flags: a.uint32(4))
  },
  Syscall(88, "symlink") { (t, a) throws(Errno) in try t.sys_symlinkat(a.a0, AT.FDCWD, a.a1) },
  Syscall(266, "symlinkat") { (t, a) throws(Errno) in
    try t.sys_symlinkat(a.a0, a.int32(1), a.a2)
  },
  Syscall(133, "mknod") { (t, a) throws(Errno) in
    try t.sys_mknodat(AT.FDCWD, a.a0, mode: a.uint32(1), device: a.uint32(2))
  },
  Syscall(259, "mknodat") { (t, a) throws(Errno) in
    try t.sys_mknodat(a.int32(0), a.a1, mode: a.uint32(2), device: a.uint32(3))
  },
]

extension Task {
  func sys_mkdirat(_ dirfd: Int32, _ path: UInt, mode: UInt32) throws(Errno) -> Int {
    try makeDirectory(dirfd, try UserPath.read(path), mode: mode)
    return 0
  }

  func sys_unlinkat(_ dirfd: Int32, _ path: UInt, flags: UInt32) throws(Errno) -> Int {
    guard flags & ~AT.REMOVEDIR == 0 else { throw .EINVAL }
    let bytes = try UserPath.read(path)
    if flags & AT.REMOVEDIR != 0 {
      try removeDirectory(dirfd, bytes)
    } else {
      try removeFile(dirfd, bytes)
    }
    return 0
  }

  func sys_renameat2(
    _ oldfd: Int32, _ oldPath: UInt, _ newfd: Int32, _ newPath: UInt, flags: UInt32
  ) throws(Errno) -> Int {
    let flags = RenameFlags(rawValue: flags)
    guard
      flags.isSubset(of: [.RENAME_NOREPLACE, .RENAME_EXCHANGE, .RENAME_WHITEOUT]),
      !(flags.contains(.RENAME_EXCHANGE)
        && !flags.isDisjoint(with: [.RENAME_NOREPLACE, .RENAME_WHITEOUT]))
    else { throw .EINVAL }
    if flags.contains(.RENAME_WHITEOUT) && !fileCredentials.isPrivileged { throw .EPERM }
    let old = try UserPath.read(oldPath)
    let new: [UInt8]
    do throws(Errno) {
      new = try UserPath.read(newPath)
    } catch {
      // What is wrong with the first is told first.
      var from = try PathWalk(self, old, base: try base(oldfd, for: old))
      _ = try from.walkToLast()
      throw error
    }
    try rename(oldfd, old, newfd, new, flags)
    return 0
  }

  func sys_linkat(
    _ oldfd: Int32, _ oldPath: UInt, _ newfd: Int32, _ newPath: UInt, flags: UInt32
  ) throws(Errno) -> Int {
    guard flags & ~(AT.SYMLINK_FOLLOW | AT.EMPTY_PATH) == 0 else { throw .EINVAL }
    let empty = flags & AT.EMPTY_PATH != 0
    let bytes = try UserPath.read(oldPath)
    if bytes.isEmpty && empty && !fileCredentials.isPrivileged { throw .ENOENT }
    let old = try resolveOrSelf(
      oldfd, bytes, empty: empty, follow: flags & AT.SYMLINK_FOLLOW != 0)
    try makeLink(old, newfd, try UserPath.read(newPath))
    return 0
  }

  func sys_symlinkat(_ target: UInt, _ dirfd: Int32, _ path: UInt) throws(Errno) -> Int {
    let target = try UserPath.read(target)
    try makeSymlink(target, dirfd, try UserPath.read(path))
    return 0
  }

  func sys_mknodat(
    _ dirfd: Int32, _ path: UInt, mode: UInt32, device: UInt32
  ) throws(Errno) -> Int {
    try makeNode(dirfd, try UserPath.read(path), mode: mode, rdev: UInt64(device))
    return 0
  }
}
