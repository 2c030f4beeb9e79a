import CHostRuntime
import Glibc
import HostInterface
import LinuxABI

extension HostRequest {
  /// `quote(length)`: see `HostCall.quote`.
  func quote() throws(Errno) -> Int {
    guard argument(0) == UInt64(QuoteMessage.requestSize), let request = buffer.data(argument(0)),
      let quoting = process.quoting
    else { throw .EIO }
    let socket = try QuoteConversation.start(quoting)
    defer { close(socket) }
    guard clh_send_message(socket, request.baseAddress, request.count, -1) == request.count else {
      throw .EIO
    }
    switch QuoteConversation.reply(on: socket) {
    case .target(let info):
      buffer.data.copyBytes(from: info)
      return 0
    case .quote(let quote):
      buffer.data.copyBytes(from: quote)
      return quote.count
    case .failed(_), nil: throw .EIO
    }
  }
}

enum QuoteConversation {
  /// Longest wait for a quote: a first one may need its PCK certificate from the network.
  static let timeoutNs: UInt64 = 60_000_000_000

  /// Waits for one of the few quoting processes that there may be at a time.
  static func start(_ quoting: any QuotingSource) throws(Errno) -> Int32 {
    let pauseUs: UInt32 = 20_000
    for _ in 0..<Int(timeoutNs / 1000 / UInt64(pauseUs)) {
      do throws(Errno) {
        return try quoting.quotingProcess()
      } catch {
        guard error == .EAGAIN else { throw .EIO }
      }
      usleep(pauseUs)
    }
    throw .EAGAIN
  }

  /// nil: the other side has gone, or says what it may not say, or takes too long.
  static func reply(on socket: Int32) -> QuoteMessage.Reply? {
    var set = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    while true {
      let ready = clh_ppoll(&set, 1, timeoutNs)
      if ready == -EINTR { continue }
      guard ready > 0 else { return nil }
      break
    }
    var bytes = [UInt8](repeating: 0, count: QuoteMessage.largestReply + 1)
    var fd: Int32 = -1
    let size = clh_receive_message(socket, &bytes, bytes.count, &fd)
    if fd >= 0 { close(fd) }
    guard size > 0 else { return nil }
    return QuoteMessage.decode(Array(bytes[..<size]))
  }
}
