import CHostRuntime
import Glibc
import LinuxABI

/// A process that answers one request for a quote and ends: a child of the broker, so that neither the
/// enclave's process (which may not open sockets or start programs) nor the broker (which others wait for)
/// does the work. It never starts before a program asks for a quote.
enum QuotingProcess {
  /// Forks it. The descriptor is the other end of its socket.
  static func start(_ side: QuotingSide) throws(Errno) -> (descriptor: Int32, pid: pid_t) {
    var pair: (Int32, Int32) = (-1, -1)
    let made = withUnsafeMutableBytes(of: &pair) {
      clh_socketpair($0.baseAddress!.assumingMemoryBound(to: Int32.self))
    }
    guard made == 0 else { throw .EAGAIN }
    let child = clh_fork()
    if child == 0 {
      clh_die_with_parent()
      serve(side, pair.1)
    }
    close(pair.1)
    guard child > 0 else {
      close(pair.0)
      throw .EAGAIN
    }
    return (pair.0, child)
  }

  private static func serve(_ side: QuotingSide, _ socket: Int32) -> Never {
    switch side {
    case .software(let tools): becomeTools(tools, socket)
    case .AESM(let path):
      guard let request = receive(socket) else { _exit(1) }
      let reply = QuoteMessage.encode(answer(request, AESMClient(socket: path)))
      _ = clh_send_message(socket, reply, reply.count, -1)
      _exit(0)
    }
  }

  /// What the platform's quoting enclave says to a request.
  static func answer(_ request: [UInt8], _ client: AESMClient) -> QuoteMessage.Reply {
    guard request.count == QuoteMessage.requestSize else { return .failed(EINVAL) }
    do throws(HostError) {
      let target = try client.targetInfo()
      guard Array(request[QuoteMessage.reportSize...]) == target else { return .target(target) }
      return .quote(try client.quote(report: Array(request[..<QuoteMessage.reportSize])))
    } catch {
      EnclaveProcess.say("cloister: no quote: \(error.description)")
      return .failed(EIO)
    }
  }

  private static func receive(_ socket: Int32) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: QuoteMessage.requestSize + 1)
    var fd: Int32 = -1
    let size = clh_receive_message(socket, &bytes, bytes.count, &fd)
    if fd >= 0 { close(fd) }
    return size > 0 ? Array(bytes[..<size]) : nil
  }

  /// The tools read the request from their standard input and write the reply to their standard output.
  private static func becomeTools(_ path: String, _ socket: Int32) -> Never {
    dup2(socket, 0)
    dup2(socket, 1)
    clh_close_from(3, -1)
    var arguments = [strdup("cloister"), strdup("software-quote"), nil]
    execv(path, &arguments)
    EnclaveProcess.say("cloister: no quote: cannot start \(path): \(lastError())")
    _exit(1)
  }
}
