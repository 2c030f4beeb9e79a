import EnclaveRuntime
import HostInterface
import LinuxABI

/// What TCP and UDP sockets have in common: a host stream once they need one, and their options.
class InternetSocket: Socket, @unchecked Sendable {
  // Guarded by `lock`.
  final var stream: UInt64?
  final var local: SocketName?
  final var peer: SocketName?
  /// An error that the host has told and the program has not heard.
  final var pendingError: Errno?
  final let hostReadiness = HostReadiness()

  override var hostStream: UInt64? { lock.withLock { stream } }
  override var mayHaveHostStream: Bool { true }
  override var readiness: HostReadiness? { hostReadiness }

  /// As bound, for `PortTable`.
  final var boundName: SocketName? { lock.withLock { local } }
  final var isV6Only: Bool {
    lock.withLock { (options.value(SocketOption.SOL_IPV6, SocketOption.IPV6_V6ONLY) ?? 0) != 0 }
  }

  /// The host's socket, made when it is first needed: what stays inside never has one.
  final func ensureStream() throws(Errno) -> UInt64 {
    lock.lock()
    if let stream {
      lock.unlock()
      return stream
    }
    let kept = options
    lock.unlock()
    let number = try HostStreams.allocate()
    do throws(Errno) {
      try Host.socket(stream: number, family: family, type: type)
    } catch {
      HostStreams.free(number)
      throw error
    }
    handOn(kept, number)
    lock.lock()
    if let other = stream {
      lock.unlock()
      HostStreams.close(number)
      return other
    }
    stream = number
    lock.unlock()
    // Whoever polls must ask the host from now on.
    queue.wakeAll()
    return number
  }

  private func handOn(_ kept: SocketOptions, _ number: UInt64) {
    for o in kept.integers where Self.isForHost(o.level, o.name) {
      try? Host.setOption(
        stream: number, level: o.level, name: o.name, value: UInt64(UInt32(bitPattern: o.value)))
    }
    let s = SocketOption.SOL_SOCKET
    if kept.sendBuffer != 212_992 {
      try? Host.setOption(
        stream: number, level: s, name: SocketOption.SO_SNDBUF, value: UInt64(kept.sendBuffer / 2))
    }
    if kept.receiveBuffer != 212_992 {
      try? Host.setOption(
        stream: number, level: s, name: SocketOption.SO_RCVBUF,
        value: UInt64(kept.receiveBuffer / 2))
    }
    if kept.linger.onOff != 0 {
      try? Host.setOption(
        stream: number, level: s, name: SocketOption.SO_LINGER,
        value: 1 | UInt64(UInt32(bitPattern: kept.linger.seconds)) << 32)
    }
  }

  /// Options that change what the host's socket does. All others stay here.
  private static func isForHost(_ level: Int32, _ name: Int32) -> Bool {
    typealias O = SocketOption
    switch level {
    case O.SOL_SOCKET:
      switch name {
      case O.SO_REUSEADDR, O.SO_REUSEPORT, O.SO_KEEPALIVE, O.SO_BROADCAST, O.SO_OOBINLINE,
        O.SO_DONTROUTE, O.SO_SNDBUF, O.SO_RCVBUF, O.SO_LINGER, O.SO_RCVLOWAT:
        return true
      default: return false
      }
    case O.SOL_TCP:
      switch name {
      case O.TCP_MAXSEG, O.TCP_FASTOPEN: return false
      default: return true
      }
    default: return true
    }
  }

  override func optionChanged(_ level: Int32, _ name: Int32, _ value: UInt64) throws(Errno) {
    guard Self.isForHost(level, name), let stream = lock.withLock({ stream }) else { return }
    try Host.setOption(stream: stream, level: level, name: name, value: value)
  }

  override func acceptsOption(_ level: Int32, _ name: Int32) -> Bool {
    defaultOption(level, name) != nil
  }

  override func defaultOption(_ level: Int32, _ name: Int32) -> Int32? {
    typealias O = SocketOption
    switch level {
    case O.SOL_IP:
      switch name {
      case O.IP_TOS, O.IP_RECVERR: return 0
      case O.IP_TTL: return 64
      case O.IP_MTU_DISCOVER: return 1
      case O.IP_MULTICAST_TTL, O.IP_MULTICAST_LOOP: return type == SOCK.DGRAM ? 1 : nil
      default: return nil
      }
    case O.SOL_IPV6 where family == AF.INET6:
      switch name {
      case O.IPV6_V6ONLY, O.IPV6_RECVERR, O.IPV6_TCLASS: return 0
      case O.IPV6_UNICAST_HOPS: return 64
      case O.IPV6_MULTICAST_HOPS, O.IPV6_MULTICAST_LOOP: return 1
      case O.IPV6_MTU_DISCOVER: return 1
      default: return nil
      }
    default: return nil
    }
  }

  override func isSwitch(_ level: Int32, _ name: Int32) -> Bool {
    typealias O = SocketOption
    switch level {
    case O.SOL_TCP: return name == O.TCP_NODELAY || name == O.TCP_CORK || name == O.TCP_QUICKACK
    case O.SOL_IP: return name == O.IP_RECVERR || name == O.IP_MULTICAST_LOOP
    case O.SOL_IPV6: return name == O.IPV6_V6ONLY || name == O.IPV6_RECVERR
    default: return false
    }
  }

  override func checkOption(_ level: Int32, _ name: Int32, _ value: Int32) throws(Errno) {
    typealias O = SocketOption
    if level == O.SOL_IPV6, name == O.IPV6_V6ONLY, lock.withLock({ local != nil }) { throw .EINVAL }
    if level == O.SOL_IP, name == O.IP_TTL, value != -1, !(1...255).contains(value) {
      throw .EINVAL
    }
    if level == O.SOL_IPV6, name == O.IPV6_UNICAST_HOPS, !(-1...255).contains(value) {
      throw .EINVAL
    }
  }

  // MARK: Names

  /// Asks the host for the names, once they are fixed.
  final func learnNames() {
    lock.lock()
    let stream = stream
    lock.unlock()
    guard let stream else { return }
    let status = Host.socketStatus(stream: stream, family: family)
    lock.lock()
    if let local = status.local { self.local = local }
    if peer == nil || type == SOCK.STREAM { peer = status.peer ?? peer }
    if let error = status.error { pendingError = error }
    lock.unlock()
  }

  override func takeError() -> Errno? {
    lock.lock()
    let kept = pendingError
    pendingError = nil
    let stream = stream
    lock.unlock()
    if let kept { return kept }
    guard let stream else { return nil }
    return Host.socketStatus(stream: stream, family: family).error
  }

  /// The stashed error only, without asking the host.
  final func takePendingError() throws(Errno) {
    lock.lock()
    let kept = pendingError
    pendingError = nil
    lock.unlock()
    if let kept { throw kept }
  }

  final func closeStream() {
    lock.lock()
    let old = stream
    stream = nil
    lock.unlock()
    if let old { HostStreams.close(old) }
  }

  /// Ancillary data: there is none that an Internet socket of ours could send.
  final func refuse(_ ancillary: Ancillary?) throws(Errno) {
    if ancillary != nil { throw .EINVAL }
  }
}
