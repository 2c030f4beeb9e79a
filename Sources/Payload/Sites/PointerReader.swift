/// Reads the variable-length numbers and encoded pointers of DWARF frames (LSB Core 10.5), bounded.
struct PointerReader {
  let image: ELFImage
  /// File offsets.
  var at: Int
  var end: Int

  mutating func u8() -> UInt8? {
    guard end - at >= 1 else { return nil }
    defer { at += 1 }
    return image.bytes[at]
  }
  mutating func u16() -> UInt16? {
    guard end - at >= 2 else { return nil }
    defer { at += 2 }
    return ELFImage.read16(image.bytes, at)
  }
  mutating func u32() -> UInt32? {
    guard end - at >= 4 else { return nil }
    defer { at += 4 }
    return ELFImage.read32(image.bytes, at)
  }
  mutating func u64() -> UInt64? {
    guard end - at >= 8 else { return nil }
    defer { at += 8 }
    return ELFImage.read64(image.bytes, at)
  }
  mutating func uleb() -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while let b = u8() {
      if shift < 64 { value |= UInt64(b & 0x7F) << shift }
      shift += 7
      if b & 0x80 == 0 { return value }
      if shift > 70 { return nil }
    }
    return nil
  }
  mutating func sleb() -> Int64? {
    var value: Int64 = 0
    var shift: Int64 = 0
    while let b = u8() {
      if shift < 64 { value |= Int64(b & 0x7F) << shift }
      shift += 7
      if b & 0x80 == 0 {
        if shift < 64, b & 0x40 != 0 { value |= -1 << shift }
        return value
      }
      if shift > 70 { return nil }
    }
    return nil
  }

  /// A pointer as a DW_EH_PE encoding says; `address` is that of the value, found out when nil.
  /// Indirect and text-, data- or function-relative ones do not occur in what we read: nil.
  mutating func pointer(_ encoding: UInt8, at address: UInt64?) -> UInt64? {
    guard encoding != 0xFF else { return 0 }
    let here = at
    let value: UInt64
    switch encoding & 0x0F {
    case 0x00, 0x04, 0x0C:
      guard let v = u64() else { return nil }
      value = v
    case 0x01:
      guard let v = uleb() else { return nil }
      value = v
    case 0x02:
      guard let v = u16() else { return nil }
      value = UInt64(v)
    case 0x03:
      guard let v = u32() else { return nil }
      value = UInt64(v)
    case 0x09:
      guard let v = sleb() else { return nil }
      value = UInt64(bitPattern: v)
    case 0x0A:
      guard let v = u16() else { return nil }
      value = UInt64(bitPattern: Int64(Int16(bitPattern: v)))
    case 0x0B:
      guard let v = u32() else { return nil }
      value = UInt64(bitPattern: Int64(Int32(bitPattern: v)))
    default: return nil
    }
    switch encoding & 0x70 {
    case 0x00: return value
    case 0x10:
      if value == 0 { return 0 }
      if let address { return address &+ value }
      for s in image.loads where here >= s.fileOffset && here < s.fileOffset + s.fileSize {
        return s.address &+ UInt64(here - s.fileOffset) &+ value
      }
      return nil
    default: return nil
    }
  }
}
