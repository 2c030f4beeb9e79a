import EnclaveRuntime
import LinuxABI

/// AF_NETLINK, NETLINK_ROUTE (netlink(7), rtnetlink(7)): what getifaddrs(3), if_nameindex(3) and getaddrinfo(3) ask.
///
/// It knows the loopback interface and its two addresses (`NetworkInterfaces`), and answers dumps of links,
/// addresses, routes and neighbours; everything else is EOPNOTSUPP, in an error message as netlink has them.
final class NetlinkSocket: Socket, @unchecked Sendable {
  /// Set once, when `queue` is there.
  private var input: MessageQueue! = nil
  /// Guarded by `lock`: the port, 0 until bound.
  private var port: UInt32 = 0
  nonisolated(unsafe) private static var nextPort: UInt32 = 0x8000_0000
  private static let portLock = Lock()

  static let ROUTE: Int32 = 0
  private static let RTM_GETLINK: UInt16 = 18
  private static let RTM_GETADDR: UInt16 = 22
  private static let RTM_GETROUTE: UInt16 = 26
  private static let RTM_GETNEIGH: UInt16 = 30
  private static let NLMSG_ERROR: UInt16 = 2
  private static let NLMSG_DONE: UInt16 = 3
  private static let NLM_F_REQUEST: UInt16 = 1
  private static let NLM_F_MULTI: UInt16 = 2
  private static let NLM_F_ACK: UInt16 = 4
  private static let NLM_F_DUMP: UInt16 = 0x300

  init(type: UInt32) {
    super.init(family: AF.NETLINK, type: type, protocolNumber: Self.ROUTE)
    input = MessageQueue(readers: queue, writers: queue, limit: 212_992)
  }

  override func close() { input.ignore(discarding: true) }

  // MARK: Names: `struct sockaddr_nl`, family (2), 0 (2), port (4), groups (4).

  override func bind(_ task: Task, _ name: [UInt8]) throws(Errno) {
    guard name.count >= 12, UInt16(name[0]) | UInt16(name[1]) << 8 == AF.NETLINK else {
      throw .EINVAL
    }
    let wanted = name.loadLittleEndian32(4)
    lock.lock()
    defer { lock.unlock() }
    if port != 0, wanted != port { throw .EINVAL }
    if port == 0 { port = wanted != 0 ? wanted : Self.newPort() }
  }

  /// A number that no process has, as Linux gives the second socket of a process.
  private static func newPort() -> UInt32 {
    portLock.lock()
    defer { portLock.unlock() }
    unsafe nextPort += 1
    return unsafe nextPort
  }

  private static func address(_ port: UInt32) -> [UInt8] {
    var out: [UInt8] = []
    out.append(littleEndian32: UInt32(AF.NETLINK))
    out.append(littleEndian32: port)
    out.append(littleEndian32: 0)
    return out
  }

  override func localName() throws(Errno) -> [UInt8] { Self.address(lock.withLock { port }) }
  override func peerName() throws(Errno) -> [UInt8] { Self.address(0) }
  override func connect(_ task: Task, _ name: [UInt8], nonblocking: Bool) throws(Errno) {
    guard name.count >= 12, name.loadLittleEndian32(4) == 0 else { throw .EPERM }
    lock.withLock { if port == 0 { port = Self.newPort() } }
  }

  override func acceptsOption(_ level: Int32, _ name: Int32) -> Bool {
    level == SocketOption.SOL_NETLINK
  }

  // MARK: Messages

  override func send(
    _ buffer: inout IOBuffer, to name: [UInt8]?, flags: MessageFlags, nonblocking: Bool,
    ancillary: Ancillary?
  ) throws(Errno) -> Int {
    if let name {
      guard name.count >= 12, UInt16(name[0]) | UInt16(name[1]) << 8 == AF.NETLINK else {
        throw .EINVAL
      }
      // Only the kernel hears us.
      guard name.loadLittleEndian32(4) == 0 else { throw .ECONNREFUSED }
    }
    guard buffer.remaining <= 65536 else { throw .EMSGSIZE }
    lock.withLock { if port == 0 { port = Self.newPort() } }
    let bytes = try buffer.read(count: buffer.remaining)
    var at = 0
    while at + 16 <= bytes.count {
      let length = Int(bytes.loadLittleEndian32(at))
      guard length >= 16, length <= bytes.count - at else { break }
      try answer([UInt8](bytes[at..<at + length]))
      at += (length + 3) & ~3
    }
    return bytes.count
  }

  /// `struct nlmsghdr`: length (4), type (2), flags (2), sequence (4), port (4).
  private func answer(_ request: [UInt8]) throws(Errno) {
    let word = request.loadLittleEndian32(4)
    let kind = UInt16(truncatingIfNeeded: word)
    let flags = UInt16(truncatingIfNeeded: word >> 16)
    if flags & Self.NLM_F_REQUEST == 0 || kind < 16 { return }
    let isDump = flags & Self.NLM_F_DUMP != 0
    switch kind {
    case Self.RTM_GETLINK where isDump: try reply(request, [link()])
    case Self.RTM_GETADDR where isDump:
      // ifaddrmsg or rtgenmsg starts with the family; 0: all.
      let family = request.count > 16 ? request[16] : 0
      var out: [(UInt16, [UInt8])] = []
      if family == 0 || family == 2 { out.append(address4()) }
      if family == 0 || family == 10 { out.append(address6()) }
      try reply(request, out)
    case Self.RTM_GETROUTE where isDump, Self.RTM_GETNEIGH where isDump: try reply(request, [])
    case Self.RTM_GETLINK where request.count >= 32 && request.loadLittleEndian32(20) == 1:
      try put(header(request, link().0, link().1, flags: 0))
    default:
      let errno: Errno = kind == Self.RTM_GETLINK ? .ENODEV : .EOPNOTSUPP
      var payload: [UInt8] = []
      payload.append(littleEndian32: UInt32(bitPattern: -Int32(errno.rawValue)))
      payload.append(contentsOf: request[0..<16])
      try put(header(request, Self.NLMSG_ERROR, payload, flags: 0))
    }
  }

