/// Address families of socket(2) (linux/socket.h).
public enum AF {
  public static let UNSPEC: UInt16 = 0
  public static let UNIX: UInt16 = 1
  public static let INET: UInt16 = 2
  public static let INET6: UInt16 = 10
  public static let NETLINK: UInt16 = 16
  /// No family has this number or a higher one (AF_MAX).
  public static let MAX: Int32 = 46
}

/// Types of socket(2), and the flags that may be mixed in.
public enum SOCK {
  public static let STREAM: UInt32 = 1
  public static let DGRAM: UInt32 = 2
  public static let RAW: UInt32 = 3
  public static let SEQPACKET: UInt32 = 5
  public static let typeMask: UInt32 = 0xF
  /// The same bits as O_NONBLOCK and O_CLOEXEC.
  public static let NONBLOCK: UInt32 = 0x800
  public static let CLOEXEC: UInt32 = 0x80000
}

/// Protocols of ip(7).
public enum IPPROTO {
  public static let IP: Int32 = 0
  public static let TCP: Int32 = 6
  public static let UDP: Int32 = 17
  public static let IPV6: Int32 = 41
}

/// Levels and options of setsockopt(2) (socket(7), ip(7), ipv6(7), tcp(7)).
public enum SocketOption {
  public static let SOL_SOCKET: Int32 = 1
  public static let SOL_IP: Int32 = 0
  public static let SOL_TCP: Int32 = 6
  public static let SOL_UDP: Int32 = 17
  public static let SOL_IPV6: Int32 = 41
  public static let SOL_NETLINK: Int32 = 270

  public static let SO_DEBUG: Int32 = 1
  public static let SO_REUSEADDR: Int32 = 2
  public static let SO_TYPE: Int32 = 3
  public static let SO_ERROR: Int32 = 4
  public static let SO_DONTROUTE: Int32 = 5
  public static let SO_BROADCAST: Int32 = 6
  public static let SO_SNDBUF: Int32 = 7
  public static let SO_RCVBUF: Int32 = 8
  public static let SO_KEEPALIVE: Int32 = 9
  public static let SO_OOBINLINE: Int32 = 10
  public static let SO_PRIORITY: Int32 = 12
  public static let SO_LINGER: Int32 = 13
  public static let SO_REUSEPORT: Int32 = 15
  public static let SO_PASSCRED: Int32 = 16
  public static let SO_PEERCRED: Int32 = 17
  public static let SO_RCVLOWAT: Int32 = 18
  public static let SO_SNDLOWAT: Int32 = 19
  public static let SO_RCVTIMEO: Int32 = 20
  public static let SO_SNDTIMEO: Int32 = 21
  public static let SO_BINDTODEVICE: Int32 = 25
  public static let SO_TIMESTAMP: Int32 = 29
  public static let SO_ACCEPTCONN: Int32 = 30
  public static let SO_PEERSEC: Int32 = 31
  public static let SO_SNDBUFFORCE: Int32 = 32
  public static let SO_RCVBUFFORCE: Int32 = 33
  public static let SO_MARK: Int32 = 36
  public static let SO_PROTOCOL: Int32 = 38
  public static let SO_DOMAIN: Int32 = 39
  public static let SO_PEEK_OFF: Int32 = 42
  public static let SO_PEERGROUPS: Int32 = 59

  public static let TCP_NODELAY: Int32 = 1
  public static let TCP_MAXSEG: Int32 = 2
  public static let TCP_CORK: Int32 = 3
  public static let TCP_KEEPIDLE: Int32 = 4
  public static let TCP_KEEPINTVL: Int32 = 5
  public static let TCP_KEEPCNT: Int32 = 6
  public static let TCP_SYNCNT: Int32 = 7
  public static let TCP_LINGER2: Int32 = 8
  public static let TCP_DEFER_ACCEPT: Int32 = 9
  public static let TCP_INFO: Int32 = 11
  public static let TCP_QUICKACK: Int32 = 12
  public static let TCP_FASTOPEN: Int32 = 23
  public static let TCP_USER_TIMEOUT: Int32 = 18

  public static let IP_TOS: Int32 = 1
  public static let IP_TTL: Int32 = 2
  public static let IP_RECVERR: Int32 = 11
  public static let IP_MULTICAST_TTL: Int32 = 33
  public static let IP_MULTICAST_LOOP: Int32 = 34
  public static let IP_MTU_DISCOVER: Int32 = 10

