import EnclaveRuntime
import LinuxABI

/// A socket of the AF_UNIX family (unix(7)): streams, sequenced packets, datagrams. All of it is inside.
final class UnixSocket: Socket, @unchecked Sendable {
  private enum State {
    case idle
    case listening
    case connected
    case closed
  }

  // All guarded by `lock`.
  private var state = State.idle
  /// What it is bound to: a path or an abstract name, as in `sun_path`; the inode of a path.
  private var boundPath: [UInt8]?
  private var boundInode: Inode?
  private var isBinding = false
  private var peerPath: [UInt8]?
  private var credentials: SocketCredentials?
  /// A listener's: connections that nobody has accepted yet.
  private var pending: [UnixSocket] = []
  private var backlog = 0
  /// What comes in; datagram sockets have it from the start.
  private var input: MessageQueue?
  /// The other end's `input`, of connections.
  private var output: MessageQueue?
  /// Whom a datagram socket is connected to.
  private var peer: UnixSocket?
  private var peerHasGone = false
  private var isShutForReading = false
  private var isShutForWriting = false
  /// Senders of datagrams wait here for room.
  private let roomQueue = WaitQueue()
  /// In the peer's `roomQueue`, while a datagram socket is connected: poll(2) of ours must see its room.
  private var relay: RelayEntry?

  init(type: UInt32) {
    super.init(family: AF.UNIX, type: type, protocolNumber: 0)
    if type == SOCK.DGRAM {
      input = MessageQueue(readers: queue, writers: roomQueue, limit: 212_992)
    }
  }

  private var isDatagram: Bool { type == SOCK.DGRAM }
  private var hasMessages: Bool { type != SOCK.STREAM }

  /// socketpair(2).
  static func makePair(type: UInt32) -> (UnixSocket, UnixSocket) {
    let a = UnixSocket(type: type)
    let b = UnixSocket(type: type)
    let who = currentCredentials()
    if type == SOCK.DGRAM {
      a.setPeer(b)
      b.setPeer(a)
    } else {
      join(a, b)
    }
    a.credentials = who
    b.credentials = who
    a.state = .connected
    b.state = .connected
    return (a, b)
  }

  /// Two ends that nobody else knows yet, at least one of them.
  private static func join(_ a: UnixSocket, _ b: UnixSocket) {
    let toB = MessageQueue(readers: b.queue, writers: a.queue, limit: Int(a.options.sendBuffer))
    let toA = MessageQueue(readers: a.queue, writers: b.queue, limit: Int(b.options.sendBuffer))
    a.input = toA
    a.output = toB
    b.input = toB
    b.output = toA
  }

  // MARK: Names

  override func bind(_ task: Task, _ name: [UInt8]) throws(Errno) {
    let path = try UnixNames.path(name)
    lock.lock()
    if boundPath != nil || isBinding {
      lock.unlock()
      // Autobind of what has a name is no error.
      if path.isEmpty { return }
      throw .EINVAL
    }
    isBinding = true
    lock.unlock()
    var bound = path
    var inode: Inode?
    do throws(Errno) {
      if path.isEmpty {
        bound = try UnixNames.addNumbered(self)
      } else if path[0] == 0 {
        try UnixNames.add(self, abstract: path)
      } else {
        bound = UnixNames.text(path)
        inode = try bindPath(task, bound)
      }
    } catch {
      lock.withLock { isBinding = false }
      throw error
    }
    lock.lock()
    boundPath = bound
    boundInode = inode
    isBinding = false
    lock.unlock()
  }

  private func bindPath(_ task: Task, _ path: [UInt8]) throws(Errno) -> Inode {
    let mask = task.process.fileSystem.umask
    var made: Inode?
    do throws(Errno) {
      try task.makeName(AT.FDCWD, path, isDirectory: false) {
        (directory, credentials) throws(Errno) in
        let (gid, bits) = directory.inheritance(credentials, 0o777 & ~mask, isDirectory: false)
        let inode = SpecialInode(
          directory.fileSystem, mode: FileMode.S_IFSOCK | bits, uid: credentials.fsuid, gid: gid)
        made = inode
        return inode
      }
    } catch {
      throw error == .EEXIST ? .EADDRINUSE : error
    }
    guard let made else { throw .EINVAL }
    UnixNames.add(self, inode: made)
    return made
  }

