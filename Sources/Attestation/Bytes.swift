/// A little-endian reader that checks every length against what is left before it reads.
///
/// Quotes come from strangers. Nothing here traps on bad input; each read names the field it wanted.
struct ByteReader {
  private let bytes: ArraySlice<UInt8>
  private(set) var offset: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    self.offset = bytes.startIndex
  }

  init(_ bytes: [UInt8]) { self.init(bytes[...]) }

  var remaining: Int { bytes.endIndex - offset }

  mutating func read(_ count: Int, _ field: String) throws(QuoteFormatError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= remaining else {
      throw .truncated(
        field: field, offset: offset - bytes.startIndex, wanted: count, left: remaining)
    }
    let slice = bytes[offset..<offset + count]
    offset += count
    return slice
  }

  mutating func u16(_ field: String) throws(QuoteFormatError) -> UInt16 {
    let b = try read(2, field)
    return UInt16(b[b.startIndex]) | UInt16(b[b.startIndex + 1]) << 8
  }

  mutating func u32(_ field: String) throws(QuoteFormatError) -> UInt32 {
    let low = try u16(field)
    let high = try u16(field)
    return UInt32(low) | UInt32(high) << 16
  }

  /// Everything that is left.
  mutating func rest() -> ArraySlice<UInt8> {
    let slice = bytes[offset..<bytes.endIndex]
    offset = bytes.endIndex
    return slice
  }
}

/// Hexadecimal text and bytes.
public enum Hex {
  private static let digits = Array("0123456789abcdef".utf8)

  public static func encode(_ bytes: some Sequence<UInt8>) -> String {
    var text: [UInt8] = []
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes of an even number of hexadecimal digits of either case, and nothing else.
  public static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    var high: UInt8?
    for character in text {
      guard let value = value(of: character) else { return nil }
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return high == nil ? bytes : nil
  }

  public static func decode(_ text: String) -> [UInt8]? { decode(text.utf8) }

  private static func value(of character: UInt8) -> UInt8? {
    switch character {
    case 0x30...0x39: character - 0x30
    case 0x41...0x46: character - 0x41 + 10
    case 0x61...0x66: character - 0x61 + 10
    default: nil
    }
  }
}

/// The little-endian integer in at most eight bytes.
func littleEndian(_ bytes: some Collection<UInt8>) -> UInt64 {
  precondition(bytes.count <= 8)
  var value: UInt64 = 0
  for (index, byte) in bytes.enumerated() { value |= UInt64(byte) << (8 * UInt64(index)) }
  return value
}

/// `value & mask`, byte by byte. All three have one length, or the answer is false.
func equal(_ value: [UInt8], under mask: [UInt8], to expected: [UInt8]) -> Bool {
  guard value.count == mask.count, value.count == expected.count else { return false }
  return zip(zip(value, mask), expected).allSatisfy { ($0.0 & $0.1) == $1 }
}
