/// What the enclave's process and a quoting process say to each other: one message each way.
///
/// The request is a REPORT (432 bytes) and the TARGETINFO (512 bytes) that it was made for. The reply is a
/// word and bytes: the QE's TARGETINFO, when the report is for somebody else; a quote; or an errno.
public enum QuoteMessage {
  public static let reportSize = 432
  public static let targetInfoSize = 512
  public static let requestSize = reportSize + targetInfoSize
  /// Intel's own tools take no more.
  public static let largestQuote = 8192
  public static let largestReply = 8 + largestQuote

  public enum Reply: Equatable, Sendable {
    case target([UInt8])
    case quote([UInt8])
    case failed(Int32)
  }

  public static func encode(_ reply: Reply) -> [UInt8] {
    switch reply {
    case .target(let info): word(0) + info
    case .quote(let quote): word(1) + quote
    case .failed(let errno): word(Int64(-errno))
    }
  }

  /// nil: not a reply.
  static func decode(_ bytes: [UInt8]) -> Reply? {
    guard bytes.count >= 8 else { return nil }
    var kind: UInt64 = 0
    for i in 0..<8 { kind |= UInt64(bytes[i]) << UInt64(8 * i) }
    let rest = Array(bytes[8...])
    switch Int64(bitPattern: kind) {
    case 0: return rest.count == targetInfoSize ? .target(rest) : nil
    case 1: return (1...largestQuote).contains(rest.count) ? .quote(rest) : nil
    case -4095 ... -1: return .failed(Int32(-Int64(bitPattern: kind)))
    default: return nil
    }
  }

  private static func word(_ value: Int64) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}
