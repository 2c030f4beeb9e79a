import CHostRuntime
import Glibc
import LinuxABI
import SGX
import Synchronization

/// The broker: a process of its own that opens files for the enclave's process, which after its seccomp
/// filter can open nothing itself.
///
/// It is forked before the enclave is built, opens objects by index only (never a path from the other
/// side), keeps the user's signing key out of the enclave's process, and ends when that process does.
final class Broker: Sendable {
  private let socket: Mutex<Int32>

  private init(socket: Int32) { self.socket = Mutex(socket) }

  /// Forks the broker, which serves `objects`. Only while the process has one thread.
  static func fork(
    serving objects: DevelopmentRoot, quoting: QuotingSide, jobs: JobBroker? = nil,
    signer: @escaping (_ mrenclave: [UInt8], _ attributes: [UInt8]) throws(HostError) -> [UInt8]
  ) throws(HostError) -> Broker {
    var pair: (Int32, Int32) = (-1, -1)
    let made = withUnsafeMutableBytes(of: &pair) {
      clh_socketpair($0.baseAddress!.assumingMemoryBound(to: Int32.self))
    }
    guard made == 0 else { throw HostError("cannot make a socket pair: \(errorText(-made))") }
    let child = clh_fork()
    guard child >= 0 else { throw HostError("cannot fork: \(errorText(-child))") }
    if child == 0 {
      close(pair.0)
      clh_die_with_parent()
      // Ctrl-C reaches the whole process group; the broker ends with the enclave, not before it.
      for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] { signal(number, SIG_IGN) }
      var server = BrokerServer(
        socket: pair.1, objects: objects, quoting: quoting, signer: signer)
      server.jobs = jobs
      server.serve()
    }
    close(pair.1)
    return Broker(socket: pair.0)
  }

  private func call(
    _ operation: BrokerMessage.Operation, _ a: UInt64 = 0, _ b: UInt64 = 0, _ bytes: [UInt8] = []
  ) throws(Errno) -> (bytes: [UInt8], descriptor: Int32) {
    let request = BrokerMessage.encode((operation.rawValue, a, b), bytes)
    let result = socket.withLock { socket -> Result<([UInt8], Int32), Errno> in
      guard clh_send_message(socket, request, request.count, -1) == request.count else {
        return .failure(.EIO)
      }
      let capacity = BrokerMessage.headerSize + BrokerMessage.maximumSize
      return withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 8) { buffer in
        var fd: Int32 = -1
        let size = clh_receive_message(socket, buffer.baseAddress, buffer.count, &fd)
        guard size > 0,
          let (words, bytes) = BrokerMessage.decode(
            UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<size]))
        else { return .failure(.EIO) }
        guard words.0 == 0 else { return .failure(Errno(rawValue: Int32(clamping: words.0))) }
        return .success((bytes, fd))
      }
    }
    return try result.get()
  }

  /// A SIGSTRUCT for a development enclave.
  func sigstruct(mrenclave: [UInt8], attributes: ATTRIBUTES) throws(HostError) -> SIGSTRUCT {
    guard let bytes = try? call(.sign, 0, 0, mrenclave + attributes.encoded()).bytes,
      let sigstruct = try? SIGSTRUCT(bytes)
    else { throw HostError("the enclave could not be signed with the debug key") }
    return sigstruct
  }
}

extension Broker {
  func putOffer(_ bytes: [UInt8]) throws(Errno) { _ = try call(.jobOffer, 0, 0, bytes) }

  func putKey(_ bytes: [UInt8]) throws(Errno) { _ = try call(.jobKey, 0, 0, bytes) }

  /// Descriptors of a job and of the file for its result, when there is one.
  func waitForJob() throws(Errno) -> (job: Int32, result: Int32) {
    let job = try call(.jobWait).descriptor
    let result = try call(.jobResult).descriptor
    guard job >= 0, result >= 0 else { throw .EIO }
    return (job, result)
  }

  func tell(_ news: JobNews, _ text: String) throws(Errno) {
    _ = try call(.jobStatus, 0, 0, news.encode(text))
  }
}

extension Broker: QuotingSource {
  func quotingProcess() throws(Errno) -> Int32 {
    let descriptor = try call(.quote).descriptor
    guard descriptor >= 0 else { throw .EIO }
    return descriptor
  }
}

extension Broker: ObjectSource {
  func lookup(directory: UInt64, name: [UInt8]) throws(Errno) -> ObjectRecord {
    try record(call(.lookup, directory, 0, name).bytes)
  }

  func status(of index: UInt64) throws(Errno) -> ObjectRecord {
    try record(call(.status, index).bytes)
  }

  func entries(of directory: UInt64, cookie: UInt64, limit: Int) throws(Errno) -> [UInt8] {
    try call(.entries, directory, cookie).bytes
  }

  func open(_ index: UInt64) throws(Errno) -> ObjectData {
    let reply = try call(.open, index)
    return reply.descriptor >= 0 ? .descriptor(reply.descriptor) : .bytes(reply.bytes)
  }

  private func record(_ bytes: [UInt8]) throws(Errno) -> ObjectRecord {
    guard let record = ObjectRecord(words: bytes) else { throw .EIO }
    return record
  }
}
