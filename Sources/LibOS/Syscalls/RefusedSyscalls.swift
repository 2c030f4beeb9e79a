import LinuxABI

/// Calls that answer with an errno on purpose, as an unprivileged container's do.
let refusedSyscalls: [Syscall] = [
  Syscall(101, "ptrace", .refused("one program may not look into another")) {
    (_, _) throws(Errno) in throw .EPERM
  },
  Syscall(103, "syslog", .refused("no kernel log for programs")) {
    (_, _) throws(Errno) in throw .EPERM
  },
  Syscall(136, "ustat", .refused("obsolete")) { (_, _) throws(Errno) in throw .EINVAL },
  Syscall(139, "sysfs", .refused("obsolete")) { (_, _) throws(Errno) in throw .ENOSYS },
  Syscall(153, "vhangup", .refused("needs CAP_SYS_TTY_CONFIG")) {
    (_, _) throws(Errno) in throw .EPERM
  },
  Syscall(154, "modify_ldt", .refused("an enclave has no LDT")) {
    (_, _) throws(Errno) in throw .ENOSYS
  },
  Syscall(163, "acct", .refused("needs CAP_SYS_PACCT")) { (_, _) throws(Errno) in throw .EPERM },
  Syscall(167, "swapon", .refused("needs CAP_SYS_ADMIN")) { (_, _) throws(Errno) in throw .EPERM },
  Syscall(168, "swapoff", .refused("needs CAP_SYS_ADMIN")) { (_, _) throws(Errno) in throw .EPERM },
  Syscall(169, "reboot", .refused("needs CAP_SYS_BOOT")) { (_, _) throws(Errno) in throw .EPERM },
  Syscall(170, "sethostname", .refused("needs CAP_SYS_ADMIN")) {
    (_, _) throws(Errno) in throw .EPERM
  },
  Syscall(171, "setdomainname", .refused("needs CAP_SYS_ADMIN")) {
    (_, _) throws(Errno) in throw .EPERM
  },
  Syscall(172, "iopl", .refused("no port I/O in an enclave")) { (_, _) throws(Errno) in throw .EPERM
  },
  Syscall(173, "ioperm", .refused("no port I/O in an enclave")) {
    (_, _) throws(Errno) in throw .EPERM
  },
  Syscall(175, "init_module", .refused("no modules")) { (_, _) throws(Errno) in throw .EPERM },
  Syscall(176, "delete_module", .refused("no modules")) { (_, _) throws(Errno) in throw .EPERM },
  Syscall(205, "set_thread_area", .refused("32-bit only")) { (_, _) throws(Errno) in throw .ENOSYS
  },
  Syscall(211, "get_thread_area", .refused("32-bit only")) { (_, _) throws(Errno) in throw .ENOSYS
  },
  Syscall(246, "kexec_load", .refused("needs CAP_SYS_BOOT")) {
    (_, _) throws(Errno) in throw .EPERM
  },
  Syscall(248, "add_key", .refused("no key rings")) { (_, _) throws(Errno) in throw .EPERM },
  Syscall(249, "request_key", .refused("no key rings")) { (_, _) throws(Errno) in throw .EPERM },
  Syscall(250, "keyctl", .refused("no key rings")) { (_, _) throws(Errno) in throw .EPERM },
  Syscall(256, "migrate_pages", .refused("one memory node")) { (_, _) throws(Errno) in throw .EPERM
  },
  Syscall(272, "unshare", .refused("needs CAP_SYS_ADMIN")) { (t, a) throws(Errno) in
    // What a thread shares with others of its process cannot be unshared here; nothing to do is fine.
    if a[0] == 0 { return 0 }
    // CLONE_NEW*, VM, FS, FILES, SIGHAND, THREAD, SYSVSEM.
    guard a[0] & ~0x7E07_0F80 == 0 else { throw .EINVAL }
    throw .EPERM
  },
  Syscall(279, "move_pages", .refused("one memory node")) { (_, _) throws(Errno) in throw .EPERM },
  Syscall(298, "perf_event_open", .refused("the counters are the host's")) {
    (_, _) throws(Errno) in throw .EPERM
  },
  Syscall(300, "fanotify_init", .refused("needs CAP_SYS_ADMIN")) {
    (_, _) throws(Errno) in throw .EPERM
  },
  Syscall(308, "setns", .refused("needs CAP_SYS_ADMIN")) { (_, _) throws(Errno) in throw .EPERM },
  Syscall(312, "kcmp", .refused("one program may not look into another")) {
    (_, _) throws(Errno) in throw .EPERM
  },
  Syscall(313, "finit_module", .refused("no modules")) { (_, _) throws(Errno) in throw .EPERM },
  Syscall(317, "seccomp", .refused("system calls never reach a kernel that could filter them")) {
    (_, a) throws(Errno) in
    // SECCOMP_GET_ACTION_AVAIL: no action is.
    throw a.uint32(0) == 2 ? .EOPNOTSUPP : .EINVAL
  },
  Syscall(320, "kexec_file_load", .refused("needs CAP_SYS_BOOT")) {
    (_, _) throws(Errno) in throw .EPERM
  },
  Syscall(321, "bpf", .refused("the program would run in the host kernel")) {
    (_, _) throws(Errno) in throw .EPERM
  },
  Syscall(323, "userfaultfd", .refused("needs CAP_SYS_PTRACE")) {
    (_, _) throws(Errno) in throw .EPERM
  },
  Syscall(425, "io_uring_setup", .refused("its rings need a kernel thread that shares user memory"))
  {
    (_, _) throws(Errno) in throw .ENOSYS
  },
  Syscall(426, "io_uring_enter", .refused("no rings")) { (_, _) throws(Errno) in throw .ENOSYS },
  Syscall(427, "io_uring_register", .refused("no rings")) { (_, _) throws(Errno) in throw .ENOSYS },
]
