import EnclaveRuntime
import HostInterface
import LinuxABI

/// A TCP socket (tcp(7)): its other end is a host stream, or another socket of this enclave.
///
/// A listener has both kinds of visitors: connections from inside wait in `pending`, others at the host.
final class TCPSocket: InternetSocket, @unchecked Sendable {
  enum State {
    case idle
    case listening
    /// Connecting or connected through the host, which knows which of the two.
    case outside
    case inside
    case closed
  }

  // Guarded by `lock`.
  private(set) var state = State.idle
  private var pending: [TCPSocket] = []
  private var input: MessageQueue?
  private var output: MessageQueue?
  /// The port of `local` was taken from `PortTable`.
  private var insidePort: UInt16?
  /// connect(2) has not yet told a non-blocking caller that an inside connection stands.
  private var isConnectUntold = false
  private var isShutForReading = false
  private var isShutForWriting = false
  private var wroteToClosedPeer = false
  /// What was read from the host and did not fit into the program's memory.
  private var pushedBack: [UInt8] = []

  init(family: UInt16) {
    super.init(family: family, type: SOCK.STREAM, protocolNumber: IPPROTO.TCP)
  }

  override var isListening: Bool { lock.withLock { state == .listening } }

  // MARK: Names

  override func bind(_ task: Task, _ name: [UInt8]) throws(Errno) {
    let wanted = try bindName(name)
    lock.lock()
    let isFree = state == .idle && local == nil
    lock.unlock()
    guard isFree else { throw .EINVAL }
    let stream = try ensureStream()
    let given = try Host.bind(stream: stream, wanted)
    lock.withLock { local = given }
  }

  override func localName() throws(Errno) -> [UInt8] {
    if lock.withLock({ local == nil && (state == .outside || state == .listening) }) {
      learnNames()
    }
    return InternetName.bytes(lock.withLock { local } ?? InternetName.any(family))
  }

  override func peerName() throws(Errno) -> [UInt8] {
    lock.lock()
    let state = state
    var known = peer
    lock.unlock()
    switch state {
    case .inside: break
    case .outside:
      if known == nil {
        learnNames()
        known = lock.withLock { peer }
      }
    default: throw .ENOTCONN
    }
    guard let known else { throw .ENOTCONN }
    return InternetName.bytes(known)
  }

  // MARK: Listening

  override func listen(_ task: Task, backlog: Int32) throws(Errno) {
    lock.lock()
    let before = state
    lock.unlock()
    guard before == .idle || before == .listening else { throw .EINVAL }
    let stream = try ensureStream()
    try Host.listen(stream: stream, backlog: min(UInt32(bitPattern: backlog), 4096))
    if lock.withLock({ local == nil }) { learnNames() }
    lock.lock()
    let isNew = state == .idle
    if isNew { state = .listening }
    let port = local?.port ?? 0
    lock.unlock()
    if isNew { PortTable.add(self, port: port) }
    queue.wakeAll()
  }

  override func accept(nonblocking: Bool) throws(Errno) -> (Socket, [UInt8]) {
    let deadline = receiveDeadline()
    while true {
      lock.lock()
      guard state == .listening, let stream else {
        lock.unlock()
        throw .EINVAL
      }
      if !pending.isEmpty {
        let new = pending.removeFirst()
        lock.unlock()
        return (new, InternetName.bytes(new.lock.withLock { new.peer } ?? InternetName.any(family)))
      }
      let kept = options
      lock.unlock()
      let number = try HostStreams.allocate()
      do throws(Errno) {
        let name = try Host.accept(stream: stream, new: number, family: family)
        let new = TCPSocket(family: family)
        new.options = kept
        new.stream = number
        new.peer = name
        new.state = .outside
        return (new, InternetName.bytes(name))
      } catch {
        HostStreams.free(number)
        guard error == .EAGAIN else { throw error }
        if nonblocking { throw error }
      }
      try HostEnd.wait(stream: stream, events: .readable, queue: queue, deadlineNs: deadline) {
        lock.withLock { !pending.isEmpty || state != .listening }
      }
    }
  }

