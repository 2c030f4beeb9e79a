import EnclaveRuntime
import HostInterface
import LinuxABI

/// Who listens where inside the enclave, so that connections and datagrams between its own sockets stay inside.
///
/// A port is taken at the host as well (bind(2), listen(2)), which arbitrates between us and others.
enum PortTable {
  /// Guards everything here.
  private static let lock = Lock()
  nonisolated(unsafe) private static var listeners: [UInt16: [TCPSocket]] = [:]
  nonisolated(unsafe) private static var datagrams: [UInt16: [UDPSocket]] = [:]
  /// Ports of connections that never leave the enclave.
  nonisolated(unsafe) private static var insidePorts: Set<UInt16> = []
  nonisolated(unsafe) private static var nextPort: UInt16 = 32768

  /// Does a socket that is bound to `bound` hear what is sent to `to`?
  private static func hears(_ bound: SocketName, v6Only: Bool, _ to: SocketName) -> Bool {
    if bound.isAny {
      if bound.family == to.family { return bound.isMapped == false || to.isMapped }
      return bound.family == AF.INET6 && !v6Only
    }
    return bound.plain.address == to.plain.address && bound.plain.family == to.plain.family
  }

  /// Only what certainly is this machine: a loopback address, or the very address that is bound.
  private static func isOurs(_ bound: SocketName, _ to: SocketName) -> Bool {
    to.isLoopback || (!bound.isAny && bound.plain.address == to.plain.address)
  }

  static func add(_ socket: TCPSocket, port: UInt16) {
    lock.withLock { unsafe listeners[port, default: []].append(socket) }
  }

  static func remove(_ socket: TCPSocket, port: UInt16) {
    var gone: [TCPSocket]?
    lock.lock()
    unsafe gone = listeners[port]
    var rest = gone ?? []
    rest.removeAll { $0 === socket }
    unsafe listeners[port] = rest.isEmpty ? nil : rest
    lock.unlock()
    _ = gone
  }

  /// The listeners of ours that a connection to `to` would reach, the best first.
  static func listener(for to: SocketName) -> TCPSocket? {
    lock.lock()
    let candidates = unsafe listeners[to.port] ?? []
    lock.unlock()
    var best: TCPSocket?
    for socket in candidates {
      guard let bound = socket.boundName, hears(bound, v6Only: socket.isV6Only, to.plain),
        isOurs(bound, to)
      else { continue }
      if best == nil || !bound.isAny { best = socket }
    }
    return best
  }

  static func add(_ socket: UDPSocket, port: UInt16) {
    lock.withLock { unsafe datagrams[port, default: []].append(socket) }
  }

  static func remove(_ socket: UDPSocket, port: UInt16) {
    var gone: [UDPSocket]?
    lock.lock()
    unsafe gone = datagrams[port]
    var rest = gone ?? []
    rest.removeAll { $0 === socket }
    unsafe datagrams[port] = rest.isEmpty ? nil : rest
    lock.unlock()
    _ = gone
  }

  /// The socket of ours that a datagram from `from` to `to` would reach. One that is connected hears its peer only,
  /// and before others.
  static func receiver(for to: SocketName, from: SocketName) -> UDPSocket? {
    lock.lock()
    let candidates = unsafe datagrams[to.port] ?? []
    lock.unlock()
    var best: UDPSocket?
    for socket in candidates {
      guard let bound = socket.boundName, hears(bound, v6Only: socket.isV6Only, to.plain),
        isOurs(bound, to)
      else { continue }
      if let peer = socket.connectedName {
        guard peer.plain == from.plain else { continue }
        return socket
      }
      if best == nil || !bound.isAny { best = socket }
    }
    return best
  }

  /// A port for the near end of a connection inside, from the range that Linux uses.
  static func allocatePort() throws(Errno) -> UInt16 {
    lock.lock()
    defer { lock.unlock() }
    for _ in 0..<28232 {
      let port = unsafe nextPort
      unsafe nextPort = port == 60999 ? 32768 : port + 1
      if unsafe listeners[port] == nil, unsafe insidePorts.insert(port).inserted { return port }
    }
    throw .EADDRNOTAVAIL
  }

  static func freePort(_ port: UInt16) { lock.withLock { _ = unsafe insidePorts.remove(port) } }
}
