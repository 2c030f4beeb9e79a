/// Numbers as socket structures have them.
extension [UInt8] {
  mutating func append(littleEndian64 value: UInt64) {
    for i in 0..<8 { append(UInt8(truncatingIfNeeded: value >> UInt64(8 * i))) }
  }
  mutating func append(littleEndian32 value: UInt32) {
    for i in 0..<4 { append(UInt8(truncatingIfNeeded: value >> UInt32(8 * i))) }
  }
  mutating func append(littleEndian16 value: UInt16) {
    append(UInt8(truncatingIfNeeded: value))
    append(UInt8(truncatingIfNeeded: value >> 8))
  }
  /// Network byte order.
  mutating func append(bigEndian16 value: UInt16) {
    append(UInt8(truncatingIfNeeded: value >> 8))
    append(UInt8(truncatingIfNeeded: value))
  }
}
