/// Little-endian integers in byte arrays: every SGX structure is a packed run of them.
extension Array where Element == UInt8 {
  @inlinable public func littleEndian<T: FixedWidthInteger>(at offset: Int, as: T.Type = T.self)
    -> T
  {
    var value: T = 0
    for i in 0..<(T.bitWidth / 8) {
      value |= T(truncatingIfNeeded: UInt64(self[offset + i]) << UInt64(8 * i))
    }
    return value
  }

  @inlinable public mutating func put<T: FixedWidthInteger>(_ value: T, at offset: Int) {
    let wide = UInt64(truncatingIfNeeded: value)
    for i in 0..<(T.bitWidth / 8) {
      self[offset + i] = UInt8(truncatingIfNeeded: wide >> UInt64(8 * i))
    }
  }

  @inlinable public mutating func put(_ bytes: [UInt8], at offset: Int) {
    for i in 0..<bytes.count { self[offset + i] = bytes[i] }
  }

  @inlinable func slice(_ offset: Int, _ count: Int) -> [UInt8] {
    [UInt8](self[offset..<(offset + count)])
  }

  @inlinable func isZero(_ offset: Int, _ count: Int) -> Bool {
    for i in offset..<(offset + count) where self[i] != 0 { return false }
    return true
  }
}
