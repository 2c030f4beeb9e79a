/// The little CBOR (RFC 8949) that RA-TLS evidence needs: definite lengths, unsigned integers,
/// byte and text strings, arrays, maps and tags, each read with bounds.
struct CBORReader {
  private let bytes: ArraySlice<UInt8>
  private var offset: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    offset = bytes.startIndex
  }

  var isAtEnd: Bool { offset == bytes.endIndex }

  private mutating func byte() throws(FormatError) -> UInt8 {
    guard offset < bytes.endIndex else { throw FormatError("CBOR is cut short") }
    defer { offset += 1 }
    return bytes[offset]
  }

  /// The argument of an item of the major type that is wanted.
  private mutating func head(_ major: UInt8, _ what: String) throws(FormatError) -> UInt64 {
    let first = try byte()
    guard first >> 5 == major else { throw FormatError("CBOR: \(what) expected") }
    switch first & 31 {
    case let small where small < 24: return UInt64(small)
    case let form where form < 28:
      var value: UInt64 = 0
      for _ in 0..<(1 << (form - 24)) { value = value << 8 | UInt64(try byte()) }
      return value
    default: throw FormatError("CBOR: indefinite lengths are not supported")
    }
  }

  mutating func tag() throws(FormatError) -> UInt64 { try head(6, "a tag") }
  mutating func integer() throws(FormatError) -> UInt64 { try head(0, "an integer") }

  /// A count of elements; each takes at least a byte.
  mutating func array() throws(FormatError) -> Int { try count(try head(4, "an array")) }
  mutating func map() throws(FormatError) -> Int { try count(try head(5, "a map")) }

  mutating func byteString() throws(FormatError) -> [UInt8] {
    Array(try slice(try head(2, "a byte string")))
  }

  mutating func text() throws(FormatError) -> String {
    guard let text = String(validating: try slice(try head(3, "a text string")), as: UTF8.self)
    else { throw FormatError("CBOR: bad UTF-8") }
    return text
  }

  private func count(_ value: UInt64) throws(FormatError) -> Int {
    guard value <= UInt64(bytes.endIndex - offset) else { throw FormatError("CBOR is cut short") }
    return Int(value)
  }

  private mutating func slice(_ length: UInt64) throws(FormatError) -> ArraySlice<UInt8> {
    let length = try count(length)
    defer { offset += length }
    return bytes[offset..<offset + length]
  }
}

enum CBORWriter {
  static func head(_ major: UInt8, _ value: Int) -> [UInt8] {
    precondition(value >= 0 && value < 1 << 32)
    let top = major << 5
    switch value {
    case ..<24: return [top | UInt8(value)]
    case ..<0x100: return [top | 24, UInt8(value)]
    case ..<0x1_0000: return [top | 25, UInt8(value >> 8), UInt8(value & 0xFF)]
    default: return [top | 26] + (0..<4).map { UInt8(value >> (24 - 8 * $0) & 0xFF) }
    }
  }

  static func byteString(_ bytes: [UInt8]) -> [UInt8] { head(2, bytes.count) + bytes }
  static func text(_ text: String) -> [UInt8] { head(3, text.utf8.count) + Array(text.utf8) }
}
