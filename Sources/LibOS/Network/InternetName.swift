import HostInterface
import LinuxABI

/// `struct sockaddr_in` and `sockaddr_in6` (ip(7), ipv6(7)), and what addresses mean.
enum InternetName {
  /// - Throws: EINVAL for one that is too short, EAFNOSUPPORT for another family.
  static func parse(_ bytes: [UInt8], family: UInt16) throws(Errno) -> SocketName {
    guard bytes.count >= 2 else { throw .EINVAL }
    let stated = UInt16(bytes[0]) | UInt16(bytes[1]) << 8
    guard bytes.count >= (family == AF.INET ? 16 : 24) else { throw .EINVAL }
    guard stated == family else { throw .EAFNOSUPPORT }
    var name = SocketName()
    name.family = family
    name.port = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    if family == AF.INET {
      name.address.0 = UInt64(bytes.loadLittleEndian32(4))
    } else {
      name.flowInfo = bytes.loadLittleEndian32(4)
      name.address = (bytes.loadLittleEndian64(8), bytes.loadLittleEndian64(16))
      if bytes.count >= 28 { name.scope = bytes.loadLittleEndian32(24) }
    }
    return name
  }

  /// bind(2): AF_UNSPEC is taken for AF_INET when the address is 0.0.0.0.
  static func bindName(_ bytes: [UInt8], family: UInt16) throws(Errno) -> SocketName {
    if family == AF.INET, bytes.count >= 16, bytes[0] == 0, bytes[1] == 0,
      bytes.loadLittleEndian32(4) == 0
    {
      return any(AF.INET, port: UInt16(bytes[2]) << 8 | UInt16(bytes[3]))
    }
    return try parse(bytes, family: family)
  }

  static func bytes(_ name: SocketName) -> [UInt8] {
    var out: [UInt8] = []
    out.append(littleEndian16: name.family)
    out.append(bigEndian16: name.port)
    if name.family == AF.INET {
      out.append(littleEndian32: UInt32(truncatingIfNeeded: name.address.0))
      out.append(littleEndian64: 0)
    } else {
      out.append(littleEndian32: name.flowInfo)
      out.append(littleEndian64: name.address.0)
      out.append(littleEndian64: name.address.1)
      out.append(littleEndian32: name.scope)
    }
    return out
  }

  static func any(_ family: UInt16, port: UInt16 = 0) -> SocketName {
    var name = SocketName()
    name.family = family
    name.port = port
    return name
  }

  static func loopback(_ family: UInt16, port: UInt16) -> SocketName {
    var name = any(family, port: port)
    name.address = family == AF.INET ? (0x0100_007F, 0) : (0, 1 << 56)
    return name
  }
}

extension SocketName {
  /// ::ffff:0:0/96, an IPv4 address in IPv6 (ipv6(7)).
  var isMapped: Bool {
    family == AF.INET6 && address.0 == 0 && UInt32(truncatingIfNeeded: address.1) == 0xFFFF_0000
  }
  var isAny: Bool { address.0 == 0 && (address.1 == 0 || (isMapped && address.1 >> 32 == 0)) }
  /// 127.0.0.0/8, ::1, and 127.0.0.0/8 in IPv6.
  var isLoopback: Bool {
    if family == AF.INET { return address.0 & 0xFF == 127 }
    if isMapped { return address.1 >> 32 & 0xFF == 127 }
    return address.0 == 0 && address.1 == 1 << 56
  }

  /// An IPv4 address in IPv6 as IPv4; others as they are.
  var plain: SocketName {
    guard isMapped else { return self }
    var name = InternetName.any(AF.INET, port: port)
    name.address.0 = address.1 >> 32
    return name
  }

  /// As a socket of `family` sees it.
  func seen(by family: UInt16) -> SocketName {
    if self.family == family { return self }
    if family == AF.INET { return plain }
    var name = InternetName.any(AF.INET6, port: port)
    name.address.1 = 0xFFFF_0000 | address.0 << 32
    return name
  }

  /// Where a connection to it goes: the unspecified address is this machine.
  var destination: SocketName {
    guard isAny else { return self }
    var name = InternetName.loopback(isMapped ? AF.INET : family, port: port)
    name.flowInfo = flowInfo
    return isMapped ? name.seen(by: AF.INET6) : name
  }
}
