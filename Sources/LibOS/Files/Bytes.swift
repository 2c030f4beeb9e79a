import LinuxABI

/// Text made of bytes: paths and the files of /proc are bytes, and Embedded Swift compares no strings.
extension [UInt8] {
  init(staticString text: StaticString) {
    self = []
    reserveCapacity(text.utf8CodeUnitCount)
    append(text)
  }

  mutating func append(_ text: StaticString) {
    text.withUTF8Buffer { buffer in
      unsafe append(contentsOf: buffer)
    }
  }

  mutating func append(decimal value: Int) {
    if value < 0 {
      append(0x2D)
      append(decimal: value.magnitude)
    } else {
      append(decimal: UInt(value))
    }
  }

  mutating func append(decimal value: UInt) {
    if value == 0 {
      append(0x30)
      return
    }
    let first = count
    var v = value
    while v > 0 {
      append(UInt8(truncatingIfNeeded: 0x30 + v % 10))
      v /= 10
    }
    reverseTail(from: first)
  }

  /// Hexadecimal, at least `width` digits.
  mutating func append(hex value: UInt, width: Int = 1) {
    let first = count
    var v = value
    while v > 0 || count - first < width {
      let d = UInt8(truncatingIfNeeded: v & 15)
      append(d < 10 ? 0x30 + d : 0x61 + d - 10)
      v >>= 4
    }
    reverseTail(from: first)
  }

  /// Octal, at least `width` digits.
  /// Blanks before it.
  mutating func append(paddedHex value: UInt, width: Int) {
    var text: [UInt8] = []
    text.append(hex: value)
    for _ in text.count..<Swift.max(width, text.count) { append(0x20) }
    append(contentsOf: text)
  }

  mutating func append(octal value: UInt, width: Int = 1) {
    let first = count
    var v = value
    while v > 0 || count - first < width {
      append(0x30 + UInt8(truncatingIfNeeded: v & 7))
      v >>= 3
    }
    reverseTail(from: first)
  }

  /// Decimal, padded with blanks on the left.
  mutating func append(decimal value: UInt, width: Int) {
    var digits: [UInt8] = []
    digits.append(decimal: value)
    var n = digits.count
    while n < width {
      append(0x20)
      n += 1
    }
    append(contentsOf: digits)
  }

  private mutating func reverseTail(from first: Int) {
    var i = first
    var j = count - 1
    while i < j {
      swapAt(i, j)
      i += 1
      j -= 1
    }
  }
}
