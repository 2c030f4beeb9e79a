import LinuxABI

/// One request to the broker and its reply: words and bytes in one datagram, at most one descriptor.
///
/// The enclave's process may have been taken over by a hostile program, so the broker checks all of it.
enum BrokerMessage {
  enum Operation: UInt64 {
    /// argument 0: directory; bytes: name. Reply: `ObjectRecord.words`.
    case lookup = 1
    /// argument 0: object. Reply: `ObjectRecord.words`.
    case status = 2
    /// argument 0: directory, argument 1: cookie. Reply: packed entries.
    case entries = 3
    /// argument 0: object. Reply: a descriptor, or bytes.
    case open = 4
    /// bytes: MRENCLAVE, then ATTRIBUTES. Reply: a SIGSTRUCT made with the user's debug key.
    case sign = 5
    /// Reply: the descriptor of a socket, behind which a process of its own answers one `QuoteMessage`.
    case quote = 6
    /// An instance that waits for a job. bytes: its offer.
    case jobOffer = 7
    /// Reply: the job's descriptor, when there is one.
    case jobWait = 8
    /// Reply: the descriptor of the result's file.
    case jobResult = 9
    /// argument 0: `JobNews`; bytes: a text.
    case jobStatus = 10
    /// bytes: the instance's sealed key.
    case jobKey = 11
  }
  /// Operation or result, two arguments.
  static let headerSize = 24
  /// Of the bytes after the header. A datagram must fit the socket's buffer (`net.core.wmem_default`).
  static let maximumSize = 64 << 10

  static func encode(_ words: (UInt64, UInt64, UInt64), _ bytes: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(headerSize + bytes.count)
    for word in [words.0, words.1, words.2] {
      withUnsafeBytes(of: word.littleEndian) { out.append(contentsOf: $0) }
    }
    out.append(contentsOf: bytes)
    return out
  }

  static func decode(_ message: UnsafeRawBufferPointer) -> ((UInt64, UInt64, UInt64), [UInt8])? {
    guard message.count >= headerSize else { return nil }
    func word(_ i: Int) -> UInt64 {
      UInt64(littleEndian: message.loadUnaligned(fromByteOffset: 8 * i, as: UInt64.self))
    }
    return ((word(0), word(1), word(2)), Array(message[headerSize...]))
  }
}