  // MARK: Connecting

  override func connect(_ task: Task, _ name: [UInt8], nonblocking: Bool) throws(Errno) {
    guard name.count >= 2 else { throw .EINVAL }
    if UInt16(name[0]) | UInt16(name[1]) << 8 == AF.UNSPEC { return try disconnect() }
    let to = try InternetName.parse(name, family: family).destination
    lock.lock()
    switch state {
    case .inside:
      let untold = isConnectUntold
      isConnectUntold = false
      lock.unlock()
      if untold { return }
      throw .EISCONN
    case .listening, .closed:
      lock.unlock()
      throw .EISCONN
    case .idle, .outside:
      lock.unlock()
    }
    try takePendingError()
    if lock.withLock({ state == .idle }), let listener = PortTable.listener(for: to.plain),
      try connect(to: listener, to)
    {
      if nonblocking {
        lock.withLock { isConnectUntold = true }
        throw .EINPROGRESS
      }
      return
    }
    try connectOutside(to, nonblocking: nonblocking)
  }

  private func connectOutside(_ to: SocketName, nonblocking: Bool) throws(Errno) {
    let stream = try ensureStream()
    let wasIdle = lock.withLock {
      let was = state == .idle
      state = .outside
      return was
    }
    do throws(Errno) {
      try Host.connect(stream: stream, to)
    } catch {
      if error != .EINPROGRESS {
        // A refused socket may try again (Linux: it is closed, not gone).
        if wasIdle || error == .ECONNREFUSED {
          lock.withLock { if state == .outside { state = .idle } }
        }
        throw error
      }
      if nonblocking {
        hostReadiness.couldNotWrite()
        throw error
      }
      let deadline = sendDeadline()
      do throws(Errno) {
        try waitForConnection(stream, deadline)
      } catch {
        // A timeout of SO_SNDTIMEO leaves it going on (socket(7)).
        throw error == .EAGAIN ? .EINPROGRESS : error
      }
    }
    queue.wakeAll()
  }

  private func waitForConnection(_ stream: UInt64, _ deadline: UInt64?) throws(Errno) {
    while true {
      var isReady = false
      var entries = [Host.PollEntry(stream: UInt32(truncatingIfNeeded: stream), events: 4)]
      let task = Task.current
      if task.hasInterruptingSignal { throw deadline == nil ? .ERESTARTSYS : .EINTR }
      PollWaiter.askHost(&entries, deadlineNs: deadline)
      isReady = entries[0].revents != 0
      if isReady {
        let status = Host.socketStatus(stream: stream, family: family)
        if let error = status.error {
          lock.withLock { if state == .outside { state = .idle } }
          throw error
        }
        lock.withLock {
          local = status.local ?? local
          peer = status.peer
        }
        return
      }
      if let deadline, Clock.monotonicNs() >= deadline { throw .EAGAIN }
    }
  }

  /// Joins this socket to a listener of the same enclave. False: it does not listen any more.
  private func connect(to listener: TCPSocket, _ to: SocketName) throws(Errno) -> Bool {
    let bound = lock.withLock { local }
    let port: UInt16
    if let bound { port = bound.port } else { port = try PortTable.allocatePort() }
    // The near end's address is the loopback address, unless it is bound to another one of this machine.
    var near = bound ?? InternetName.any(family, port: port)
    if near.isAny {
      near = InternetName.loopback(to.plain.family, port: port)
      if !to.isLoopback { near = to.plain }
      near.port = port
    }
    let far = TCPSocket(family: listener.family)
    let toFar = MessageQueue(readers: far.queue, writers: queue, limit: 1 << 18)
    let toNear = MessageQueue(readers: queue, writers: far.queue, limit: 1 << 18)
    far.state = .inside
    far.local = to.plain.seen(by: listener.family)
    far.peer = near.plain.seen(by: listener.family)
    far.input = toFar
    far.output = toNear
    lock.lock()
    guard state == .idle else {
      lock.unlock()
      if bound == nil { PortTable.freePort(port) }
      throw .EALREADY
    }
    state = .inside
    local = near.seen(by: family)
    peer = to.seen(by: family)
    input = toNear
    output = toFar
    if bound == nil { insidePort = port }
    lock.unlock()
    listener.lock.lock()
    let isThere = listener.state == .listening
    if isThere {
      far.options = listener.options
      listener.pending.append(far)
    }
    listener.lock.unlock()
    if !isThere {
      lock.lock()
      state = .idle
      local = bound
      peer = nil
      input = nil
      output = nil
      insidePort = nil
      lock.unlock()
      if bound == nil { PortTable.freePort(port) }
      return false
    }
    listener.queue.wakeAll(.readable)
    queue.wakeAll()
    return true
  }