  override func localName() throws(Errno) -> [UInt8] {
    UnixNames.address(lock.withLock { boundPath } ?? [])
  }

  override func peerName() throws(Errno) -> [UInt8] {
    lock.lock()
    let isConnected = isDatagram ? peer != nil : state == .connected
    let path = peerPath
    let other = peer
    lock.unlock()
    guard isConnected else { throw .ENOTCONN }
    if let other { return try other.localName() }
    return UnixNames.address(path ?? [])
  }

  override func peerCredentials() -> SocketCredentials? { lock.withLock { credentials } }
  override var isListening: Bool { lock.withLock { state == .listening } }

  // MARK: Connections

  override func listen(_ task: Task, backlog: Int32) throws(Errno) {
    if isDatagram { throw .EOPNOTSUPP }
    let who = Self.currentCredentials()
    lock.lock()
    guard boundPath != nil, state == .idle || state == .listening else {
      lock.unlock()
      throw .EINVAL
    }
    state = .listening
    self.backlog = Int(min(UInt32(bitPattern: backlog), 4096))
    credentials = who
    lock.unlock()
    queue.wakeAll()
  }

  override func accept(nonblocking: Bool) throws(Errno) -> (Socket, [UInt8]) {
    if isDatagram { throw .EOPNOTSUPP }
    let new = try wait(queue, deadlineNs: receiveDeadline(), nonblocking: nonblocking) {
      () throws(Errno) -> UnixSocket? in
      lock.lock()
      defer { lock.unlock() }
      guard state == .listening, !isShutForReading else { throw Errno.EINVAL }
      if pending.isEmpty { return nil }
      return pending.removeFirst()
    }
    // Whoever waits for room in the backlog.
    queue.wakeAll(.writable)
    return (new, UnixNames.address(new.lock.withLock { new.peerPath } ?? []))
  }

  override func connect(_ task: Task, _ name: [UInt8], nonblocking: Bool) throws(Errno) {
    if isDatagram {
      try connectDatagram(task, name)
      return
    }
    let path = try UnixNames.path(name)
    if path.isEmpty { throw .EINVAL }
    while true {
      let found: UnixSocket
      do throws(Errno) { found = try UnixNames.find(task, path, type: type) } catch {
        if lock.withLock({ state == .connected }) { throw .EISCONN }
        throw error
      }
      // A listener that is closed while we wait for it: look again.
      if try connect(to: found, nonblocking: nonblocking) { return }
    }
  }

  private func connect(to listener: UnixSocket, nonblocking: Bool) throws(Errno) -> Bool {
    if listener === self { throw .EINVAL }
    let who = Self.currentCredentials()
    let embryo = UnixSocket(type: type)
    lock.lock()
    switch state {
    case .connected:
      lock.unlock()
      throw .EISCONN
    case .listening, .closed:
      lock.unlock()
      throw .EINVAL
    case .idle: break
    }
    let localPath = boundPath
    lock.unlock()
    embryo.credentials = who
    embryo.state = .connected
    embryo.peerPath = localPath
    let theirs: (path: [UInt8]?, credentials: SocketCredentials?)
    theirs = try wait(listener.queue, deadlineNs: sendDeadline(), nonblocking: nonblocking) {
      () throws(Errno) -> ([UInt8]?, SocketCredentials?)? in
      listener.lock.lock()
      defer { listener.lock.unlock() }
      guard listener.state == .listening, !listener.isShutForReading else {
        throw Errno.ECONNREFUSED
      }
      if listener.pending.count > listener.backlog { return nil }
      if embryo.input == nil {
        Self.join(self, embryo)
        embryo.boundPath = listener.boundPath
        embryo.options = listener.options
      }
      listener.pending.append(embryo)
      return (listener.boundPath, listener.credentials)
    }
    lock.lock()
    state = .connected
    peerPath = theirs.path
    credentials = theirs.credentials
    lock.unlock()
    listener.queue.wakeAll(.readable)
    queue.wakeAll()
    return true
  }

