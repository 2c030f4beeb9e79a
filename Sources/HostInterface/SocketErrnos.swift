import LinuxABI

/// The errnos that are believed of a call on sockets; both sides use it. Any other becomes EIO.
public enum SocketErrnos {
  public static func allows(_ call: HostCall, _ errno: Errno) -> Bool {
    switch call {
    case .socket:
      switch errno {
      case .EMFILE, .ENFILE, .ENOBUFS, .ENOMEM, .EAFNOSUPPORT, .EACCES: true
      default: false
      }
    case .bind, .listen:
      switch errno {
      case .EACCES, .EADDRINUSE, .EADDRNOTAVAIL, .EINVAL, .ENODEV, .ENOMEM, .ENOBUFS, .EAGAIN: true
      default: false
      }
    case .accept:
      switch errno {
      case .EAGAIN, .ECONNABORTED, .EMFILE, .ENFILE, .ENOBUFS, .ENOMEM, .EINVAL, .EPERM, .EPROTO:
        true
      default: isOfTheNetwork(errno)
      }
    case .connect:
      switch errno {
      case .EINPROGRESS, .EALREADY, .EISCONN, .EADDRINUSE, .EADDRNOTAVAIL, .EAFNOSUPPORT, .EACCES,
        .EPERM, .EINVAL, .EAGAIN, .ECONNABORTED, .ENOMEM, .ENOBUFS, .ENODEV:
        true
      default: isOfTheNetwork(errno)
      }
    case .setOption:
      switch errno {
      case .EINVAL, .ENOPROTOOPT, .EPERM, .EACCES, .ENOMEM, .ENOBUFS, .EDOM, .EISCONN, .EBUSY: true
      default: false
      }
    case .shutdown: errno == .ENOTCONN || errno == .EINVAL
    case .streamRead:
      switch errno {
      case .EINTR, .EAGAIN, .EIO, .ENOTCONN, .EINVAL, .EPIPE, .ENOMEM, .ENOBUFS, .EMSGSIZE: true
      default: isOfTheNetwork(errno)
      }
    case .streamWrite:
      switch errno {
      case .EINTR, .EAGAIN, .EIO, .EPIPE, .EDESTADDRREQ, .EMSGSIZE, .ENOTCONN, .EISCONN, .EACCES,
        .EPERM, .ENOBUFS, .ENOMEM, .EINVAL, .EAFNOSUPPORT, .EADDRNOTAVAIL, .ENODEV:
        true
      default: isOfTheNetwork(errno)
      }
    default: false
    }
  }

  /// What the network tells of a connection or a datagram (ip(7), ERRORS; also through SO_ERROR).
  public static func isOfTheNetwork(_ errno: Errno) -> Bool {
    switch errno {
    case .ECONNREFUSED, .ECONNRESET, .ETIMEDOUT, .EHOSTUNREACH, .ENETUNREACH, .ENETDOWN,
      .EHOSTDOWN, .ENOPROTOOPT, .EOPNOTSUPP, .EPROTO, .EPIPE:
      true
    default: false
    }
  }
}