  /// AF_UNSPEC: the socket is as new.
  private func disconnect() throws(Errno) {
    end()
    lock.lock()
    state = .idle
    local = nil
    peer = nil
    input = nil
    output = nil
    isShutForReading = false
    isShutForWriting = false
    lock.unlock()
  }

  // MARK: Sending

  override func send(
    _ buffer: inout IOBuffer, to name: [UInt8]?, flags: MessageFlags, nonblocking: Bool,
    ancillary: Ancillary?
  ) throws(Errno) -> Int {
    try refuse(ancillary)
    do throws(Errno) {
      lock.lock()
      let (state, output, stream) = (state, output, stream)
      let isShut = isShutForWriting
      lock.unlock()
      try takePendingError()
      switch state {
      case .inside:
        guard let output, !isShut else { throw Errno.EPIPE }
        if flags.contains(.MSG_OOB) { throw Errno.EOPNOTSUPP }
        return try sendInside(output, &buffer, nonblocking: nonblocking)
      case .outside:
        guard let stream else { throw Errno.EPIPE }
        return try sendOutside(stream, &buffer, flags, nonblocking: nonblocking)
      default: throw Errno.EPIPE
      }
    } catch {
      if error == .EPIPE, !flags.contains(.MSG_NOSIGNAL) { Task.current.raiseSIGPIPE() }
      throw error
    }
  }

  private func sendInside(
    _ output: MessageQueue, _ buffer: inout IOBuffer, nonblocking: Bool
  ) throws(Errno) -> Int {
    if let error = lock.withLock({ input })?.takeError() { throw error }
    let deadline = sendDeadline()
    let nobody = SocketCredentials()
    var done = 0
    let total = buffer.remaining
    while buffer.remaining > 0 {
      do throws(Errno) {
        done += try wait(queue, deadlineNs: deadline, nonblocking: nonblocking) {
          () throws(Errno) -> Int? in
          try output.putStream(&buffer, credentials: nobody, ancillary: nil)
        }
      } catch {
        if done > 0 { return done }
        if error == .EPIPE {
          // The first write to a closed peer is taken; it answers with a reset, and the next one fails.
          lock.lock()
          let isFirst = !wroteToClosedPeer && !(input?.hasFailed ?? false)
          wroteToClosedPeer = true
          lock.unlock()
          if isFirst { return total }
        }
        throw error
      }
      output.wakeReaders()
    }
    return done
  }

