import EnclaveRuntime
import LinuxABI

let descriptorSyscalls: [Syscall] = [
  Syscall(32, "dup") { (t, a) throws(Errno) in try t.sys_dup(a.int32(0)) },
  Syscall(33, "dup2") { (t, a) throws(Errno) in try t.sys_dup2(a.int32(0), a.int32(1)) },
  Syscall(292, "dup3") { (t, a) throws(Errno) in
    try t.sys_dup3(a.int32(0), a.int32(1), flags: a.uint32(2))
  },
  Syscall(72, "fcntl", .partial("O_ASYNC: no signals for the host's own streams")) {
    (t, a) throws(Errno) in
    try t.sys_fcntl(a.int32(0), command: a.uint32(1), a.a2)
  },
  Syscall(16, "ioctl") { (t, a) throws(Errno) in
    try t.sys_ioctl(a.int32(0), a.uint32(1), a.a2)
  },
  Syscall(22, "pipe") { (t, a) throws(Errno) in try t.sys_pipe2(a.a0, flags: 0) },
  Syscall(293, "pipe2") { (t, a) throws(Errno) in try t.sys_pipe2(a.a0, flags: a.uint32(1)) },
]

extension Task {
  func sys_dup(_ fd: Int32) throws(Errno) -> Int {
    let file = try process.files.get(fd, path: true)
    return Int(try process.files.insert(file, closeOnExec: false))
  }

  func sys_dup2(_ old: Int32, _ new: Int32) throws(Errno) -> Int {
    let file = try process.files.get(old, path: true)
    if old == new { return Int(new) }
    try process.files.replace(new, with: file, closeOnExec: false)
    return Int(new)
  }

  func sys_dup3(_ old: Int32, _ new: Int32, flags: UInt32) throws(Errno) -> Int {
    let flags = OpenFlags(rawValue: flags)
    guard flags.isSubset(of: .O_CLOEXEC), old != new else { throw .EINVAL }
    let file = try process.files.get(old, path: true)
    try process.files.replace(new, with: file, closeOnExec: flags.contains(.O_CLOEXEC))
    return Int(new)
  }

  func sys_pipe2(_ address: UInt, flags: UInt32) throws(Errno) -> Int {
    let flags = OpenFlags(rawValue: flags)
    // O_NOTIFICATION_PIPE (O_EXCL) is ENOPKG on a kernel without watch queues.
    guard flags.isSubset(of: [.O_CLOEXEC, .O_NONBLOCK, .O_DIRECT]) else { throw .EINVAL }
    let (reader, writer) = PipeEnd.makePair(flags: flags, self)
    let files = process.files
    let closeOnExec = flags.contains(.O_CLOEXEC)
    let first = try files.insert(reader, closeOnExec: closeOnExec)
    let second: Int32
    do throws(Errno) { second = try files.insert(writer, closeOnExec: closeOnExec) } catch {
      _ = try files.remove(first)
      throw error
    }
    do throws(Errno) {
      try UserMemory.write(
        UInt64(UInt32(bitPattern: first)) | UInt64(UInt32(bitPattern: second)) << 32, to: address)
    } catch {
      _ = try files.remove(first)
      _ = try files.remove(second)
      throw error
    }
    return 0
  }

  /// fcntl(2).
  func sys_fcntl(_ fd: Int32, command: UInt32, _ argument: UInt) throws(Errno) -> Int {
    let files = process.files
    let file = try files.get(fd, path: true)
    if file.isPath {
      // What O_PATH descriptors still can (open(2)).
      switch command {
      case Fcntl.F_DUPFD, Fcntl.F_DUPFD_CLOEXEC, Fcntl.F_GETFD, Fcntl.F_SETFD, Fcntl.F_GETFL: break
      default: throw .EBADF
      }
    }
    switch command {
    case Fcntl.F_DUPFD, Fcntl.F_DUPFD_CLOEXEC:
      guard argument < UInt(files.limit) else { throw .EINVAL }
      return Int(
        try files.insert(
          file, closeOnExec: command == Fcntl.F_DUPFD_CLOEXEC, minimum: Int(argument)))
    case Fcntl.F_GETFD: return try files.closeOnExec(fd) ? 1 : 0
    case Fcntl.F_SETFD:
      try files.setCloseOnExec(fd, argument & 1 != 0)
      return 0
    case Fcntl.F_GETFL: return Int(file.statusFlags.rawValue)
    case Fcntl.F_SETFL:
      let flags = OpenFlags(rawValue: UInt32(truncatingIfNeeded: argument))
      if flags.contains(.O_NOATIME) && !file.statusFlags.contains(.O_NOATIME)
        && !fileCredentials.owns(file.inode)
      {
        throw .EPERM
      }
      let wasAsync = file.statusFlags.contains(.O_ASYNC)
      file.changeStatusFlags(flags)
      if flags.contains(.O_ASYNC) != wasAsync { file.setAsync(!wasAsync, fd: fd) }
      return 0
    default: return try file.control(self, fd, command, argument)
    }
  }

