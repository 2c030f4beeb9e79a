import EnclaveRuntime
import LinuxABI

/// inotify(7).
let inotifySyscalls: [Syscall] = [
  Syscall(253, "inotify_init") { (t, a) throws(Errno) in try t.sys_inotify_init1(flags: 0) },
  Syscall(294, "inotify_init1") { (t, a) throws(Errno) in
    try t.sys_inotify_init1(flags: a.uint32(0))
  },
  Syscall(254, "inotify_add_watch") { (t, a) throws(Errno) in
    try t.sys_inotify_add_watch(a.int32(0), a.a1, mask: a.uint32(2))
  },
  Syscall(255, "inotify_rm_watch") { (t, a) throws(Errno) in
    try t.sys_inotify_rm_watch(a.int32(0), a.int32(1))
  },
]

extension Task {
  /// `int inotify_init1(int flags);`
  func sys_inotify_init1(flags: UInt32) throws(Errno) -> Int {
    let flags = OpenFlags(rawValue: flags)
    guard flags.isSubset(of: [.O_CLOEXEC, .O_NONBLOCK]) else { throw .EINVAL }
    let file = InotifyFile(flags: flags.intersection(.O_NONBLOCK))
    return Int(try process.files.insert(file, closeOnExec: flags.contains(.O_CLOEXEC)))
  }

  /// `int inotify_add_watch(int fd, const char *pathname, uint32_t mask);`
  ///
  /// - Throws: EACCES unless the file may be read, ENOTDIR with IN_ONLYDIR, EEXIST with IN_MASK_CREATE.
  func sys_inotify_add_watch(_ fd: Int32, _ path: UInt, mask: UInt32) throws(Errno) -> Int {
    let mask = InotifyEvents(rawValue: mask)
    guard !mask.isDisjoint(with: .known) else { throw .EINVAL }
    let file = try process.files.get(fd)
    if mask.isSuperset(of: [.IN_MASK_ADD, .IN_MASK_CREATE]) { throw .EINVAL }
    guard let inotify = file as? InotifyFile else { throw .EINVAL }
    let dentry = try resolve(try UserPath.read(path), follow: !mask.contains(.IN_DONT_FOLLOW))
    if mask.contains(.IN_ONLYDIR) && !dentry.inode.isDirectory { throw .ENOTDIR }
    try fileCredentials.check(dentry.inode, .read)
    return Int(try inotify.queue.watch(dentry.inode, mask))
  }

  /// `int inotify_rm_watch(int fd, int wd);`
  func sys_inotify_rm_watch(_ fd: Int32, _ descriptor: Int32) throws(Errno) -> Int {
    guard let inotify = try process.files.get(fd) as? InotifyFile else { throw .EINVAL }
    try inotify.queue.unwatch(descriptor)
    return 0
  }
}