  private func sendOutside(
    _ stream: UInt64, _ buffer: inout IOBuffer, _ flags: MessageFlags, nonblocking: Bool
  ) throws(Errno) -> Int {
    if buffer.remaining == 0 { return 0 }
    let deadline = sendDeadline()
    let run = try HostEnd.run(buffer.remaining)
    let oob = flags.contains(.MSG_OOB) ? SocketFlags.outOfBand : 0
    let wait = !nonblocking && deadline == nil
    var done = 0
    while buffer.remaining > 0 {
      do throws(Errno) {
        let n = try run.copyIn(0, count: min(buffer.remaining, run.byteCount), from: &buffer)
        if n == 0 { break }
        var sent = 0
        while sent < n {
          do throws(Errno) {
            let at = sent
            let more = try HostEnd.repeated(mayWait: wait, hasTimeout: deadline != nil) {
              () throws(Errno) -> Int in
              try Host.send(
                stream: stream, from: run, at: at, length: n - at, to: nil,
                flags: oob | (wait ? 0 : SocketFlags.dontWait))
            }
            // A host that takes nothing and says so for ever is not waited for.
            if more == 0 { throw Errno.EIO }
            sent += more
            done += more
          } catch {
            guard error == .EAGAIN, !nonblocking else { throw error }
            try HostEnd.wait(stream: stream, events: .writable, queue: queue, deadlineNs: deadline)
            {
              false
            }
          }
        }
      } catch {
        if error == .EAGAIN { hostReadiness.couldNotWrite() }
        if done > 0 { return done }
        throw error
      }
    }
    return done
  }

  // MARK: Receiving

  override func receive(
    _ buffer: inout IOBuffer, flags: MessageFlags, nonblocking: Bool
  ) throws(Errno) -> Received {
    lock.lock()
    let (state, input, stream) = (state, input, stream)
    let lowest = max(1, Int(options.value(SocketOption.SOL_SOCKET, SocketOption.SO_RCVLOWAT) ?? 1))
    lock.unlock()
    try takePendingError()
    let deadline = receiveDeadline()
    let total = buffer.remaining
    let peek = flags.contains(.MSG_PEEK)
    let target = flags.contains(.MSG_WAITALL) && !peek ? total : min(lowest, total)
    var done = 0
    if flags.contains(.MSG_ERRQUEUE) { throw .EAGAIN }
    repeat {
      do throws(Errno) {
        let n: Int
        switch state {
        case .inside:
          guard let input else { throw Errno.ENOTCONN }
          if flags.contains(.MSG_OOB) { throw Errno.EINVAL }
          n = try receiveInside(input, &buffer, peek, deadline, nonblocking: nonblocking)
        case .outside:
          guard let stream else { throw Errno.ENOTCONN }
          n = try receiveOutside(stream, &buffer, flags, deadline, nonblocking: nonblocking)
        default: throw Errno.ENOTCONN
        }
        if n == 0 { break }
        done += n
      } catch {
        if done > 0 { break }
        throw error
      }
    } while done < target
    return Received(count: done)
  }

  private func receiveInside(
    _ input: MessageQueue, _ buffer: inout IOBuffer, _ peek: Bool, _ deadline: UInt64?,
    nonblocking: Bool
  ) throws(Errno) -> Int {
    try wait(queue, deadlineNs: deadline, nonblocking: nonblocking) { () throws(Errno) -> Int? in
      if let got = try input.takeStream(&buffer, peek: peek, matchCredentials: false) {
        return got.count
      }
      return nil
    }
  }

  private func receiveOutside(
    _ stream: UInt64, _ buffer: inout IOBuffer, _ flags: MessageFlags, _ deadline: UInt64?,
    nonblocking: Bool
  ) throws(Errno) -> Int {
    let peek = flags.contains(.MSG_PEEK)
    if let n = try takePushedBack(&buffer, peek: peek) { return n }
    if buffer.remaining == 0 { return 0 }
    let run = try HostEnd.run(buffer.remaining)
    let wanted = min(buffer.remaining, run.byteCount)
    let wait = !nonblocking && deadline == nil
    let hostFlags =
      (peek ? SocketFlags.peek : 0) | (wait ? 0 : SocketFlags.dontWait)
      | (flags.contains(.MSG_OOB) ? SocketFlags.outOfBand : 0)
    while true {
      do throws(Errno) {
        let n = try HostEnd.repeated(mayWait: wait, hasTimeout: deadline != nil) {
          () throws(Errno) -> Int in
          try Host.receive(stream: stream, into: run, length: wanted, flags: hostFlags)
        }
        if !peek { hostReadiness.hasRead() }
        if flags.contains(.MSG_TRUNC) {
          // tcp(7): the data is thrown away.
          buffer.skip(n)
          return n
        }
        return try handOut(run, n, &buffer, keepRest: !peek)
      } catch {
        if error == .EAGAIN { hostReadiness.hasRead() }
        guard error == .EAGAIN, !nonblocking else { throw error }
        try HostEnd.wait(stream: stream, events: .readable, queue: queue, deadlineNs: deadline) {
          false
        }
      }
    }
  }