  /// ioctl(2): what every file knows, then the file's own.
  func sys_ioctl(_ fd: Int32, _ request: UInt32, _ argument: UInt) throws(Errno) -> Int {
    let file = try process.files.get(fd)
    switch request {
    case Ioctl.FIOCLEX: try process.files.setCloseOnExec(fd, true)
    case Ioctl.FIONCLEX: try process.files.setCloseOnExec(fd, false)
    case Ioctl.FIONBIO, Ioctl.FIOASYNC:
      let on = try UserMemory.read(argument, as: Int32.self) != 0
      let flag: OpenFlags = request == Ioctl.FIONBIO ? .O_NONBLOCK : .O_ASYNC
      file.changeStatusFlags(
        on ? file.statusFlags.union(flag) : file.statusFlags.subtracting(flag))
      if flag == .O_ASYNC { file.setAsync(on, fd: fd) }
    case Ioctl.FIOQSIZE:
      guard file.inode.isRegular || file.inode.isDirectory || file.inode.isSymlink else {
        throw .ENOTTY
      }
      try UserMemory.write(file.inode.size, to: argument)
    case Ioctl.FIONREAD where file.inode.isRegular:
      let size = Int(file.inode.size)
      try UserMemory.write(Int32(truncatingIfNeeded: size - Int(file.offset)), to: argument)
    case Ioctl.FICLONE, Ioctl.FICLONERANGE: throw .EOPNOTSUPP
    default: return try file.ioctl(self, request, argument)
    }
    return 0
  }
}

/// Commands of fcntl(2).
enum Fcntl {
  static var F_DUPFD: UInt32 { 0 }
  static var F_GETFD: UInt32 { 1 }
  static var F_SETFD: UInt32 { 2 }
  static var F_GETFL: UInt32 { 3 }
  static var F_SETFL: UInt32 { 4 }
  static var F_GETLK: UInt32 { 5 }
  static var F_SETLK: UInt32 { 6 }
  static var F_SETLKW: UInt32 { 7 }
  static var F_SETOWN: UInt32 { 8 }
  static var F_GETOWN: UInt32 { 9 }
  static var F_SETSIG: UInt32 { 10 }
  static var F_GETSIG: UInt32 { 11 }
  static var F_SETOWN_EX: UInt32 { 15 }
  static var F_GETOWN_EX: UInt32 { 16 }
  static var F_OFD_GETLK: UInt32 { 36 }
  static var F_OFD_SETLK: UInt32 { 37 }
  static var F_OFD_SETLKW: UInt32 { 38 }
  static var F_SETLEASE: UInt32 { 1024 }
  static var F_GETLEASE: UInt32 { 1025 }
  static var F_NOTIFY: UInt32 { 1026 }
  static var F_DUPFD_QUERY: UInt32 { 1027 }
  static var F_CREATED_QUERY: UInt32 { 1028 }
  static var F_DUPFD_CLOEXEC: UInt32 { 1030 }
  static var F_SETPIPE_SZ: UInt32 { 1031 }
  static var F_GETPIPE_SZ: UInt32 { 1032 }
  static var F_ADD_SEALS: UInt32 { 1033 }
  static var F_GET_SEALS: UInt32 { 1034 }
  static var F_GET_RW_HINT: UInt32 { 1035 }
  static var F_SET_RW_HINT: UInt32 { 1036 }
}
