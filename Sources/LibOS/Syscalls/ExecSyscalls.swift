import EnclaveRuntime
import LinuxABI

/// execve(2), execveat(2).
let execSyscalls: [Syscall] = [
  Syscall(59, "execve") { (t, a) throws(Errno) in
    try t.sys_execveat(AT.FDCWD, a[0], a[1], a[2], flags: 0)
  },
  Syscall(322, "execveat") { (t, a) throws(Errno) in
    try t.sys_execveat(a.int32(0), a[1], a[2], a[3], flags: a.uint32(4))
  },
]

extension Task {
  /// `int execveat(int dirfd, const char *pathname, char *const argv[], char *const envp[], int flags);`
  ///
  /// - Throws: EINVAL for an unknown flag; ENOENT, EACCES, ELOOP, ENOTDIR as the path has it; ETXTBSY while the file is
  ///   open for writing; ENOEXEC, ELIBBAD for what is no program; E2BIG, EFAULT.
  func sys_execveat(
    _ dirfd: Int32, _ path: UInt, _ argv: UInt, _ envp: UInt, flags: UInt32
  ) throws(Errno) -> Int {
    let name = try UserPath.read(path)
    if name.isEmpty, flags & AT.EMPTY_PATH == 0 { throw .ENOENT }
    guard flags & ~(AT.EMPTY_PATH | AT.SYMLINK_NOFOLLOW) == 0 else { throw .EINVAL }
    let (object, absolute) = try Namespace.openForExec(name, self, at: dirfd, flags: flags)
    var room = ExecArguments.room(stackLimit: process.memory.stackLimit)
    let arguments = try ExecArguments(argv, room: &room)
    let environment = try ExecArguments(envp, room: &room)
    var shown = name
    var isReachable = true
    if dirfd != AT.FDCWD, name.first != 0x2F {
      // What a script's interpreter is given to open (Linux alloc_bprm()).
      shown = [UInt8](staticString: "/dev/fd/")
      shown.append(decimal: Int(dirfd))
      if !name.isEmpty { shown += [0x2F] + name }
      isReachable = try !process.files.closeOnExec(dirfd)
    }
    var request = ExecRequest(
      object: object, path: shown, arguments: arguments.strings, environment: environment.strings)
    // Since Linux 5.18 a program always has a name.
    if request.arguments.isEmpty { request.arguments = [[]] }
    request.executablePath = absolute
    request.isReachable = isReachable
    try request.prepare(self)
    return try execute(request)
  }
}
