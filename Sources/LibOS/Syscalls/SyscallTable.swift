/// Every supported system call, by family. This is the compatibility page: `cloister syscalls` prints it.
enum SyscallTable {
  static var families: [[Syscall]] {
    [
      memorySyscalls,
      openSyscalls, readWriteSyscalls, statSyscalls, directorySyscalls, descriptorSyscalls,
      threadSyscalls, processSyscalls, prctlSyscalls, futexSyscalls, schedulingSyscalls,
      signalSyscalls, signalfdSyscalls, timeSyscalls, timerSyscalls, pollSyscalls, epollSyscalls,
      identitySyscalls, limitSyscalls, systemSyscalls, refusedSyscalls,
      nameSyscalls, attributeSyscalls, fileSystemSyscalls, extendedAttributeSyscalls,
      transferSyscalls, lockSyscalls, inotifySyscalls, socketSyscalls, messageSyscalls,
      socketOptionSyscalls, execSyscalls, pidfdSyscalls,
    ]
  }
}