  private func connectDatagram(_ task: Task, _ name: [UInt8]) throws(Errno) {
    guard name.count >= 2 else { throw .EINVAL }
    let family = UInt16(name[0]) | UInt16(name[1]) << 8
    if family == AF.UNSPEC {
      setPeer(nil)
      return
    }
    let path = try UnixNames.path(name)
    if path.isEmpty { throw .EINVAL }
    let found = try UnixNames.find(task, path, type: type)
    guard found.accepts(from: self) else { throw .EPERM }
    setPeer(found)
    queue.wakeAll()
  }

  /// Connects a datagram socket, or disconnects it.
  private func setPeer(_ new: UnixSocket?) {
    let entry = new == nil ? nil : RelayEntry(queue)
    if let new, let entry { new.roomQueue.add(entry) }
    lock.lock()
    let (old, oldEntry) = (peer, relay)
    peer = new
    relay = entry
    if state != .closed { state = new == nil ? .idle : .connected }
    lock.unlock()
    if let old, let oldEntry { old.roomQueue.remove(oldEntry) }
  }

  /// unix_may_send: who is connected hears only its peer.
  private func accepts(from other: UnixSocket) -> Bool {
    lock.lock()
    defer { lock.unlock() }
    return peer == nil || peer === other
  }

  // MARK: Sending

  override func send(
    _ buffer: inout IOBuffer, to name: [UInt8]?, flags: MessageFlags, nonblocking: Bool,
    ancillary: Ancillary?
  ) throws(Errno) -> Int {
    if flags.contains(.MSG_OOB) { throw .EOPNOTSUPP }
    if isDatagram {
      return try sendDatagram(&buffer, to: name, nonblocking: nonblocking, ancillary: ancillary)
    }
    lock.lock()
    let output = output
    let isShut = isShutForWriting
    let isConnected = state == .connected
    lock.unlock()
    if name != nil, type == SOCK.STREAM { throw isConnected ? .EISCONN : .EOPNOTSUPP }
    guard let output, isConnected else { throw .ENOTCONN }
    if type == SOCK.SEQPACKET, let error = takeError() { throw error }
    do throws(Errno) {
      if isShut || output.refusesWrites { throw Errno.EPIPE }
      return try sendConnected(output, &buffer, nonblocking: nonblocking, ancillary: ancillary)
    } catch {
      if error == .EPIPE, !flags.contains(.MSG_NOSIGNAL) { Task.current.raiseSIGPIPE() }
      throw error
    }
  }

  private func sendConnected(
    _ output: MessageQueue, _ buffer: inout IOBuffer, nonblocking: Bool, ancillary: Ancillary?
  ) throws(Errno) -> Int {
    let who = ancillary?.credentials ?? Self.currentCredentials()
    let deadline = sendDeadline()
    if type == SOCK.SEQPACKET {
      if buffer.remaining > Int(lock.withLock { options.sendBuffer }) - 32 { throw .EMSGSIZE }
      let n = try wait(queue, deadlineNs: deadline, nonblocking: nonblocking) {
        () throws(Errno) -> Int? in
        try output.putMessage(
          &buffer, name: nil, credentials: who, ancillary: ancillary, limitsCount: false)
      }
      output.wakeReaders()
      return n
    }
    var done = 0
    while buffer.remaining > 0 {
      do throws(Errno) {
        done += try wait(queue, deadlineNs: deadline, nonblocking: nonblocking) {
          () throws(Errno) -> Int? in
          try output.putStream(
            &buffer, credentials: who, ancillary: done == 0 ? ancillary : nil)
        }
      } catch {
        if done > 0 { return done }
        throw error
      }
      output.wakeReaders()
    }
    return done
  }

