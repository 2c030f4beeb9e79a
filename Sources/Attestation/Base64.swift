/// RFC 4648 base64, strict: no characters outside the alphabet, right padding, zero spare bits.
///
/// A lenient decoder would let a changed byte of a certificate chain go unnoticed.
enum Base64 {
  static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count % 4 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var accumulator: UInt32 = 0
    var count = 0
    var padding = 0
    for character in text {
      if character == 0x3D {  // '='
        padding += 1
        accumulator <<= 6
      } else {
        guard padding == 0, let value = value(of: character) else { return nil }
        accumulator = accumulator << 6 | UInt32(value)
      }
      count += 1
      if count == 4 {
        guard padding <= 2 else { return nil }
        bytes.append(UInt8(truncatingIfNeeded: accumulator >> 16))
        if padding < 2 { bytes.append(UInt8(truncatingIfNeeded: accumulator >> 8)) }
        if padding < 1 { bytes.append(UInt8(truncatingIfNeeded: accumulator)) }
        if padding == 2, accumulator & 0xFFFF != 0 { return nil }
        if padding == 1, accumulator & 0xFF != 0 { return nil }
        accumulator = 0
        count = 0
      }
    }
    return bytes
  }

  static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      let chunk = rest.prefix(3)
      rest = rest.dropFirst(3)
      var value: UInt32 = 0
      for index in 0..<3 {
        value = value << 8
        if index < chunk.count { value |= UInt32(chunk[chunk.startIndex + index]) }
      }
      for index in 0..<4 {
        let shift = UInt32(18 - 6 * index)
        text.append(index <= chunk.count ? alphabet[Int(value >> shift & 63)] : 0x3D)
      }
    }
    return text
  }

  private static func value(of character: UInt8) -> UInt8? {
    switch character {
    case 0x41...0x5A: character - 0x41
    case 0x61...0x7A: character - 0x61 + 26
    case 0x30...0x39: character - 0x30 + 52
    case 0x2B: 62
    case 0x2F: 63
    default: nil
    }
  }
}
