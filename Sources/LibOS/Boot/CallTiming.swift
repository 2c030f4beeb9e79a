import EnclaveRuntime
import LinuxABI

/// How a system call's time in the kernel is counted (getrusage(2), ru_stime).
///
/// Reading the clock twice takes as long as the shortest calls: those are not timed, and count for the program.
enum CallTiming: UInt8 {
  case never
  /// Timed when the third argument, a length, is large.
  case whenLong
  /// One in `CallTiming.sample` calls of a thread stands for the others.
  case sampled
  case always

  static let sample: UInt8 = 16
  static let longCount: UInt = 16 << 10

  static func of(_ number: Int) -> CallTiming {
    switch number {
    // getpid, sched_yield, getuid ... getegid, getppid, gettid, time, clock_gettime, gettimeofday, getcpu, futex, poll,
    // select, epoll_*, rt_sig*, kill, tkill, tgkill, exits and execve (which do not come back as they went)
    case 39, 24, 102, 104, 107, 108, 110, 186, 201, 228, 96, 309, 202, 7, 23, 232, 233, 281, 13, 14,
      15,
      62, 200, 234, 60, 231, 59, 322:
      return .never
    // read, write, pread64, pwrite64, sendto, recvfrom
    case 0, 1, 17, 18, 44, 45: return .whenLong
    // mmap, mprotect, munmap, mremap, msync, madvise, clone, fork, vfork, fsync, fdatasync, getdents64, sendfile,
    // readv, writev, preadv, pwritev, splice, copy_file_range, getrandom, clone3
    case 9, 10, 11, 25, 26, 28, 56, 57, 58, 74, 75, 217, 40, 19, 20, 295, 296, 275, 326, 318, 435:
      return .always
    default: return .sampled
    }
  }

  /// Makes the call and adds what it took to the thread's time in the kernel.
  func call(
    _ handler: Syscall.Handler, _ task: Task, _ arguments: SyscallArguments
  ) throws(Errno) -> Int {
    var weight: UInt64 = 1
    switch self {
    case .never: return try handler(task, arguments)
    case .whenLong:
      if arguments[2] < Self.longCount { return try handler(task, arguments) }
    case .sampled:
      task.untimedCalls &+= 1
      if task.untimedCalls < Self.sample { return try handler(task, arguments) }
      task.untimedCalls = 0
      weight = UInt64(Self.sample)
    case .always: break
    }
    let entry = task.cpuTime.enterKernel()
    defer { task.cpuTime.leaveKernel(entry, weight: weight) }
    return try handler(task, arguments)
  }
}
