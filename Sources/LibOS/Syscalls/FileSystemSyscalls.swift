import EnclaveRuntime
import LinuxABI
import Synchronization

let fileSystemSyscalls: [Syscall] = [
  Syscall(137, "statfs") { (t, a) throws(Errno) in
    let dentry = try t.resolve(try UserPath.read(a.a0), follow: true)
    return try t.writeStatfs(dentry.inode.fileSystem, a.a1)
  },
  Syscall(138, "fstatfs") { (t, a) throws(Errno) in
    let file = try t.process.files.get(a.int32(0), path: true)
    return try t.writeStatfs(file.inode.fileSystem, a.a1)
  },
  Syscall(74, "fsync") { (t, a) throws(Errno) in try t.sys_fsync(a.int32(0)) },
  Syscall(75, "fdatasync") { (t, a) throws(Errno) in try t.sys_fsync(a.int32(0)) },
  Syscall(162, "sync") { (t, a) throws(Errno) in
    // sync(2): "is always successful".
    try? Namespace.commitAll()
    return 0
  },
  Syscall(306, "syncfs") { (t, a) throws(Errno) in
    try t.process.files.get(a.int32(0)).inode.fileSystem.commit()
    return 0
  },
  Syscall(277, "sync_file_range") { (t, a) throws(Errno) in
    try t.sys_sync_file_range(a.int32(0), a.int(1), a.int(2), flags: a.uint32(3))
  },
  Syscall(221, "fadvise64") { (t, a) throws(Errno) in
    try t.sys_fadvise64(a.int32(0), length: a.int(2), advice: a.int32(3))
  },
  Syscall(187, "readahead") { (t, a) throws(Errno) in
    let file = try t.process.files.get(a.int32(0))
    guard file.isReadable else { throw .EBADF }
    guard file.inode.isRegular else { throw .EINVAL }
    return 0
  },
  Syscall(285, "fallocate") { (t, a) throws(Errno) in
    try t.sys_fallocate(a.int32(0), mode: a.uint32(1), a.int(2), a.int(3))
  },
  Syscall(165, "mount", .refused("what is mounted is measured")) { (t, a) throws(Errno) in
    throw .EPERM
  },
  Syscall(166, "umount2", .refused("what is mounted is measured")) { (t, a) throws(Errno) in
    throw .EPERM
  },
  Syscall(155, "pivot_root", .refused("what is mounted is measured")) { (t, a) throws(Errno) in
    throw .EPERM
  },
  Syscall(303, "name_to_handle_at", .refused("files have no persistent handles")) {
    (t, a) throws(Errno) in throw .EOPNOTSUPP
  },
  Syscall(304, "open_by_handle_at", .refused("files have no persistent handles")) {
    (t, a) throws(Errno) in throw .EOPNOTSUPP
  },
  Syscall(179, "quotactl", .refused("there are no quotas")) { (t, a) throws(Errno) in
    throw .ENOSYS
  },
]

extension Task {
  /// `struct statfs`: fifteen words, f_fsid in one of them.
  func writeStatfs(_ fileSystem: FileSystem, _ address: UInt) throws(Errno) -> Int {
    let (limit, used) = fileSystem.space
    let isMemory =
      fileSystem.magic == FileSystem.TMPFS_MAGIC
      || fileSystem.magic == FileSystem.OVERLAYFS_SUPER_MAGIC
    let blocks = isMemory ? limit : 0
    let free = isMemory && limit > used ? limit - used : 0
    let files: UInt64 = isMemory ? 1 << 20 : 0
    let words: [UInt64] = [
      fileSystem.magic, 4096, blocks, free, free, files, files, fileSystem.device, 255, 4096,
      fileSystem.isReadOnly ? 0x1021 : 0x1020, 0, 0, 0, 0,
    ]
    var bytes: [UInt8] = []
    bytes.reserveCapacity(120)
    for w in words {
      var v = w
      for _ in 0..<8 {
        bytes.append(UInt8(truncatingIfNeeded: v))
        v >>= 8
      }
    }
    try UserMemory.writeBytes(bytes, to: address)
    return 0
  }

  /// Files in memory are as durable as they will ever be.
  func sys_fsync(_ fd: Int32) throws(Errno) -> Int {
    try process.files.get(fd).fsync()
    return 0
  }

  func sys_sync_file_range(
    _ fd: Int32, _ offset: Int, _ count: Int, flags: UInt32
  ) throws(Errno) -> Int {
    let file = try process.files.get(fd)
    guard flags & ~7 == 0, offset >= 0, count >= 0, !offset.addingReportingOverflow(count).overflow
    else { throw .EINVAL }
    switch file.inode.type {
    case FileMode.S_IFREG, FileMode.S_IFDIR, FileMode.S_IFLNK, FileMode.S_IFBLK: return 0
    default: throw .ESPIPE
    }
  }

  func sys_fadvise64(_ fd: Int32, length: Int, advice: Int32) throws(Errno) -> Int {
    let file = try process.files.get(fd)
    if file.inode.type == FileMode.S_IFIFO { throw .ESPIPE }
    guard length >= 0, advice >= 0, advice <= 5 else { throw .EINVAL }
    return 0
  }

  func sys_fallocate(
    _ fd: Int32, mode: UInt32, _ offset: Int, _ length: Int
  ) throws(Errno) -> Int {
    let file = try process.files.get(fd)
    guard offset >= 0, length > 0 else { throw .EINVAL }
    // KEEP_SIZE 1, PUNCH_HOLE 2, COLLAPSE_RANGE 8, ZERO_RANGE 0x10, INSERT_RANGE 0x20, UNSHARE 0x40, WRITE_ZEROES 0x80.
    switch mode {
    case 0, 1, 3, 8, 0x10, 0x11, 0x20, 0x40, 0x41, 0x80: break
    default: throw .EOPNOTSUPP
    }
    guard file.isWritable else { throw .EBADF }
    if file.inode.type == FileMode.S_IFIFO { throw .ESPIPE }
    if file.inode.isDirectory { throw .EISDIR }
    guard file.inode.isRegular else { throw .ENODEV }
    if offset.addingReportingOverflow(length).overflow { throw .EFBIG }
    try file.fallocate(mode, UInt64(offset), UInt64(length))
    Inotify.modified(file.dentry)
    return 0
  }
}
