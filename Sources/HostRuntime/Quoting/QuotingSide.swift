import Glibc

import LinuxABI

/// Where a process comes from that answers one request for a quote: the broker.
protocol QuotingSource: AnyObject, Sendable {
  /// The descriptor of its socket. EAGAIN: there are too many of them.
  func quotingProcess() throws(Errno) -> Int32
}

/// Who makes this machine's quotes.
enum QuotingSide: Sendable {
  /// The platform's quoting enclave, behind the AESM service's socket.
  case AESM(socket: String)
  /// The software machine's: the executable beside this one.
  case software(tools: String)

  /// Where aesmd listens, unless `$CLOISTER_AESM_SOCKET` says otherwise.
  static let standardSocket = "/var/run/aesmd/aesm.socket"

  init(isHardware: Bool) {
    if isHardware {
      self = .AESM(socket: environmentVariable("CLOISTER_AESM_SOCKET") ?? Self.standardSocket)
    } else {
      self = .software(tools: toolsPath())
    }
  }
}

/// `cloister-tools`, which lies beside `cloister`.
public func toolsPath() -> String {
  var buffer = [CChar](repeating: 0, count: 4096)
  let size = readlink("/proc/self/exe", &buffer, buffer.count - 1)
  let path = String(decoding: buffer[..<max(size, 0)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  return path.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/cloister-tools"
}
