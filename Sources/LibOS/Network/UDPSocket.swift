import EnclaveRuntime
import HostInterface
import LinuxABI

/// A UDP socket (udp(7)). Datagrams from sockets of this enclave wait in `input`, others at the host.
final class UDPSocket: InternetSocket, @unchecked Sendable {
  /// Set once, when `queue` is there.
  private var input: MessageQueue! = nil
  // Guarded by `lock`.
  private var isInTable = false
  private var isShutForReading = false
  private var isClosed = false

  init(family: UInt16) {
    super.init(family: family, type: SOCK.DGRAM, protocolNumber: IPPROTO.UDP)
    input = MessageQueue(readers: queue, writers: queue, limit: 212_992)
  }

  final var connectedName: SocketName? { lock.withLock { peer } }

  // MARK: Names

  override func bind(_ task: Task, _ name: [UInt8]) throws(Errno) {
    let wanted = try InternetName.bindName(name, family: family)
    guard lock.withLock({ local == nil }) else { throw .EINVAL }
    try bind(to: wanted)
  }

  private func bind(to wanted: SocketName) throws(Errno) {
    let stream = try ensureStream()
    let given = try Host.bind(stream: stream, wanted)
    lock.withLock { local = given }
    enter()
  }

  /// Becomes reachable from inside.
  private func enter() {
    lock.lock()
    let isNew = !isInTable && local != nil && !isClosed
    if isNew { isInTable = true }
    let port = local?.port ?? 0
    lock.unlock()
    if isNew { PortTable.add(self, port: port) }
  }

  /// What sends without a name gets one.
  private func autobind() throws(Errno) {
    if lock.withLock({ local != nil }) { return }
    do throws(Errno) { try bind(to: InternetName.any(family)) } catch {
      // Another thread was faster.
      if lock.withLock({ local == nil }) { throw error }
    }
  }

  override func localName() throws(Errno) -> [UInt8] {
    InternetName.bytes(lock.withLock { local } ?? InternetName.any(family))
  }

  override func peerName() throws(Errno) -> [UInt8] {
    guard let peer = lock.withLock({ peer }) else { throw .ENOTCONN }
    return InternetName.bytes(peer)
  }

  override func connect(_ task: Task, _ name: [UInt8], nonblocking: Bool) throws(Errno) {
    guard name.count >= 2 else { throw .EINVAL }
    if UInt16(name[0]) | UInt16(name[1]) << 8 == AF.UNSPEC {
      if let stream = lock.withLock({ stream }) { try Host.connect(stream: stream, nil) }
      lock.withLock { peer = nil }
      return
    }
    let to = try InternetName.parse(name, family: family).destination
    try autobind()
    guard let stream = lock.withLock({ stream }) else { throw .EBADF }
    try Host.connect(stream: stream, to)
    // The local address is that of the route now.
    let status = Host.socketStatus(stream: stream, family: family)
    lock.lock()
    peer = to
    if let now = status.local, now.port == local?.port { local = now }
    if let error = status.error { pendingError = error }
    lock.unlock()
    queue.wakeAll()
  }

  // MARK: Sending

  override func send(
    _ buffer: inout IOBuffer, to name: [UInt8]?, flags: MessageFlags, nonblocking: Bool,
    ancillary: Ancillary?
  ) throws(Errno) -> Int {
    try refuse(ancillary)
    if flags.contains(.MSG_OOB) { throw .EOPNOTSUPP }
    if buffer.remaining > 65507 + (family == AF.INET6 ? 20 : 0) { throw .EMSGSIZE }
    let named = try name.map { (n) throws(Errno) in
      try InternetName.parse(n, family: family).destination
    }
    if let named, named.port == 0 { throw .EINVAL }
    try takePendingError()
    try autobind()
    lock.lock()
    let (stream, peer, local) = (stream, peer, local)
    lock.unlock()
    guard let to = named ?? peer else { throw .EDESTADDRREQ }
    guard let stream, let local else { throw .EBADF }
    if let n = try sendInside(&buffer, to, local) { return n }
    let run = try HostEnd.run(65536)
    let total = buffer.remaining
    let n = try run.copyIn(0, count: total, from: &buffer)
    guard n == total else { throw .EFAULT }
    let deadline = sendDeadline()
    let wait = !nonblocking && deadline == nil
    while true {
      do throws(Errno) {
        return try HostEnd.repeated(mayWait: wait, hasTimeout: deadline != nil) {
          () throws(Errno) -> Int in
          try Host.send(
            stream: stream, from: run, at: 0, length: total, to: named,
            flags: wait ? 0 : SocketFlags.dontWait)
        }
      } catch {
        if error == .EAGAIN { hostReadiness.couldNotWrite() }
        guard error == .EAGAIN, !nonblocking else { throw error }
        try HostEnd.wait(stream: stream, events: .writable, queue: queue, deadlineNs: deadline) {
          false
        }
      }
    }
  }