  private func sendDatagram(
    _ buffer: inout IOBuffer, to name: [UInt8]?, nonblocking: Bool, ancillary: Ancillary?
  ) throws(Errno) -> Int {
    let task = Task.current
    if lock.withLock({ options.isOn(SocketOption.SO_PASSCRED) && boundPath == nil }) {
      try bind(task, [UInt8(AF.UNIX), 0])
    }
    let target: UnixSocket
    if let name {
      let path = try UnixNames.path(name)
      if path.isEmpty { throw .EINVAL }
      target = try UnixNames.find(task, path, type: type)
    } else {
      lock.lock()
      let other = peer
      let gone = peerHasGone
      peerHasGone = false
      lock.unlock()
      guard let other else { throw gone ? .ECONNREFUSED : .ENOTCONN }
      target = other
    }
    if lock.withLock({ isShutForWriting }) {
      task.raiseSIGPIPE()
      throw .EPIPE
    }
    guard target.accepts(from: self) else { throw .EPERM }
    if buffer.remaining > Int(lock.withLock { options.sendBuffer }) - 32 { throw .EMSGSIZE }
    guard let input = target.input else { throw .ECONNREFUSED }
    let who = ancillary?.credentials ?? Self.currentCredentials()
    // Nobody is named when the sender has no name.
    let sender = lock.withLock { boundPath }.map { UnixNames.address($0) } ?? []
    do throws(Errno) {
      let n = try wait(target.roomQueue, deadlineNs: sendDeadline(), nonblocking: nonblocking) {
        () throws(Errno) -> Int? in
        // A connected pair is limited by bytes, strangers by the length of the receiver's queue.
        try input.putMessage(
          &buffer, name: sender, credentials: who, ancillary: ancillary,
          limitsCount: target !== self)
      }
      input.wakeReaders()
      return n
    } catch {
      guard error == .EPIPE else { throw error }
      if target.lock.withLock({ target.state == .closed }) {
        if name == nil { setPeer(nil) }
        throw .ECONNREFUSED
      }
      task.raiseSIGPIPE()
      throw .EPIPE
    }
  }

  // MARK: Receiving

  override func receive(
    _ buffer: inout IOBuffer, flags: MessageFlags, nonblocking: Bool
  ) throws(Errno) -> Received {
    if flags.contains(.MSG_OOB) { throw .EOPNOTSUPP }
    lock.lock()
    let input = input
    let isConnected = state == .connected
    let isShut = isShutForReading
    let match = options.isOn(SocketOption.SO_PASSCRED)
    let sender = peerPath.map { UnixNames.address($0) } ?? []
    let lowest = max(1, Int(options.value(SocketOption.SOL_SOCKET, SocketOption.SO_RCVLOWAT) ?? 1))
    lock.unlock()
    guard let input, isConnected || isDatagram else {
      throw type == SOCK.STREAM ? .EINVAL : .ENOTCONN
    }
    let peek = flags.contains(.MSG_PEEK)
    let deadline = receiveDeadline()
    if hasMessages {
      return try wait(queue, deadlineNs: deadline, nonblocking: nonblocking) {
        () throws(Errno) -> Received? in
        if let out = try input.takeMessage(
          &buffer, peek: peek, wantsRealCount: flags.contains(.MSG_TRUNC))
        {
          return out
        }
        return isShut ? Received(count: 0) : nil
      }
    }
    let total = buffer.remaining
    let target = flags.contains(.MSG_WAITALL) && !peek ? total : min(lowest, total)
    var out = Received(count: 0, name: sender)
    repeat {
      do throws(Errno) {
        let more = try wait(queue, deadlineNs: deadline, nonblocking: nonblocking) {
          () throws(Errno) -> Received? in
          if let got = try input.takeStream(&buffer, peek: peek, matchCredentials: match) {
            return got
          }
          return isShut ? Received(count: 0) : nil
        }
        out.credentials = more.credentials ?? out.credentials
        out.count += more.count
        if more.ancillary != nil {
          out.ancillary = more.ancillary
          out.files = more.files
          break
        }
        if more.count == 0 { break }
      } catch {
        if out.count > 0 { break }
        throw error
      }
    } while out.count < target
    return out
  }

