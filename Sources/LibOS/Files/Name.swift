import LinuxABI

/// One component of a path: a range of its bytes and their hash. Copies no bytes.
struct Name {
  let bytes: [UInt8]
  let start: Int
  let end: Int
  let hash: UInt32

  var count: Int { end - start }

  init(_ bytes: [UInt8], _ start: Int, _ end: Int, hash: UInt32) {
    self.bytes = bytes
    self.start = start
    self.end = end
    self.hash = hash
  }

  init(_ bytes: [UInt8]) {
    self.init(bytes, 0, bytes.count, hash: Name.hash(bytes))
  }

  init(_ text: StaticString) { self.init([UInt8](staticString: text)) }

  /// FNV-1a; a directory's table is private to the program, so collisions only hurt whoever makes them.
  @inline(__always) static func step(_ hash: UInt32, _ byte: UInt8) -> UInt32 {
    (hash ^ UInt32(byte)) &* 0x0100_0193
  }
  @inline(__always) static var hashStart: UInt32 { 0x811C_9DC5 }

  static func hash(_ bytes: [UInt8]) -> UInt32 {
    var h = hashStart
    for b in bytes { h = step(h, b) }
    return h
  }

  /// The component as an array of its own; the path's array itself when it is nothing but this name.
  var array: [UInt8] {
    if start == 0 && end == bytes.count { return bytes }
    return [UInt8](bytes[start..<end])
  }

  @inline(__always) func equals(_ other: [UInt8]) -> Bool {
    let n = end - start
    if other.count != n { return false }
    var i = 0
    while i < n {
      if bytes[start + i] != other[i] { return false }
      i += 1
    }
    return true
  }

  var isDot: Bool { count == 1 && bytes[start] == 0x2E }
  var isDotDot: Bool { count == 2 && bytes[start] == 0x2E && bytes[start + 1] == 0x2E }

  /// A decimal number without leading zeros, as /proc names processes and descriptors.
  var number: Int? {
    if count == 0 || count > 10 || (bytes[start] == 0x30 && count > 1) { return nil }
    var value = 0
    for i in start..<end {
      let b = bytes[i]
      if b < 0x30 || b > 0x39 { return nil }
      value = value * 10 + Int(b - 0x30)
    }
    return value
  }

  func matches(_ text: StaticString) -> Bool { equals([UInt8](staticString: text)) }
}