  /// To a socket of this enclave; nil: there is none that would hear it.
  private func sendInside(
    _ buffer: inout IOBuffer, _ to: SocketName, _ local: SocketName
  ) throws(Errno) -> Int? {
    var from = local
    if from.isAny {
      from = InternetName.loopback(to.plain.family, port: local.port)
      if !to.isLoopback { from = to.plain }
      from.port = local.port
    }
    guard let receiver = PortTable.receiver(for: to.plain, from: from.plain) else { return nil }
    let name = InternetName.bytes(from.plain.seen(by: receiver.family))
    let total = buffer.remaining
    do throws(Errno) {
      // A datagram for which there is no room is lost, and nobody is told.
      guard
        let n = try receiver.input.putMessage(
          &buffer, name: name, credentials: SocketCredentials(), ancillary: nil, limitsCount: false)
      else { return total }
      receiver.input.wakeReaders()
      return n
    } catch {
      if error == .EPIPE { return total }
      throw error
    }
  }

  // MARK: Receiving

  override func receive(
    _ buffer: inout IOBuffer, flags: MessageFlags, nonblocking: Bool
  ) throws(Errno) -> Received {
    if flags.contains(.MSG_OOB) { throw .EOPNOTSUPP }
    if flags.contains(.MSG_ERRQUEUE) { throw .EAGAIN }
    let peek = flags.contains(.MSG_PEEK)
    let deadline = receiveDeadline()
    var run: PageRun?
    while true {
      if !input.isEmpty,
        let got = try input.takeMessage(
          &buffer, peek: peek, wantsRealCount: flags.contains(.MSG_TRUNC))
      {
        return got
      }
      try takePendingError()
      let stream = lock.withLock { self.stream }
      if let stream {
        if run == nil { run = try HostEnd.run(max(1, buffer.remaining)) }
        if let run {
          do throws(Errno) {
            return try receiveOutside(stream, run, &buffer, flags)
          } catch {
            if error == .EAGAIN { hostReadiness.hasRead() }
            guard error == .EAGAIN || error == .EINTR else { throw error }
          }
        }
      }
      if lock.withLock({ isShutForReading }) { return Received(count: 0) }
      if nonblocking { throw .EAGAIN }
      try HostEnd.wait(stream: stream, events: .readable, queue: queue, deadlineNs: deadline) {
        !input.isEmpty || lock.withLock { isShutForReading || self.stream != stream }
      }
    }
  }

  private func receiveOutside(
    _ stream: UInt64, _ run: PageRun, _ buffer: inout IOBuffer, _ flags: MessageFlags
  ) throws(Errno) -> Received {
    let peek = flags.contains(.MSG_PEEK)
    let wanted = min(buffer.remaining, run.byteCount)
    let got = try Host.receiveDatagram(
      stream: stream, family: family, into: run, length: wanted,
      flags: SocketFlags.dontWait | (peek ? SocketFlags.peek : 0))
    if !peek { hostReadiness.hasRead() }
    let n = try run.copyOut(0, count: got.count, to: &buffer)
    guard n == got.count else { throw .EFAULT }
    var out = Received(count: n, name: InternetName.bytes(got.sender))
    if got.realCount > n {
      out.flags.insert(.MSG_TRUNC)
      if flags.contains(.MSG_TRUNC) { out.count = got.realCount }
    }
    return out
  }

  override func unreadCount() throws(Errno) -> Int32 {
    let n = input.firstCount
    if n > 0 { return Int32(truncatingIfNeeded: n) }
    guard let stream = lock.withLock({ stream }) else { return 0 }
    let status = Host.socketStatus(stream: stream, family: family)
    if let error = status.error { lock.withLock { pendingError = error } }
    return status.unread
  }

  // MARK: Ends

  override func shutdown(_ how: Int32) throws(Errno) {
    guard how >= SHUT.RD, how <= SHUT.RDWR else { throw .EINVAL }
    lock.lock()
    let (stream, isConnected) = (stream, peer != nil)
    lock.unlock()
    guard isConnected, let stream else { throw .ENOTCONN }
    try Host.shutdown(stream: stream, how: how)
    if how != SHUT.WR { lock.withLock { isShutForReading = true } }
    queue.wakeAll()
  }

  override func close() {
    lock.lock()
    isClosed = true
    let wasInTable = isInTable
    isInTable = false
    let port = local?.port ?? 0
    lock.unlock()
    if wasInTable { PortTable.remove(self, port: port) }
    input.ignore(discarding: true)
    closeStream()
  }

  // MARK: Readiness

  override func poll() -> PollEvents {
    lock.lock()
    let hasStream = stream != nil
    let hasError = pendingError != nil
    lock.unlock()
    var events: PollEvents = []
    if hasError { events.insert(.POLLERR) }
    if !input.isEmpty { events.formUnion(.readable) }
    if !hasStream { events.formUnion([.POLLOUT, .POLLWRNORM, .POLLWRBAND]) }
    return events
  }

  override func hostEvents(_ events: PollEvents) -> PollEvents {
    events.contains(.POLLOUT) ? events.union(.POLLWRBAND) : events
  }
}
