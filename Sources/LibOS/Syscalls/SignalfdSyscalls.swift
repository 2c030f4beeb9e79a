import EnclaveRuntime
import LinuxABI

/// signalfd(2)
let signalfdSyscalls: [Syscall] = [
  Syscall(282, "signalfd") { (t, a) throws(Errno) in
    try t.sys_signalfd4(a.int32(0), mask: a[1], size: a[2], flags: 0)
  },
  Syscall(289, "signalfd4") { (t, a) throws(Errno) in
    try t.sys_signalfd4(a.int32(0), mask: a[1], size: a[2], flags: a.uint32(3))
  },
]

extension Task {
  /// `signalfd(int fd, const sigset_t *mask, size_t sizemask, int flags);` -1 makes a new descriptor.
  func sys_signalfd4(_ fd: Int32, mask: UInt, size: UInt, flags: UInt32) throws(Errno) -> Int {
    try checkSetSize(size)
    let set = try UserMemory.read(mask, as: SignalSet.self).subtracting(.unblockable)
    let flags = OpenFlags(rawValue: flags)
    guard flags.isSubset(of: [.O_NONBLOCK, .O_CLOEXEC]) else { throw .EINVAL }
    if fd == -1 {
      let file = Signalfd(set, process, flags: flags.union(.O_RDWR))
      return Int(try process.files.insert(file, closeOnExec: flags.contains(.O_CLOEXEC)))
    }
    guard let file = try process.files.get(fd) as? Signalfd else { throw .EINVAL }
    file.setMask(set)
    return Int(fd)
  }
}
