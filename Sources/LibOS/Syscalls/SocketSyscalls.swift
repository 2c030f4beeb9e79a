import LinuxABI

/// Sockets: not there yet. What a program asks of a descriptor that is no socket is answered as Linux does
/// (bash asks getpeername(2) of its standard input to find out whether it is a network connection).
let socketSyscalls: [Syscall] = [
  Syscall(41, "socket", .refused("no sockets yet: EAFNOSUPPORT")) { (t, a) throws(Errno) in
    throw .EAFNOSUPPORT
  },
  Syscall(53, "socketpair", .refused("no sockets yet: EAFNOSUPPORT")) { (t, a) throws(Errno) in
    throw .EAFNOSUPPORT
  },
  Syscall(42, "connect", .refused("no sockets yet: ENOTSOCK"), notSocket),
  Syscall(43, "accept", .refused("no sockets yet: ENOTSOCK"), notSocket),
  Syscall(44, "sendto", .refused("no sockets yet: ENOTSOCK"), notSocket),
  Syscall(45, "recvfrom", .refused("no sockets yet: ENOTSOCK"), notSocket),
  Syscall(46, "sendmsg", .refused("no sockets yet: ENOTSOCK"), notSocket),
  Syscall(47, "recvmsg", .refused("no sockets yet: ENOTSOCK"), notSocket),
  Syscall(48, "shutdown", .refused("no sockets yet: ENOTSOCK"), notSocket),
  Syscall(49, "bind", .refused("no sockets yet: ENOTSOCK"), notSocket),
  Syscall(50, "listen", .refused("no sockets yet: ENOTSOCK"), notSocket),
  Syscall(51, "getsockname", .refused("no sockets yet: ENOTSOCK"), notSocket),
  Syscall(52, "getpeername", .refused("no sockets yet: ENOTSOCK"), notSocket),
  Syscall(54, "setsockopt", .refused("no sockets yet: ENOTSOCK"), notSocket),
  Syscall(55, "getsockopt", .refused("no sockets yet: ENOTSOCK"), notSocket),
  Syscall(288, "accept4", .refused("no sockets yet: ENOTSOCK"), notSocket),
  Syscall(299, "recvmmsg", .refused("no sockets yet: ENOTSOCK"), notSocket),
  Syscall(307, "sendmmsg", .refused("no sockets yet: ENOTSOCK"), notSocket),
]

/// EBADF for what is not open, ENOTSOCK for everything that is (there are no sockets).
private let notSocket: Syscall.Handler = { (t, a) throws(Errno) in
  _ = try t.process.files.get(a.int32(0))
  throw .ENOTSOCK
}
