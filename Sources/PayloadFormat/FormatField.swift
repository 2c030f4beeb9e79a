/// One field of a binary format: its name, its place in its record, and its size in bytes.
///
/// The readers use these definitions, `Docs/Payload.md` lists them, and the tamper campaign has a row for each
/// of them, so a field that nobody tries to forge cannot exist.
public struct FormatField: Sendable {
  public let name: StaticString
  public let offset: Int
  public let size: Int

  @inlinable public init(_ name: StaticString, _ offset: Int, _ size: Int) {
    self.name = name
    self.offset = offset
    self.size = size
  }
}

/// Little-endian integers in byte arrays.
extension [UInt8] {
  @inlinable public func littleEndian(at offset: Int, count: Int) -> UInt64 {
    var value: UInt64 = 0
    for i in 0..<count { value |= UInt64(self[offset + i]) << (8 * UInt64(i)) }
    return value
  }
  @inlinable public func field(_ f: FormatField, at base: Int = 0) -> UInt64 {
    littleEndian(at: base + f.offset, count: f.size)
  }
  @inlinable public mutating func put(_ value: UInt64, _ f: FormatField, at base: Int = 0) {
    for i in 0..<f.size {
      self[base + f.offset + i] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(i)))
    }
  }
  @inlinable public mutating func appendLittleEndian(_ value: UInt64, count: Int) {
    for i in 0..<count { append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(i)))) }
  }
}
