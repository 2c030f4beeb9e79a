import EnclaveRuntime
import LinuxABI

/// A socket of any family (socket(7)). Subclasses override what their kind can do; the rest answers as
/// Linux does for a kind that cannot.
class Socket: @unchecked Sendable {
  let family: UInt16
  /// SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_RAW.
  let type: UInt32
  let protocolNumber: Int32
  /// Guards the state of this class and of its subclasses. Never held over a host call or a sleep.
  let lock = Lock()
  /// Whoever waits for this socket: readers, writers, acceptors, poll.
  let queue = WaitQueue()
  /// Guarded by `lock`.
  final var options = SocketOptions()

  init(family: UInt16, type: UInt32, protocolNumber: Int32) {
    self.family = family
    self.type = type
    self.protocolNumber = protocolNumber
  }

  // MARK: What a kind of socket can do

  /// Called once, when the last descriptor is gone.
  func close() {}

  func bind(_ task: Task, _ name: [UInt8]) throws(Errno) { throw .EOPNOTSUPP }
  func listen(_ task: Task, backlog: Int32) throws(Errno) { throw .EOPNOTSUPP }
  /// The new socket, and its peer's name.
  func accept(nonblocking: Bool) throws(Errno) -> (Socket, [UInt8]) { throw .EOPNOTSUPP }
  func connect(_ task: Task, _ name: [UInt8], nonblocking: Bool) throws(Errno) { throw .EOPNOTSUPP }

  /// Sends what `buffer` holds. `name`: the address given with the call, nil for none.
  func send(
    _ buffer: inout IOBuffer, to name: [UInt8]?, flags: MessageFlags, nonblocking: Bool,
    ancillary: Ancillary?
  ) throws(Errno) -> Int { throw .EOPNOTSUPP }

  func receive(
    _ buffer: inout IOBuffer, flags: MessageFlags, nonblocking: Bool
  ) throws(Errno) -> Received { throw .EOPNOTSUPP }

  func shutdown(_ how: Int32) throws(Errno) { throw .EOPNOTSUPP }
  func localName() throws(Errno) -> [UInt8] { throw .EOPNOTSUPP }
  func peerName() throws(Errno) -> [UInt8] { throw .EOPNOTSUPP }

  /// What poll(2) can say without the host.
  func poll() -> PollEvents { [] }
  /// The host stream that poll(2) must ask as well, now; and whether there may ever be one.
  var hostStream: UInt64? { nil }
  var mayHaveHostStream: Bool { false }
  /// What the host's answer means for this socket.
  func hostEvents(_ events: PollEvents) -> PollEvents { events }
  /// For edge-triggered epoll(7) on a host stream.
  var readiness: HostReadiness? { nil }

  /// FIONREAD. EINVAL for a listener.
  func unreadCount() throws(Errno) -> Int32 { 0 }
  func unsentCount() -> Int32 { 0 }

  /// SO_ERROR: told once.
  func takeError() -> Errno? { nil }
  var isListening: Bool { false }
  /// SO_PEERCRED; nil: ENOTCONN or not of this family.
  func peerCredentials() -> SocketCredentials? { nil }
  /// A number at a level other than SOL_SOCKET that may be set, or nil. The second: the host must know.
  func acceptsOption(_ level: Int32, _ name: Int32) -> Bool { false }
  /// Default of such an option.
  func defaultOption(_ level: Int32, _ name: Int32) -> Int32? { nil }
  /// EINVAL or ERANGE for a value that the option cannot have.
  func checkOption(_ level: Int32, _ name: Int32, _ value: Int32) throws(Errno) {}
  /// The option is on or off, whatever number says so.
  func isSwitch(_ level: Int32, _ name: Int32) -> Bool { false }
  /// An option has changed; hands it to the host if there is a stream.
  func optionChanged(_ level: Int32, _ name: Int32, _ value: UInt64) throws(Errno) {}

  // MARK: Timeouts

  final func receiveDeadline() -> UInt64? { deadline(lock.withLock { options.receiveTimeoutNs }) }
  final func sendDeadline() -> UInt64? { deadline(lock.withLock { options.sendTimeoutNs }) }

  private func deadline(_ timeoutNs: UInt64) -> UInt64? {
    if timeoutNs == 0 { return nil }
    let end = Clock.monotonicNs().addingReportingOverflow(timeoutNs)
    return end.overflow ? nil : end.partialValue
  }

  /// Waits on `queue` until `attempt` gives something. EAGAIN at the deadline of SO_RCVTIMEO or SO_SNDTIMEO,
  /// with which signals give EINTR instead of a restart (signal(7)).
  final func wait<R>(
    _ queue: WaitQueue, deadlineNs: UInt64?, nonblocking: Bool, _ attempt: () throws(Errno) -> R?
  ) throws(Errno) -> R {
    if nonblocking {
      if let result = try attempt() { return result }
      throw .EAGAIN
    }
    do throws(Errno) {
      return try queue.wait(deadlineNs: deadlineNs, attempt)
    } catch {
      if error == .ETIMEDOUT { throw .EAGAIN }
      if error == .ERESTARTSYS, deadlineNs != nil { throw .EINTR }
      throw error
    }
  }

  /// Who the calling process is, for SO_PEERCRED and SCM_CREDENTIALS.
  static func currentCredentials() -> SocketCredentials {
    guard let task = Task.currentIfAny else { return SocketCredentials(pid: 0, uid: 0, gid: 0) }
    let process = task.process
    process.lock.lock()
    defer { process.lock.unlock() }
    return SocketCredentials(
      pid: process.pid, uid: process.credentials.effectiveUser,
      gid: process.credentials.effectiveGroup)
  }
}