  /// Bytes that the host has given must not be lost because the program's memory ends.
  private func handOut(
    _ run: PageRun, _ count: Int, _ buffer: inout IOBuffer, keepRest: Bool
  ) throws(Errno) -> Int {
    if count == 0 { return 0 }
    var moved = 0
    defer {
      if moved < count, keepRest {
        let rest = run.bytes(moved, count: count - moved)
        lock.withLock { pushedBack.append(contentsOf: rest) }
      }
    }
    moved = try run.copyOut(0, count: count, to: &buffer)
    return moved
  }

  private func takePushedBack(_ buffer: inout IOBuffer, peek: Bool) throws(Errno) -> Int? {
    lock.lock()
    let kept = pushedBack
    lock.unlock()
    if kept.isEmpty { return nil }
    let n = try buffer.write(kept)
    if !peek { lock.withLock { pushedBack.removeFirst(min(n, pushedBack.count)) } }
    return n
  }

  override func unreadCount() throws(Errno) -> Int32 {
    lock.lock()
    let (state, input, stream) = (state, input, stream)
    let kept = pushedBack.count
    lock.unlock()
    switch state {
    case .listening: throw .EINVAL
    case .inside: return Int32(truncatingIfNeeded: input?.byteCount ?? 0)
    case .outside:
      guard let stream else { return 0 }
      let status = Host.socketStatus(stream: stream, family: family)
      if let error = status.error { lock.withLock { pendingError = error } }
      return Int32(clamping: Int(status.unread) + kept)
    default: return 0
    }
  }

  override func unsentCount() -> Int32 {
    Int32(truncatingIfNeeded: lock.withLock { output }?.byteCount ?? 0)
  }

  override func takeError() -> Errno? {
    if let error = lock.withLock({ input })?.takeError() { return error }
    let error = super.takeError()
    // A connection that failed leaves a socket that may try again.
    if error != nil { lock.withLock { if state == .outside, peer == nil { state = .idle } } }
    return error
  }

  // MARK: Ends

  override func shutdown(_ how: Int32) throws(Errno) {
    guard how >= SHUT.RD, how <= SHUT.RDWR else { throw .EINVAL }
    lock.lock()
    let (state, input, output, stream) = (state, input, output, stream)
    lock.unlock()
    switch state {
    case .idle, .closed: throw .ENOTCONN
    case .listening:
      if how == SHUT.WR { return }
      if let stream { try Host.shutdown(stream: stream, how: how) }
      stopListening(becoming: .idle)
    case .outside:
      guard let stream else { throw .ENOTCONN }
      try Host.shutdown(stream: stream, how: how)
    case .inside:
      lock.lock()
      if how != SHUT.WR { isShutForReading = true }
      if how != SHUT.RD { isShutForWriting = true }
      lock.unlock()
      // The peer of a TCP socket that reads no more may go on writing.
      if how != SHUT.WR { input?.finish() }
      if how != SHUT.RD { output?.finish() }
    }
    queue.wakeAll()
  }

  private func stopListening(becoming new: State) {
    lock.lock()
    let orphans = pending
    pending = []
    let port = local?.port ?? 0
    let was = state
    state = new
    lock.unlock()
    if was == .listening { PortTable.remove(self, port: port) }
    for orphan in orphans { orphan.reset() }
    queue.wakeAll()
  }

  /// A connection that nobody accepted.
  private func reset() {
    lock.lock()
    let (input, output) = (input, output)
    state = .closed
    lock.unlock()
    input?.ignore(discarding: true)
    output?.finish(.ECONNRESET)
  }

  override func close() { end() }

