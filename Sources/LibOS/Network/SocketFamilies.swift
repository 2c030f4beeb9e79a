import LinuxABI

/// Which sockets there are (socket(2)), with the errnos of those there are not.
enum SocketFamilies {
  static func unixType(_ type: UInt32, _ protocolNumber: Int32) throws(Errno) -> UInt32 {
    guard protocolNumber == 0 || protocolNumber == Int32(AF.UNIX) else { throw .EPROTONOSUPPORT }
    switch type {
    case SOCK.STREAM, SOCK.DGRAM, SOCK.SEQPACKET: return type
    // Linux: "Believe it or not BSD has AF_UNIX, SOCK_RAW though nothing uses it."
    case SOCK.RAW: return SOCK.DGRAM
    default: throw .ESOCKTNOSUPPORT
    }
  }

  static func make(_ family: UInt16, _ type: UInt32, _ protocolNumber: Int32) throws(Errno)
    -> Socket
  {
    switch family {
    case AF.UNIX: return UnixSocket(type: try unixType(type, protocolNumber))
    case AF.INET, AF.INET6:
      switch type {
      case SOCK.STREAM:
        guard protocolNumber == IPPROTO.IP || protocolNumber == IPPROTO.TCP else {
          throw .EPROTONOSUPPORT
        }
        return TCPSocket(family: family)
      case SOCK.DGRAM:
        guard protocolNumber == IPPROTO.IP || protocolNumber == IPPROTO.UDP else {
          throw .EPROTONOSUPPORT
        }
        return UDPSocket(family: family)
      // CAP_NET_RAW is not for payloads.
      case SOCK.RAW: throw protocolNumber == 0 ? .EPROTONOSUPPORT : .EPERM
      default: throw .ESOCKTNOSUPPORT
      }
    case AF.NETLINK:
      guard type == SOCK.RAW || type == SOCK.DGRAM else { throw .ESOCKTNOSUPPORT }
      guard protocolNumber == NetlinkSocket.ROUTE else { throw .EPROTONOSUPPORT }
      return NetlinkSocket(type: type)
    default: throw .EAFNOSUPPORT
    }
  }
}
