import CHostRuntime
import Glibc
import LinuxABI

/// The broker's side of the socket.
struct BrokerServer {
  let socket: Int32
  let objects: DevelopmentRoot
  let quoting: QuotingSide
  let signer: (_ mrenclave: [UInt8], _ attributes: [UInt8]) throws(HostError) -> [UInt8]
  /// Quoting processes that have not been waited for. A hostile program cannot have more of them.
  private var quotingProcesses: [pid_t] = []
  private static let mostQuotingProcesses = 8
  var jobs: JobBroker?

  init(
    socket: Int32, objects: DevelopmentRoot, quoting: QuotingSide,
    signer: @escaping (_ mrenclave: [UInt8], _ attributes: [UInt8]) throws(HostError) -> [UInt8]
  ) {
    self.socket = socket
    self.objects = objects
    self.quoting = quoting
    self.signer = signer
  }

  /// Answers until the enclave's process is gone.
  mutating func serve() -> Never {
    let capacity = BrokerMessage.headerSize + BrokerMessage.maximumSize
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 8)
    while true {
      if let client = jobs?.client, client >= 0 { watch(client) }
      var received: Int32 = -1
      let size = clh_receive_message(socket, buffer.baseAddress, buffer.count, &received)
      if received >= 0 { close(received) }
      guard size > 0,
        let (words, bytes) = BrokerMessage.decode(
          UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<size]))
      else { _exit(0) }
      var reply: (bytes: [UInt8], fd: Int32) = ([], -1)
      var result: UInt64 = 0
      do throws(Errno) {
        reply = try answer(words, bytes)
      } catch {
        result = UInt64(error.rawValue)
      }
      let message = BrokerMessage.encode((result, 0, 0), reply.bytes)
      let sent = clh_send_message(socket, message, message.count, reply.fd)
      if reply.fd >= 0 { close(reply.fd) }
      if sent < 0 { _exit(0) }
    }
  }

  private mutating func answer(
    _ words: (UInt64, UInt64, UInt64), _ bytes: [UInt8]
  ) throws(Errno) -> (bytes: [UInt8], fd: Int32) {
    switch BrokerMessage.Operation(rawValue: words.0) {
    case .lookup: return (try objects.lookup(directory: words.1, name: bytes).bytes, -1)
    case .status: return (try objects.status(of: words.1).bytes, -1)
    case .entries:
      let limit = BrokerMessage.maximumSize
      return (try objects.entries(of: words.1, cookie: words.2, limit: limit), -1)
    case .open:
      switch try objects.open(words.1) {
      case .descriptor(let fd): return ([], fd)
      case .bytes(let bytes):
        return bytes.count <= BrokerMessage.maximumSize ? (bytes, -1) : ([], try memoryFile(bytes))
      }
    case .sign:
      guard bytes.count == 48 else { throw .EINVAL }
      do throws(HostError) {
        return (try signer(Array(bytes[..<32]), Array(bytes[32...])), -1)
      } catch {
        EnclaveProcess.say("cloister: \(error.description)")
        throw .EIO
      }
    case .quote:
      quotingProcesses.removeAll { waitpid($0, nil, WNOHANG) != 0 }
      guard quotingProcesses.count < Self.mostQuotingProcesses else { throw .EAGAIN }
      let (descriptor, pid) = try QuotingProcess.start(quoting)
      quotingProcesses.append(pid)
      return ([], descriptor)
    case .jobOffer:
      guard jobs != nil else { throw .EINVAL }
      try jobs!.putOffer(bytes)
      return ([], -1)
    case .jobKey:
      guard jobs != nil else { throw .EINVAL }
      try jobs!.putKey(bytes)
      return ([], -1)
    case .jobWait:
      guard jobs != nil else { throw .EINVAL }
      return ([], try jobs!.waitForJob())
    case .jobResult:
      guard let jobs else { throw .EINVAL }
      return ([], try jobs.resultFile())
    case .jobStatus:
      guard jobs != nil, let (news, text) = JobNews.decode(bytes) else { throw .EINVAL }
      try jobs!.tell(news, text)
      return ([], -1)
    case nil: throw .EINVAL
    }
  }

  /// Waits for the next request. Whoever brought the job goes away: the run ends, as with Ctrl-C.
  private func watch(_ client: Int32) {
    var set = [
      pollfd(fd: socket, events: Int16(POLLIN), revents: 0),
      pollfd(fd: client, events: Int16(POLLIN), revents: 0),
    ]
    while poll(&set, 2, -1) < 0 && errno == EINTR {}
    guard set[0].revents == 0, set[1].revents != 0 else { return }
    EnclaveProcess.say("cloister: whoever brought the job is gone; the run ends")
    kill(getppid(), SIGTERM)
    _exit(0)
  }

  /// Bytes that do not fit a message, as a file without a name.
  private func memoryFile(_ bytes: [UInt8]) throws(Errno) -> Int32 {
    let fd = clh_memfd("cloister")
    guard fd >= 0 else { throw .EIO }
    var done = 0
    while done < bytes.count {
      let n = bytes.withUnsafeBytes { write(fd, $0.baseAddress! + done, $0.count - done) }
      guard n > 0 else {
        close(fd)
        throw .EIO
      }
      done += n
    }
    return fd
  }
}
