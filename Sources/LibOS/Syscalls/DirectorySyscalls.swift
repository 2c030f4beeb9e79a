import EnclaveRuntime
import LinuxABI

let directorySyscalls: [Syscall] = [
  Syscall(217, "getdents64") { (t, a) throws(Errno) in
    try t.sys_getdents64(a.int32(0), a.a1, count: a.uint32(2))
  },
  Syscall(78, "getdents") { (t, a) throws(Errno) in
    try t.sys_getdents(a.int32(0), a.a1, count: a.uint32(2))
  },
  Syscall(79, "getcwd") { (t, a) throws(Errno) in try t.sys_getcwd(a.a0, size: a.a1) },
  Syscall(80, "chdir") { (t, a) throws(Errno) in try t.sys_chdir(a.a0) },
  Syscall(81, "fchdir") { (t, a) throws(Errno) in try t.sys_fchdir(a.int32(0)) },
  Syscall(161, "chroot") { (t, a) throws(Errno) in try t.sys_chroot(a.a0) },
  Syscall(95, "umask") { (t, a) throws(Errno) in
    Int(t.process.fileSystem.setUmask(a.uint32(0)))
  },
]

extension Task {
  /// getdents64(2): `struct linux_dirent64 { u64 ino; s64 off; u16 reclen; u8 type; char name[]; }`.
  func sys_getdents64(_ fd: Int32, _ address: UInt, count: UInt32) throws(Errno) -> Int {
    let file = try process.files.get(fd)
    var out = DirectoryRecords(room: Int(min(count, 1 << 20)))
    file.positionLock.lock()
    defer { file.positionLock.unlock() }
    let start = file.offset
    try readDirectory(file, start, &out, address) { entry, out in out.append64(entry) }
    return out.bytes.count
  }

  /// getdents(2), the old form: unsigned long ino, off; u16 reclen; name; u8 type at the end.
  func sys_getdents(_ fd: Int32, _ address: UInt, count: UInt32) throws(Errno) -> Int {
    let file = try process.files.get(fd)
    var out = DirectoryRecords(room: Int(min(count, 1 << 20)))
    file.positionLock.lock()
    defer { file.positionLock.unlock() }
    let start = file.offset
    try readDirectory(file, start, &out, address) { entry, out in out.append(entry) }
    return out.bytes.count
  }

  private func readDirectory(
    _ file: File, _ start: UInt64, _ out: inout DirectoryRecords, _ address: UInt,
    _ put: (DirectoryEntry, inout DirectoryRecords) -> Bool
  ) throws(Errno) {
    guard file.inode.isDirectory else { throw .ENOTDIR }
    // A removed directory has no entries, not even `.` (getdents(2), ENOENT).
    if file.dentry.isGone { throw .ENOENT }
    var isTooSmall = false
    try file.readDirectory { entry in
      if put(entry, &out) { return true }
      isTooSmall = out.bytes.isEmpty
      return false
    }
    if isTooSmall { throw .EINVAL }
    Inotify.accessed(file.dentry)
    do throws(Errno) { try UserMemory.writeBytes(out.bytes, to: address) } catch {
      file.offset = start
      throw error
    }
  }

  /// getcwd(2): the length with the NUL. ENOENT when the directory is gone, "(unreachable)" outside the root.
  func sys_getcwd(_ address: UInt, size: UInt) throws(Errno) -> Int {
    let context = process.fileSystem
    let cwd = context.cwd
    if cwd.isGone { throw .ENOENT }
    var (bytes, reachable) = cwd.path(from: context.root)
    if !reachable {
      var text = [UInt8](staticString: "(unreachable)")
      text.append(contentsOf: bytes)
      bytes = text
    }
    bytes.append(0)
    if bytes.count > 4096 { throw .ENAMETOOLONG }
    guard UInt(bytes.count) <= size else { throw .ERANGE }
    try UserMemory.writeBytes(bytes, to: address)
    return bytes.count
  }

  func sys_chdir(_ path: UInt) throws(Errno) -> Int {
    let dentry = try resolve(try UserPath.read(path), follow: true)
    return try changeDirectory(dentry)
  }
  func sys_fchdir(_ fd: Int32) throws(Errno) -> Int {
    try changeDirectory(try process.files.get(fd, path: true).dentry)
  }
  private func changeDirectory(_ dentry: Dentry) throws(Errno) -> Int {
    guard dentry.inode.isDirectory else { throw .ENOTDIR }
    try fileCredentials.check(dentry.inode, .search)
    process.fileSystem.setCwd(dentry)
    return 0
  }

  func sys_chroot(_ path: UInt) throws(Errno) -> Int {
    let dentry = try resolve(try UserPath.read(path), follow: true)
    guard dentry.inode.isDirectory else { throw .ENOTDIR }
    try fileCredentials.check(dentry.inode, .search)
    guard fileCredentials.isPrivileged else { throw .EPERM }
    process.fileSystem.setRoot(dentry)
    return 0
  }
}

/// Directory entries as they go to the program.
struct DirectoryRecords {
  let room: Int
  private(set) var bytes: [UInt8] = []

  init(room: Int) {
    self.room = room
    bytes.reserveCapacity(min(room, 32768))
  }

  mutating func append64(_ entry: DirectoryEntry) -> Bool {
    let length = (19 + entry.name.count + 1 + 7) & ~7
    if bytes.count + length > room { return false }
    put(entry.inode)
    put(entry.next)
    bytes.append(UInt8(truncatingIfNeeded: length))
    bytes.append(UInt8(truncatingIfNeeded: length >> 8))
    bytes.append(entry.type)
    bytes.append(contentsOf: entry.name)
    pad(length - 19 - entry.name.count)
    return true
  }

  mutating func append(_ entry: DirectoryEntry) -> Bool {
    let length = (18 + entry.name.count + 2 + 7) & ~7
    if bytes.count + length > room { return false }
    put(entry.inode)
    put(entry.next)
    bytes.append(UInt8(truncatingIfNeeded: length))
    bytes.append(UInt8(truncatingIfNeeded: length >> 8))
    bytes.append(contentsOf: entry.name)
    pad(length - 18 - entry.name.count)
    bytes[bytes.count - 1] = entry.type
    return true
  }

  private mutating func put(_ value: UInt64) {
    var v = value
    for _ in 0..<8 {
      bytes.append(UInt8(truncatingIfNeeded: v))
      v >>= 8
    }
  }
  private mutating func pad(_ count: Int) {
    for _ in 0..<count { bytes.append(0) }
  }
}