  override func unreadCount() throws(Errno) -> Int32 {
    lock.lock()
    let input = input
    let listening = state == .listening
    lock.unlock()
    if listening { throw .EINVAL }
    guard let input else { throw .EINVAL }
    return Int32(truncatingIfNeeded: type == SOCK.STREAM ? input.byteCount : input.firstCount)
  }

  override func unsentCount() -> Int32 {
    Int32(truncatingIfNeeded: lock.withLock { output }?.byteCount ?? 0)
  }

  override func takeError() -> Errno? { lock.withLock { input }?.takeError() }

  // MARK: Ends

  override func shutdown(_ how: Int32) throws(Errno) {
    guard how >= SHUT.RD, how <= SHUT.RDWR else { throw .EINVAL }
    lock.lock()
    if how != SHUT.WR { isShutForReading = true }
    if how != SHUT.RD { isShutForWriting = true }
    let (input, output) = (input, output)
    lock.unlock()
    if how != SHUT.WR { input?.ignore(discarding: false) }
    if how != SHUT.RD { output?.finish() }
    queue.wakeAll()
  }

  override func close() { end(becauseListenerClosed: false) }

  private func end(becauseListenerClosed: Bool) {
    lock.lock()
    let path = boundPath
    let inode = boundInode
    boundInode = nil
    let orphans = pending
    pending = []
    let oldPeer = peer
    let wasConnected = state == .connected
    state = .closed
    let (input, output) = (input, output)
    lock.unlock()
    if let inode {
      UnixNames.remove(inode, self)
    } else if let path, path.first == 0 {
      UnixNames.removeAbstract(path, self)
    }
    for orphan in orphans { orphan.end(becauseListenerClosed: true) }
    let lost = input?.ignore(discarding: true) ?? false
    if wasConnected, !isDatagram {
      // Data that was thrown away, or a connection that nobody accepted, is an error for the other end.
      output?.finish(lost || becauseListenerClosed ? .ECONNRESET : nil)
    }
    // Senders that wait for room find out; a pair's other half must not keep us.
    queue.wakeAll()
    roomQueue.wakeAll()
    if isDatagram {
      setPeer(nil)
      oldPeer?.peerClosed(self)
    }
  }

  private func peerClosed(_ other: UnixSocket) {
    guard lock.withLock({ peer === other }) else { return }
    setPeer(nil)
    lock.withLock { peerHasGone = true }
    queue.wakeAll()
  }

  // MARK: Readiness

  override func poll() -> PollEvents {
    lock.lock()
    let state = state
    let (input, output, other) = (input, output, peer)
    let hasPending = !pending.isEmpty
    let shutRead = isShutForReading
    let shutWrite = isShutForWriting
    lock.unlock()
    var events: PollEvents = []
    if state == .listening {
      if hasPending { events.formUnion(.readable) }
      return events
    }
    let ended = input?.hasEnded ?? false
    let noReading = shutRead || ended
    let noWriting = shutWrite || (output?.isUnread ?? false)
    if input?.hasError ?? false { events.insert(.POLLERR) }
    if noReading && noWriting { events.insert(.POLLHUP) }
    if noReading { events.formUnion([.POLLRDHUP, .POLLIN, .POLLRDNORM]) }
    if let input, !input.isEmpty { events.formUnion(.readable) }
    if !isDatagram, state == .idle || state == .closed { events.insert(.POLLHUP) }
    let hasRoom = isDatagram ? !(other?.input?.isFull ?? false) : output?.hasRoom ?? true
    if hasRoom { events.formUnion([.POLLOUT, .POLLWRNORM, .POLLWRBAND]) }
    return events
  }
}

/// Passes the wake-ups of one queue on to another.
private final class RelayEntry: WaitEntry, @unchecked Sendable {
  private let target: WaitQueue
  init(_ target: WaitQueue) { self.target = target }
  override func wake(_ events: PollEvents) { target.wakeAll(events) }
}
