import CHostRuntime
import Glibc

/// What `cloister run --job` and a waiting instance say to each other over the instance's socket (SOCK_SEQPACKET, in the
/// user's state folder, so both are the same user).
///
/// The caller sends `job` with the JOB's descriptor, then `result` with that of a file for the result; the instance
/// answers with news: `JobNews` and a text.
enum JobMessage {
  static let job: [UInt8] = Array("cloister job 1".utf8)
  static let result: [UInt8] = Array("cloister result 1".utf8)
  static let largestSize = 4096

  static func send(_ socket: Int32, _ bytes: [UInt8], descriptor: Int32 = -1) -> Bool {
    clh_send_message(socket, bytes, bytes.count, descriptor) == bytes.count
  }

  /// nil: the other side is gone.
  static func receive(_ socket: Int32) -> (bytes: [UInt8], descriptor: Int32)? {
    var bytes = [UInt8](repeating: 0, count: largestSize)
    var fd: Int32 = -1
    let n = bytes.withUnsafeMutableBytes {
      clh_receive_message(socket, $0.baseAddress, $0.count, &fd)
    }
    guard n > 0 else { return nil }
    return (Array(bytes[..<n]), fd)
  }
}

/// What the enclave says about a job, first 8 bytes of what it writes to `BlockObject.jobStatus`.
enum JobNews: UInt64 {
  case accepted = 1
  case refused = 2
  case done = 3
  case failed = 4

  /// The news and its text, from the enclave or over the socket.
  static func decode(_ bytes: [UInt8]) -> (news: JobNews, text: String)? {
    guard bytes.count >= 8 else { return nil }
    var value: UInt64 = 0
    for i in 0..<8 { value |= UInt64(bytes[i]) << UInt64(8 * i) }
    guard let news = JobNews(rawValue: value) else { return nil }
    // What the enclave says goes to a terminal: printable characters only.
    let text = bytes[8...].prefix(1000).map { (0x20...0x7E).contains($0) ? $0 : 0x3F }
    return (news, String(decoding: text, as: UTF8.self))
  }

  func encode(_ text: String) -> [UInt8] {
    var out: [UInt8] = []
    for i in 0..<8 { out.append(UInt8(truncatingIfNeeded: rawValue >> UInt64(8 * i))) }
    return out + Array(text.utf8.prefix(1000))
  }
}
