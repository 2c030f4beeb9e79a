import EnclaveRuntime
import LinuxABI

/// Options at level SOL_SOCKET (socket(7)), of every family.
enum SocketLevelOptions {
  /// net.core.wmem_max and rmem_max of a machine as it comes.
  private static let largestBuffer: Int32 = 212_992

  static func set(_ socket: Socket, _ name: Int32, _ address: UInt, _ length: Int32) throws(Errno) {
    typealias O = SocketOption
    if name == O.SO_BINDTODEVICE { throw .EPERM }
    guard length >= 4 else { throw .EINVAL }
    let value = try UserMemory.read(address, as: Int32.self)
    switch name {
    case O.SO_REUSEADDR, O.SO_REUSEPORT, O.SO_KEEPALIVE, O.SO_BROADCAST, O.SO_OOBINLINE,
      O.SO_DONTROUTE, O.SO_PASSCRED, O.SO_DEBUG, O.SO_TIMESTAMP:
      if name == O.SO_REUSEPORT, socket.family == AF.UNIX, value != 0 { throw .EOPNOTSUPP }
      if name == O.SO_PASSCRED, socket.family != AF.UNIX { throw .EOPNOTSUPP }
      if name == O.SO_TIMESTAMP, value != 0 { throw .ENOPROTOOPT }
      socket.lock.withLock { socket.options.set(O.SOL_SOCKET, name, value != 0 ? 1 : 0) }
      try socket.optionChanged(O.SOL_SOCKET, name, value != 0 ? 1 : 0)
    case O.SO_PRIORITY:
      guard value >= 0, value <= 6 else { throw .EPERM }
      socket.lock.withLock { socket.options.set(O.SOL_SOCKET, name, value) }
    case O.SO_RCVLOWAT:
      let lowest = value < 0 ? Int32.max : max(1, value)
      socket.lock.withLock { socket.options.set(O.SOL_SOCKET, name, lowest) }
      try socket.optionChanged(O.SOL_SOCKET, name, UInt64(UInt32(bitPattern: lowest)))
    case O.SO_SNDBUF, O.SO_SNDBUFFORCE:
      let kept = max(min(value < 0 ? .max : value, largestBuffer) * 2, 4608)
      socket.lock.withLock { socket.options.sendBuffer = kept }
      try socket.optionChanged(O.SOL_SOCKET, O.SO_SNDBUF, UInt64(kept / 2))
    case O.SO_RCVBUF, O.SO_RCVBUFFORCE:
      let kept = max(min(value < 0 ? .max : value, largestBuffer) * 2, 2304)
      socket.lock.withLock { socket.options.receiveBuffer = kept }
      try socket.optionChanged(O.SOL_SOCKET, O.SO_RCVBUF, UInt64(kept / 2))
    case O.SO_LINGER:
      guard length >= 8 else { throw .EINVAL }
      let linger = try UserMemory.read(address, as: Linger.self)
      socket.lock.withLock { socket.options.linger = linger }
      try socket.optionChanged(
        O.SOL_SOCKET, name,
        UInt64(linger.onOff != 0 ? 1 : 0) | UInt64(UInt32(bitPattern: linger.seconds)) << 32)
    case O.SO_RCVTIMEO, O.SO_SNDTIMEO:
      guard length >= 16 else { throw .EINVAL }
      let t = try UserMemory.read(address, as: Timeval.self)
      guard t.microseconds >= 0, t.microseconds < 1_000_000 else { throw .EDOM }
      // A negative time does not wait at all: as little as there is.
      let ns = t.seconds < 0 ? 1 : t.ns
      socket.lock.withLock {
        if name == O.SO_RCVTIMEO {
          socket.options.receiveTimeoutNs = ns
        } else {
          socket.options.sendTimeoutNs = ns
        }
      }
    case O.SO_MARK: throw .EPERM
    default: throw .ENOPROTOOPT
    }
  }

  static func get(_ socket: Socket, _ name: Int32) throws(Errno) -> [UInt8] {
    typealias O = SocketOption
    switch name {
    case O.SO_ERROR: return bytes(socket.takeError().map { Int32($0.rawValue) } ?? 0)
    case O.SO_TYPE: return bytes(Int32(socket.type))
    case O.SO_DOMAIN: return bytes(Int32(socket.family))
    case O.SO_PROTOCOL: return bytes(socket.protocolNumber)
    case O.SO_ACCEPTCONN: return bytes(socket.isListening ? 1 : 0)
    case O.SO_PEERCRED:
      let none = SocketCredentials(pid: 0, uid: .max, gid: .max)
      let c = socket.peerCredentials() ?? none
      return bytes(c.pid) + bytes(Int32(bitPattern: c.uid)) + bytes(Int32(bitPattern: c.gid))
    case O.SO_PEERGROUPS: return []
    case O.SO_SNDLOWAT: return bytes(1)
    default: break
    }
    return try socket.lock.withLock { () throws(Errno) -> [UInt8] in
      switch name {
      case O.SO_REUSEADDR, O.SO_REUSEPORT, O.SO_KEEPALIVE, O.SO_BROADCAST, O.SO_OOBINLINE,
        O.SO_DONTROUTE, O.SO_DEBUG, O.SO_PRIORITY, O.SO_TIMESTAMP:
        return bytes(socket.options.value(O.SOL_SOCKET, name) ?? 0)
      case O.SO_PASSCRED:
        if socket.family != AF.UNIX { throw Errno.EOPNOTSUPP }
        return bytes(socket.options.value(O.SOL_SOCKET, name) ?? 0)
      case O.SO_RCVLOWAT: return bytes(socket.options.value(O.SOL_SOCKET, name) ?? 1)
      case O.SO_SNDBUF: return bytes(socket.options.sendBuffer)
      case O.SO_RCVBUF: return bytes(socket.options.receiveBuffer)
      case O.SO_LINGER:
        return bytes(socket.options.linger.onOff) + bytes(socket.options.linger.seconds)
      case O.SO_RCVTIMEO: return time(socket.options.receiveTimeoutNs)
      case O.SO_SNDTIMEO: return time(socket.options.sendTimeoutNs)
      default: throw Errno.ENOPROTOOPT
      }
    }
  }

  static func bytes(_ value: Int32) -> [UInt8] {
    var out: [UInt8] = []
    for i in 0..<4 { out.append(UInt8(truncatingIfNeeded: value >> Int32(8 * i))) }
    return out
  }

  private static func time(_ ns: UInt64) -> [UInt8] {
    var out: [UInt8] = []
    out.append(littleEndian64: ns / 1_000_000_000)
    out.append(littleEndian64: ns % 1_000_000_000 / 1000)
    return out
  }
}
