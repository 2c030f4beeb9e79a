import EnclaveRuntime
import LinuxABI

let openSyscalls: [Syscall] = [
  Syscall(2, "open") { (t, a) throws(Errno) in
    try t.sys_openat(AT.FDCWD, a.a0, flags: a.uint32(1), mode: a.uint32(2))
  },
  Syscall(257, "openat") { (t, a) throws(Errno) in
    try t.sys_openat(a.int32(0), a.a1, flags: a.uint32(2), mode: a.uint32(3))
  },
  Syscall(437, "openat2") { (t, a) throws(Errno) in
    try t.sys_openat2(a.int32(0), a.a1, how: a.a2, size: a.int(3))
  },
  Syscall(85, "creat") { (t, a) throws(Errno) in
    let flags: OpenFlags = [.O_CREAT, .O_WRONLY, .O_TRUNC]
    return try t.sys_openat(AT.FDCWD, a.a0, flags: flags.rawValue, mode: a.uint32(1))
  },
  Syscall(3, "close") { (t, a) throws(Errno) in try t.sys_close(a.int32(0)) },
  Syscall(436, "close_range", .partial("CLOSE_RANGE_UNSHARE: for all threads of the process")) {
    (t, a) throws(Errno) in
    try t.sys_close_range(first: a.uint32(0), last: a.uint32(1), flags: a.uint32(2))
  },
]

extension Task {
  /// open(2), openat(2). Unknown flags are ignored, as they always were.
  func sys_openat(_ dirfd: Int32, _ path: UInt, flags: UInt32, mode: UInt32) throws(Errno) -> Int {
    var flags = OpenFlags(rawValue: flags).intersection(.all)
    if flags.contains(.O_PATH) {
      flags = flags.intersection([.O_PATH, .O_DIRECTORY, .O_NOFOLLOW, .O_CLOEXEC])
    }
    if flags.contains(.__O_TMPFILE) {
      // O_TMPFILE is __O_TMPFILE | O_DIRECTORY, and needs write access.
      guard flags.contains(.O_DIRECTORY), !flags.contains(.O_CREAT), flags.isWritable else {
        throw .EINVAL
      }
    } else if flags.contains(.O_CREAT) && flags.contains(.O_DIRECTORY) {
      throw .EINVAL
    }
    flags.insert(.O_LARGEFILE)
    if flags.contains(.O_PATH) { flags.remove(.O_LARGEFILE) }
    return try openDescriptor(dirfd, try UserPath.read(path), flags, mode & 0o7777, [])
  }

  func openDescriptor(
    _ dirfd: Int32, _ path: [UInt8], _ flags: OpenFlags, _ mode: UInt32, _ resolve: ResolveFlags
  ) throws(Errno) -> Int {
    let base = try base(dirfd, for: resolve.isEmpty ? path : [0x2E])
    let file = try openFile(path, base: base, flags: flags, mode: mode, resolve: resolve)
    let fd = try process.files.insert(file, closeOnExec: flags.contains(.O_CLOEXEC))
    return Int(fd)
  }

  /// openat2(2): `struct open_how { u64 flags, mode, resolve }`, extensible.
  func sys_openat2(_ dirfd: Int32, _ path: UInt, how: UInt, size: Int) throws(Errno) -> Int {
    guard size >= 24 else { throw .EINVAL }
    guard size <= 4096 else { throw .E2BIG }
    let bytes = try UserMemory.readBytes(how, count: size)
    for i in 24..<max(24, size) where bytes[i] != 0 { throw .E2BIG }
    let rawFlags = bytes.loadLittleEndian64(0)
    let mode = bytes.loadLittleEndian64(8)
    let resolve = ResolveFlags(rawValue: bytes.loadLittleEndian64(16))
    guard rawFlags & ~UInt64(OpenFlags.all.rawValue) == 0, resolve.isSubset(of: .all) else {
      throw .EINVAL
    }
    var flags = OpenFlags(rawValue: UInt32(rawFlags))
    if resolve.isSuperset(of: [.RESOLVE_BENEATH, .RESOLVE_IN_ROOT]) { throw .EINVAL }
    let mayCreate = flags.contains(.O_CREAT) || flags.contains(.__O_TMPFILE)
    guard mode & ~0o7777 == 0, mayCreate || mode == 0 else { throw .EINVAL }
    if flags.contains(.__O_TMPFILE) {
      guard flags.contains(.O_DIRECTORY), !flags.contains(.O_CREAT), flags.isWritable else {
        throw .EINVAL
      }
    } else if flags.contains(.O_CREAT) && flags.contains(.O_DIRECTORY) {
      throw .EINVAL
    }
    if flags.contains(.O_PATH),
      !flags.subtracting([.O_PATH, .O_DIRECTORY, .O_NOFOLLOW, .O_CLOEXEC]).isEmpty
    {
      throw .EINVAL
    }
    if resolve.contains(.RESOLVE_CACHED) {
      if !flags.isDisjoint(with: [.O_TRUNC, .O_CREAT, .__O_TMPFILE]) { throw .EAGAIN }
    }
    if !flags.contains(.O_PATH) { flags.insert(.O_LARGEFILE) }
    return try openDescriptor(
      dirfd, try UserPath.read(path), flags, UInt32(mode), resolve)
  }

  func sys_close(_ fd: Int32) throws(Errno) -> Int {
    let file = try process.files.remove(fd)
    file.descriptorClosed(in: process.files)
    return 0
  }

  /// close_range(2).
  func sys_close_range(first: UInt32, last: UInt32, flags: UInt32) throws(Errno) -> Int {
    let CLOSE_RANGE_UNSHARE: UInt32 = 2
    let CLOSE_RANGE_CLOEXEC: UInt32 = 4
    guard flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) == 0, first <= last else {
      throw .EINVAL
    }
    if flags & CLOSE_RANGE_UNSHARE != 0 { process.files = FileTable(copying: process.files) }
    if flags & CLOSE_RANGE_CLOEXEC != 0 {
      process.files.setCloseOnExec(from: Int(first), through: Int(last))
    } else {
      for file in process.files.removeAll(from: Int(first), through: Int(last)) {
        file.descriptorClosed(in: process.files)
      }
    }
    return 0
  }
}
