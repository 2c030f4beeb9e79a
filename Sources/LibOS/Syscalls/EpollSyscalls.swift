import EnclaveRuntime
import LinuxABI

/// epoll(7).
let epollSyscalls: [Syscall] = [
  Syscall(213, "epoll_create") { (t, a) throws(Errno) in
    guard a.int32(0) > 0 else { throw .EINVAL }
    return try t.sys_epoll_create1(flags: 0)
  },
  Syscall(232, "epoll_wait") { (t, a) throws(Errno) in
    try t.sys_epoll_wait(
      a.int32(0), a[1], most: a.int32(2), deadlineNs: t.deadline(milliseconds: a.int32(3)))
  },
  Syscall(233, "epoll_ctl") { (t, a) throws(Errno) in
    try t.sys_epoll_ctl(a.int32(0), operation: a.int32(1), fd: a.int32(2), event: a[3])
  },
  Syscall(281, "epoll_pwait") { (t, a) throws(Errno) in
    let deadline = t.deadline(milliseconds: a.int32(3))
    return try t.withMask(a[4], size: a[5]) { () throws(Errno) in
      try t.sys_epoll_wait(a.int32(0), a[1], most: a.int32(2), deadlineNs: deadline)
    }
  },
  Syscall(291, "epoll_create1") { (t, a) throws(Errno) in
    try t.sys_epoll_create1(flags: a.uint32(0))
  },
  Syscall(441, "epoll_pwait2") { (t, a) throws(Errno) in
    let deadline = try t.deadline(timespec: a[3])
    return try t.withMask(a[4], size: a[5]) { () throws(Errno) in
      try t.sys_epoll_wait(a.int32(0), a[1], most: a.int32(2), deadlineNs: deadline)
    }
  },
]

extension Task {
  /// `epoll_create1(int flags);`
  func sys_epoll_create1(flags: UInt32) throws(Errno) -> Int {
    let flags = OpenFlags(rawValue: flags)
    guard flags.isSubset(of: .O_CLOEXEC) else { throw .EINVAL }
    return Int(
      try process.files.insert(EpollFile(), closeOnExec: flags.contains(.O_CLOEXEC)))
  }

  /// `epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);`
  func sys_epoll_ctl(_ epfd: Int32, operation: Int32, fd: Int32, event: UInt) throws(Errno) -> Int {
    var events: UInt32 = 0
    var data: UInt64 = 0
    if operation != Epoll.EPOLL_CTL_DEL {
      events = try UserMemory.read(event, as: UInt32.self)
      data = try UserMemory.read(event &+ 4, as: UInt64.self)
    }
    let file = try process.files.get(epfd)
    let target = try process.files.get(fd)
    guard target.canPoll else { throw .EPERM }
    guard file !== target, let epoll = file as? EpollFile else { throw .EINVAL }
    // POLLERR and POLLHUP are always reported.
    events |= PollEvents.POLLERR.rawValue | PollEvents.POLLHUP.rawValue
    switch operation {
    case Epoll.EPOLL_CTL_ADD:
      if events & Epoll.EPOLLEXCLUSIVE != 0 {
        // Only these may go with it (EPOLLEXCLUSIVE_OK_BITS).
        let allowed: UInt32 =
          0x1 | 0x4 | 0x8 | 0x10 | Epoll.EPOLLWAKEUP | Epoll.EPOLLET | Epoll.EPOLLEXCLUSIVE
        guard events & ~allowed == 0, !(target is EpollFile) else { throw .EINVAL }
      }
      if let nested = target as? EpollFile { try epoll.checkNesting(nested) }
      try epoll.instance.add(target, fd, events: events, data: data)
    case Epoll.EPOLL_CTL_MOD:
      if events & Epoll.EPOLLEXCLUSIVE != 0 { throw .EINVAL }
      try epoll.instance.modify(target, fd, events: events, data: data)
    case Epoll.EPOLL_CTL_DEL:
      try epoll.instance.remove(target, fd)
    default: throw .EINVAL
    }
    return 0
  }

  /// `epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout);`
  func sys_epoll_wait(
    _ epfd: Int32, _ address: UInt, most: Int32, deadlineNs: UInt64?
  ) throws(Errno) -> Int {
    // EP_MAX_EVENTS
    guard most > 0, Int(most) <= Int(Int32.max) / Epoll.eventSize else { throw .EINVAL }
    // As access_ok(): a bad address below matters only when there is something to write.
    guard address <= UserMemory.end, UserMemory.end - address >= UInt(most) * UInt(Epoll.eventSize)
    else { throw .EFAULT }
    guard let epoll = try process.files.get(epfd) as? EpollFile else { throw .EINVAL }
    return try epoll.instance.wait(self, address, most: Int(most), deadlineNs: deadlineNs)
  }
}
