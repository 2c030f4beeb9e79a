import PayloadFormat

/// Takes fields off the front of bytes that somebody else wrote; nothing is read beyond their end.
struct JobReader {
  private let bytes: [UInt8]
  private(set) var position: Int
  private let end: Int

  init(_ bytes: [UInt8], from start: Int = 0, to end: Int? = nil) {
    self.bytes = bytes
    position = start
    self.end = end ?? bytes.count
  }

  var rest: Int { end - position }

  mutating func take(_ count: Int) throws(JobFormatError) -> [UInt8] {
    guard count >= 0, count <= rest else { throw .truncated }
    position += count
    return [UInt8](bytes[(position - count)..<position])
  }

  mutating func integer(_ count: Int) throws(JobFormatError) -> UInt64 {
    guard count <= rest else { throw .truncated }
    position += count
    return bytes.littleEndian(at: position - count, count: count)
  }

  /// Bytes with their count (4 bytes) before them.
  mutating func counted(atMost limit: Int) throws(JobFormatError) -> [UInt8] {
    let count = Int(try integer(4))
    guard count <= limit else { throw .malformed("one of its parts is too large") }
    return try take(count)
  }

  mutating func zeros(_ count: Int) throws(JobFormatError) {
    for byte in try take(count) where byte != 0 {
      throw .malformed("a reserved field is not zero")
    }
  }

  /// Nothing may be left.
  func finish() throws(JobFormatError) {
    guard rest == 0 else { throw .truncated }
  }
}

extension [UInt8] {
  mutating func appendCounted(_ bytes: [UInt8]) {
    appendLittleEndian(UInt64(bytes.count), count: 4)
    append(contentsOf: bytes)
  }
}