  private func end() {
    stopListening(becoming: .closed)
    lock.lock()
    let (input, output) = (input, output)
    let port = insidePort
    insidePort = nil
    let resets = options.linger.onOff != 0 && options.linger.seconds == 0
    lock.unlock()
    let lost = input?.ignore(discarding: true) ?? false
    output?.finish(lost || resets ? .ECONNRESET : nil)
    if let port { PortTable.freePort(port) }
    closeStream()
  }

  // MARK: Readiness

  override var hostStream: UInt64? {
    lock.lock()
    defer { lock.unlock() }
    return state == .inside ? nil : stream
  }

  override func poll() -> PollEvents {
    lock.lock()
    let (state, input, output) = (state, input, output)
    let shutRead = isShutForReading
    let shutWrite = isShutForWriting
    let hasPending = !pending.isEmpty
    let hasBytes = !pushedBack.isEmpty
    let hasStream = stream != nil
    let hasError = pendingError != nil
    let resetSoon = wroteToClosedPeer
    lock.unlock()
    var events: PollEvents = []
    if hasError { events.formUnion([.POLLERR, .POLLIN, .POLLRDNORM]) }
    switch state {
    case .idle, .closed:
      if !hasStream { events.formUnion([.POLLOUT, .POLLWRNORM, .POLLHUP]) }
    case .listening: if hasPending { events.formUnion(.readable) }
    case .outside: if hasBytes { events.formUnion(.readable) }
    case .inside:
      let ended = shutRead || (input?.hasEnded ?? false)
      let failed = input?.hasError ?? false
      if failed { events.insert(.POLLERR) }
      if failed || resetSoon || (ended && shutWrite) { events.insert(.POLLHUP) }
      if ended { events.formUnion([.POLLIN, .POLLRDNORM, .POLLRDHUP]) }
      if let input, !input.isEmpty { events.formUnion(.readable) }
      if shutWrite || (output?.isUnread ?? true) || (output?.hasRoom ?? true) {
        events.formUnion(.writable)
      }
    }
    return events
  }

  override func hostEvents(_ events: PollEvents) -> PollEvents { events }

  // MARK: Options

  override func defaultOption(_ level: Int32, _ name: Int32) -> Int32? {
    typealias O = SocketOption
    guard level == O.SOL_TCP else { return super.defaultOption(level, name) }
    switch name {
    case O.TCP_NODELAY, O.TCP_CORK, O.TCP_DEFER_ACCEPT, O.TCP_USER_TIMEOUT, O.TCP_FASTOPEN: return 0
    case O.TCP_QUICKACK: return 1
    case O.TCP_KEEPIDLE: return 7200
    case O.TCP_KEEPINTVL: return 75
    case O.TCP_KEEPCNT: return 9
    case O.TCP_SYNCNT: return 6
    case O.TCP_LINGER2: return 60
    case O.TCP_MAXSEG: return 536
    default: return nil
    }
  }

  override func checkOption(_ level: Int32, _ name: Int32, _ value: Int32) throws(Errno) {
    typealias O = SocketOption
    guard level == O.SOL_TCP else { return try super.checkOption(level, name, value) }
    switch name {
    case O.TCP_KEEPIDLE, O.TCP_KEEPINTVL: guard (1...32767).contains(value) else { throw .EINVAL }
    case O.TCP_KEEPCNT: guard (1...127).contains(value) else { throw .EINVAL }
    case O.TCP_SYNCNT: guard (1...127).contains(value) else { throw .EINVAL }
    case O.TCP_USER_TIMEOUT, O.TCP_FASTOPEN: guard value >= 0 else { throw .EINVAL }
    case O.TCP_MAXSEG: guard value == 0 || (88...32767).contains(value) else { throw .EINVAL }
    default: break
    }
  }

  /// Of the bind(2) address: AF_UNSPEC is taken for AF_INET when the address is 0.0.0.0.
  private func bindName(_ name: [UInt8]) throws(Errno) -> SocketName {
    try InternetName.bindName(name, family: family)
  }
}