  /// A dump: the messages in one datagram, the end in another.
  private func reply(_ request: [UInt8], _ messages: [(UInt16, [UInt8])]) throws(Errno) {
    var bytes: [UInt8] = []
    for (kind, payload) in messages {
      bytes.append(contentsOf: header(request, kind, payload, flags: Self.NLM_F_MULTI))
    }
    if !bytes.isEmpty { try put(bytes) }
    try put(header(request, Self.NLMSG_DONE, [0, 0, 0, 0], flags: Self.NLM_F_MULTI))
  }

  private func header(
    _ request: [UInt8], _ kind: UInt16, _ payload: [UInt8], flags: UInt16
  ) -> [UInt8] {
    var out: [UInt8] = []
    out.append(littleEndian32: UInt32(16 + payload.count))
    out.append(littleEndian16: kind)
    out.append(littleEndian16: flags)
    out.append(contentsOf: request[8..<12])
    out.append(littleEndian32: lock.withLock { port })
    out.append(contentsOf: payload)
    while out.count & 3 != 0 { out.append(0) }
    return out
  }

  private func put(_ bytes: [UInt8]) throws(Errno) {
    guard let run = PageRun(pageCount: (bytes.count + 4095) >> 12) else { throw .ENOBUFS }
    var source = run.buffer(0, count: bytes.count)
    _ = try source.write(bytes)
    var buffer = run.buffer(0, count: bytes.count)
    guard
      try input.putMessage(
        &buffer, name: Self.address(0), credentials: SocketCredentials(), ancillary: nil,
        limitsCount: false) != nil
    else { throw .ENOBUFS }
    input.wakeReaders()
  }

  /// `struct rtattr`: length (2), type (2), data.
  private static func attribute(_ type: UInt16, _ data: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    out.append(littleEndian16: UInt16(4 + data.count))
    out.append(littleEndian16: type)
    out.append(contentsOf: data)
    while out.count & 3 != 0 { out.append(0) }
    return out
  }

  /// RTM_NEWLINK: ifinfomsg (family, type ARPHRD_LOOPBACK, index, flags, change), then IFLA_ADDRESS, BROADCAST,
  /// IFNAME, MTU.
  private func link() -> (UInt16, [UInt8]) {
    var out: [UInt8] = [0, 0]
    out.append(littleEndian16: 772)
    out.append(littleEndian32: 1)
    // IFF_LOWER_UP as well, which only netlink tells.
    out.append(littleEndian32: NetworkInterfaces.loopbackFlags | 0x10000)
    out.append(littleEndian32: 0)
    out.append(contentsOf: Self.attribute(3, [UInt8](staticString: "lo") + [0]))
    var mtu: [UInt8] = []
    mtu.append(littleEndian32: NetworkInterfaces.loopbackMTU)
    out.append(contentsOf: Self.attribute(4, mtu))
    out.append(contentsOf: Self.attribute(1, [0, 0, 0, 0, 0, 0]))
    out.append(contentsOf: Self.attribute(2, [0, 0, 0, 0, 0, 0]))
    return (16, out)
  }

  /// RTM_NEWADDR: ifaddrmsg (family, prefix, flags IFA_F_PERMANENT, scope RT_SCOPE_HOST, index), IFA_ADDRESS, IFA_LOCAL,
  /// IFA_LABEL.
  private func address4() -> (UInt16, [UInt8]) {
    var out: [UInt8] = [2, 8, 0x80, 254, 1, 0, 0, 0]
    out.append(contentsOf: Self.attribute(1, [127, 0, 0, 1]))
    out.append(contentsOf: Self.attribute(2, [127, 0, 0, 1]))
    out.append(contentsOf: Self.attribute(3, [UInt8](staticString: "lo") + [0]))
    return (20, out)
  }

  private func address6() -> (UInt16, [UInt8]) {
    var out: [UInt8] = [10, 128, 0x80, 254, 1, 0, 0, 0]
    out.append(contentsOf: Self.attribute(1, [UInt8](repeating: 0, count: 15) + [1]))
    return (20, out)
  }

  override func receive(
    _ buffer: inout IOBuffer, flags: MessageFlags, nonblocking: Bool
  ) throws(Errno) -> Received {
    if flags.contains(.MSG_OOB) { throw .EOPNOTSUPP }
    return try wait(queue, deadlineNs: receiveDeadline(), nonblocking: nonblocking) {
      () throws(Errno) -> Received? in
      try input.takeMessage(
        &buffer, peek: flags.contains(.MSG_PEEK), wantsRealCount: flags.contains(.MSG_TRUNC))
    }
  }

  override func unreadCount() throws(Errno) -> Int32 { Int32(truncatingIfNeeded: input.firstCount) }

  override func poll() -> PollEvents {
    var events: PollEvents = [.POLLOUT, .POLLWRNORM, .POLLWRBAND]
    if !input.isEmpty { events.formUnion(.readable) }
    return events
  }
}