  public static let IPV6_UNICAST_HOPS: Int32 = 16
  public static let IPV6_MULTICAST_HOPS: Int32 = 18
  public static let IPV6_MULTICAST_LOOP: Int32 = 19
  public static let IPV6_MTU_DISCOVER: Int32 = 23
  public static let IPV6_RECVERR: Int32 = 25
  public static let IPV6_V6ONLY: Int32 = 26
  public static let IPV6_TCLASS: Int32 = 67
}

/// Flags of send(2) and recv(2).
public struct MessageFlags: OptionSet, Sendable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  public static var MSG_OOB: MessageFlags { MessageFlags(rawValue: 1) }
  public static var MSG_PEEK: MessageFlags { MessageFlags(rawValue: 2) }
  public static var MSG_DONTROUTE: MessageFlags { MessageFlags(rawValue: 4) }
  public static var MSG_CTRUNC: MessageFlags { MessageFlags(rawValue: 8) }
  public static var MSG_TRUNC: MessageFlags { MessageFlags(rawValue: 0x20) }
  public static var MSG_DONTWAIT: MessageFlags { MessageFlags(rawValue: 0x40) }
  public static var MSG_EOR: MessageFlags { MessageFlags(rawValue: 0x80) }
  public static var MSG_WAITALL: MessageFlags { MessageFlags(rawValue: 0x100) }
  public static var MSG_ERRQUEUE: MessageFlags { MessageFlags(rawValue: 0x2000) }
  public static var MSG_NOSIGNAL: MessageFlags { MessageFlags(rawValue: 0x4000) }
  public static var MSG_MORE: MessageFlags { MessageFlags(rawValue: 0x8000) }
  public static var MSG_WAITFORONE: MessageFlags { MessageFlags(rawValue: 0x10000) }
  public static var MSG_CMSG_CLOEXEC: MessageFlags { MessageFlags(rawValue: 0x4000_0000) }
}

/// shutdown(2).
public enum SHUT {
  public static let RD: Int32 = 0
  public static let WR: Int32 = 1
  public static let RDWR: Int32 = 2
}

/// Types of ancillary data at level SOL_SOCKET (unix(7), cmsg(3)).
public enum SCM {
  public static let RIGHTS: Int32 = 1
  public static let CREDENTIALS: Int32 = 2
  /// Linux passes at most this many descriptors in one message (SCM_MAX_FD).
  public static let largestRightsCount = 253
}

/// `struct msghdr` of sendmsg(2) on x86-64.
public struct MessageHeader: Sendable, BitwiseCopyable {
  public var name: UInt = 0
  public var nameLength: Int32 = 0
  public var padding: Int32 = 0
  public var vector: UInt = 0
  public var vectorCount: UInt = 0
  public var control: UInt = 0
  public var controlLength: UInt = 0
  public var flags: UInt32 = 0
  public var padding2: UInt32 = 0
  public init() {}
  public static let size = 56
  /// In `struct mmsghdr` (sendmmsg(2)) `msg_len` follows.
  public static let vectorSize = 64
}

/// `struct ucred` of unix(7), SO_PEERCRED and SCM_CREDENTIALS.
public struct SocketCredentials: Sendable, BitwiseCopyable, Equatable {
  public var pid: Int32 = 0
  public var uid: UInt32 = 0
  public var gid: UInt32 = 0
  public init() {}
  public init(pid: Int32, uid: UInt32, gid: UInt32) {
    self.pid = pid
    self.uid = uid
    self.gid = gid
  }
}

/// `struct linger` of socket(7), SO_LINGER.
public struct Linger: Sendable, BitwiseCopyable {
  public var onOff: Int32 = 0
  public var seconds: Int32 = 0
  public init() {}
}

/// Requests of ioctl(2) on sockets (linux/sockios.h, netdevice(7)).
public enum SocketIoctl {
  public static let SIOCATMARK: UInt32 = 0x8905
  public static let SIOCGIFNAME: UInt32 = 0x8910
  public static let SIOCGIFCONF: UInt32 = 0x8912
  public static let SIOCGIFFLAGS: UInt32 = 0x8913
  public static let SIOCGIFADDR: UInt32 = 0x8915
  public static let SIOCGIFNETMASK: UInt32 = 0x891B
  public static let SIOCGIFMTU: UInt32 = 0x8921
  public static let SIOCGIFHWADDR: UInt32 = 0x8927
  public static let SIOCGIFINDEX: UInt32 = 0x8933
}
