import CHostRuntime
import Glibc

/// A client of the AESM service (aesmd), which talks to the platform's quoting enclave: one request a
/// connection, `u32` length and a message each way.
///
/// It has been tried against a service of our own making, not on a machine with SGX.
struct AESMClient {
  let socket: String
  static let timeoutMs: UInt64 = 30_000
  /// errorCode: the attestation key has to be made first.
  private static let keyNotInitialized: UInt64 = 42

  /// The quoting enclave's TARGETINFO. Makes the attestation key if there is none.
  func targetInfo() throws(HostError) -> [UInt8] {
    let answer = try exchange(AESMMessage.initQuoteEx(timeoutMs: Self.timeoutMs), field: 15)
    try check(answer, "InitQuoteEx")
    guard case .bytes(let info)? = answer[2], info.count == QuoteMessage.targetInfoSize else {
      throw HostError("the AESM service at \(socket) sends no target info")
    }
    return info
  }

  /// A quote over a report that was made for `targetInfo()`.
  func quote(report: [UInt8]) throws(HostError) -> [UInt8] {
    let request = AESMMessage.getQuoteEx(
      report: report, size: QuoteMessage.largestQuote, timeoutMs: Self.timeoutMs)
    var answer = try exchange(request, field: 17)
    if case .number(Self.keyNotInitialized)? = answer[1] {
      _ = try targetInfo()
      answer = try exchange(request, field: 17)
    }
    try check(answer, "GetQuoteEx")
    guard case .bytes(let padded)? = answer[2], let quote = Self.trim(padded) else {
      throw HostError("the AESM service at \(socket) sends no quote")
    }
    return quote
  }

  /// The service pads the quote to the size that was asked for: header and body are 432 bytes, then the
  /// length of the rest (quote versions 3 and 4).
  static func trim(_ padded: [UInt8]) -> [UInt8]? {
    guard padded.count >= 436, padded.count <= QuoteMessage.largestQuote else { return nil }
    var size: UInt64 = 0
    for i in 0..<4 { size |= UInt64(padded[432 + i]) << UInt64(8 * i) }
    guard size <= UInt64(padded.count - 436) else { return nil }
    return Array(padded[..<(436 + Int(size))])
  }

  private func check(
    _ answer: [UInt64: AESMMessage.Field], _ request: String
  ) throws(HostError) {
    guard case .number(let code)? = answer[1] else {
      throw HostError("the AESM service at \(socket) answers \(request) without an error code")
    }
    guard code == 0 else {
      throw HostError(
        "the AESM service answers \(request) with \(hex(code))\(Self.meaning(code)); its log says more "
          + "(journalctl -u aesmd)")
    }
  }

  /// What users meet (Intel's DCAP Quote Library API, and aesm_error.h).
  private static func meaning(_ code: UInt64) -> String {
    switch code {
    case 0xE011: ": the platform has no PCK certificate; register it, or look at the PCCS"
    case 0xE019: ": the PCCS cannot be reached; see /etc/sgx_default_qcnl.conf"
    case 0xE00B: ": this quoting enclave has no ECDSA key"
    case 30: ": no SGX device, or the service may not use it"
    case 42: ": the attestation key cannot be made"
    default: ""
    }
  }

  // MARK: The socket

  private func exchange(
    _ message: [UInt8], field: UInt64
  ) throws(HostError) -> [UInt64: AESMMessage.Field] {
    let fd = try connect()
    defer { close(fd) }
    let size = withUnsafeBytes(of: UInt32(message.count).littleEndian) { Array($0) }
    try send(fd, size + message)
    let head = try receive(fd, 4)
    let count = head.reversed().reduce(0) { $0 << 8 | Int($1) }
    guard count <= 1 << 20 else {
      throw HostError("the AESM service at \(socket) answers too much")
    }
    guard let fields = AESMMessage.parse(try receive(fd, count)),
      case .bytes(let inner)? = fields[field], let answer = AESMMessage.parse(inner)
    else { throw HostError("the AESM service at \(socket) answers what is not understood") }
    return answer
  }

  private func connect() throws(HostError) -> Int32 {
    let fd = Glibc.socket(
      AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard fd >= 0 else { throw HostError("cannot make a socket: \(lastError())") }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = Array(socket.utf8)
    guard path.count < MemoryLayout.size(ofValue: address.sun_path) else {
      close(fd)
      throw HostError("\(socket): too long for a socket's path")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    var limit = timeval(tv_sec: Int(Self.timeoutMs / 1000) + 5, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(fd, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard connected == 0 else {
      let why = lastError()
      close(fd)
      throw HostError(
        "cannot reach the AESM service at \(socket): \(why); install and start aesmd (package "
          + "sgx-aesm-service with the ECDSA plug-in)")
    }
    return fd
  }

  private func send(_ fd: Int32, _ bytes: [UInt8]) throws(HostError) {
    var done = 0
    while done < bytes.count {
      let n = bytes.withUnsafeBytes {
        Glibc.send(fd, $0.baseAddress! + done, $0.count - done, Int32(MSG_NOSIGNAL))
      }
      if n < 0 && errno == EINTR { continue }
      guard n > 0 else { throw HostError("cannot ask the AESM service: \(lastError())") }
      done += n
    }
  }

  private func receive(_ fd: Int32, _ count: Int) throws(HostError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let n = bytes.withUnsafeMutableBytes { recv(fd, $0.baseAddress! + done, count - done, 0) }
      if n < 0 && errno == EINTR { continue }
      guard n > 0 else {
        throw HostError(
          "the AESM service at \(socket) does not answer\(n < 0 ? ": \(lastError())" : "")")
      }
      done += n
    }
    return bytes
  }
}
