import HostInterface
import LinuxABI

/// The host calls on Internet sockets, each with the check of its answer.
///
/// Attacks considered here: (a) a handle that belongs to another socket: the enclave chooses the numbers;
/// (b) names of another family, or with bits that no name has: the host lied; (c) lengths beyond what was asked
/// for, or a datagram that is longer than it is: the host lied; (d) errnos that a call cannot have, which a program
/// might take for something of its own: EIO; (e) connections and data that nobody sent: not seen here, that is what
/// TLS inside is for.
extension Host {
  /// 0, or an errno of the call's list; others become EIO.
  private static func done(_ result: Int64, _ call: HostCall, _ name: StaticString) throws(Errno) {
    if try socketCount(result, limit: 0, call, name) != 0 { hostLied(name, "result") }
  }

  private static func socketCount(
    _ result: Int64, limit: Int, _ call: HostCall, _ name: StaticString
  ) throws(Errno) -> Int {
    if result >= 0 {
      guard result <= Int64(limit) else { hostLied(name, "result") }
      return Int(result)
    }
    guard result >= -4095 else { hostLied(name, "result") }
    let errno = Errno(rawValue: Int32(-result))
    throw SocketErrnos.allows(call, errno) ? errno : .EIO
  }

  private static func name(
    _ reply: HostReply, family: UInt16, _ call: StaticString
  ) -> SocketName {
    guard reply.words.3 >> 32 == 0, let name = SocketName(reply.words, family: family) else {
      hostLied(call, "name")
    }
    return name
  }

  public static func socket(stream: UInt64, family: UInt16, type: UInt32) throws(Errno) {
    try done(
      HostTransport.exchange(.socket, stream, UInt64(family), UInt64(type)).result, .socket,
      "socket")
  }

  /// The name that the socket has now.
  public static func bind(stream: UInt64, _ wanted: SocketName) throws(Errno) -> SocketName {
    let w = wanted.words
    let reply = HostTransport.exchange(.bind, stream, w.0, w.1, w.2, w.3)
    try done(reply.result, .bind, "bind")
    return name(reply, family: wanted.family, "bind")
  }

  public static func listen(stream: UInt64, backlog: UInt32) throws(Errno) {
    try done(
      HostTransport.exchange(.listen, stream, UInt64(backlog)).result, .listen, "listen")
  }

  /// The peer's name. EAGAIN: nobody is there.
  public static func accept(
    stream: UInt64, new: UInt64, family: UInt16
  ) throws(Errno) -> SocketName {
    let reply = HostTransport.exchange(.accept, stream, new)
    try done(reply.result, .accept, "accept")
    return name(reply, family: family, "accept")
  }

  /// nil: dissolves the association of a datagram socket.
  public static func connect(stream: UInt64, _ peer: SocketName?) throws(Errno) {
    let w = peer?.words ?? (0, 0, 0, 0)
    let reply = HostTransport.exchange(.connect, stream, w.0, w.1, w.2, w.3)
    try done(reply.result, .connect, "connect")
  }

  public static func setOption(
    stream: UInt64, level: Int32, name: Int32, value: UInt64
  ) throws(Errno) {
    let option = UInt64(UInt32(bitPattern: level)) << 32 | UInt64(UInt32(bitPattern: name))
    try done(
      HostTransport.exchange(.setOption, stream, option, value).result, .setOption, "setOption")
  }

  public static func shutdown(stream: UInt64, how: Int32) throws(Errno) {
    try done(
      HostTransport.exchange(.shutdown, stream, UInt64(UInt32(bitPattern: how))).result, .shutdown,
      "shutdown")
  }

  /// Whatever the host answers, the number is free again.
  public static func streamClose(stream: UInt64) {
    _ = HostTransport.exchange(.streamClose, stream)
  }

  // MARK: Data

  /// From a connection, into the beginning of a run.
  public static func receive(
    stream: UInt64, into run: PageRun, length: Int, flags: UInt64
  ) throws(Errno) -> Int {
    let length = min(length, largestTransfer, run.byteCount)
    let reply = HostTransport.exchange(.streamRead, stream, UInt64(length), flags)
    let n = try socketCount(reply.result, limit: length, .streamRead, "streamRead")
    // SAFETY: n <= length <= the run's size.
    unsafe HostTransport.receive(into: run.base, count: n)
    return n
  }

  /// A datagram: what fits, its sender, and how long it really is.
  public static func receiveDatagram(
    stream: UInt64, family: UInt16, into run: PageRun, length: Int, flags: UInt64
  ) throws(Errno) -> (count: Int, sender: SocketName, realCount: Int) {
    let length = min(length, largestTransfer, run.byteCount)
    let reply = HostTransport.exchange(.streamRead, stream, UInt64(length), flags)
    let n = try socketCount(reply.result, limit: length, .streamRead, "streamRead")
    guard let sender = SocketName(reply.words, family: family) else {
      hostLied("streamRead", "name")
    }
    let real = Int(reply.words.3 >> 32)
    guard real == n || (n == length && real > n && real <= 65535) else {
      hostLied("streamRead", "length")
    }
    // SAFETY: n <= length <= the run's size.
    unsafe HostTransport.receive(into: run.base, count: n)
    return (n, sender, real)
  }

  /// `length` bytes of a run from `offset` on, to `name` or to the peer.
  public static func send(
    stream: UInt64, from run: PageRun, at offset: Int, length: Int, to name: SocketName?,
    flags: UInt64
  ) throws(Errno) -> Int {
    let length = min(length, largestTransfer)
    run.checkRange(offset, length)
    let w = name?.words ?? (0, 0, 0, 0)
    // SAFETY: the range was checked.
    let reply = unsafe HostTransport.exchange(
      .streamWrite, stream, UInt64(length), w.0, w.1, w.2, w.3 | flags << 32,
      send: UnsafeRawPointer(run.base + offset), sendCount: length)
    return try socketCount(reply.result, limit: length, .streamWrite, "streamWrite")
  }

  // MARK: Status

  public struct SocketStatus: Sendable {
    /// The pending error, which the host has forgotten now.
    public var error: Errno?
    public var unread: Int32 = 0
    public var local: SocketName?
    public var peer: SocketName?
  }

  public static func socketStatus(stream: UInt64, family: UInt16) -> SocketStatus {
    let reply = HostTransport.exchange(.streamStatus, stream)
    guard reply.result == 0, reply.words.0 == StreamKind.socket.rawValue, reply.words.2 <= 4095
    else {
      hostLied("streamStatus", "socket")
    }
    var out = SocketStatus()
    if reply.words.2 != 0 {
      let errno = Errno(rawValue: Int32(reply.words.2))
      out.error = SocketErrnos.isOfTheNetwork(errno) ? errno : .EIO
    }
    out.unread = Int32(clamping: reply.words.3)
    let bytes = received(64)
    func words(_ at: Int) -> (UInt64, UInt64, UInt64, UInt64) {
      (word(bytes, at), word(bytes, at + 8), word(bytes, at + 16), word(bytes, at + 24))
    }
    func name(_ at: Int) -> SocketName? {
      let w = words(at)
      if w.0 & 0xFFFF == 0 { return nil }
      guard w.3 >> 32 == 0, let name = SocketName(w, family: family) else {
        hostLied("streamStatus", "name")
      }
      return name
    }
    out.local = name(0)
    out.peer = name(32)
    return out
  }

  private static func word(_ bytes: [UInt8], _ at: Int) -> UInt64 {
    var v: UInt64 = 0
    for i in 0..<8 { v |= UInt64(bytes[at + i]) << UInt64(8 * i) }
    return v
  }
}
