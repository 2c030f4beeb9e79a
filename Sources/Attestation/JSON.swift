/// A JSON value that remembers where its objects stood in the text.
///
/// Intel signs the exact bytes of an inner object. A parser that only gives values back loses
/// them, and writing the values out again gives other bytes.
struct JSONValue: Sendable {
  indirect enum Kind: Sendable {
    case object([(key: String, value: JSONValue)])
    case array([JSONValue])
    case string(String)
    /// Integers only: the documents that we read have no others.
    case integer(Int64)
    case bool(Bool)
    case null
  }

  let kind: Kind
  /// The bytes of this value in the text it was read from.
  let range: Range<Int>
}

/// RFC 8259 with bounds: 1 MiB of text, 32 levels, no key twice in one object, integers that fit.
struct JSONParser {
  static let maximumSize = 1 << 20
  static let maximumDepth = 32

  private let text: [UInt8]
  private var position = 0

  static func parse(_ text: [UInt8]) throws(FormatError) -> JSONValue {
    guard text.count <= maximumSize else { throw FormatError("JSON is longer than 1 MiB") }
    var parser = JSONParser(text: text)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.position == text.count else { throw parser.error("text after the JSON value") }
    return value
  }

  private init(text: [UInt8]) { self.text = text }

  private func error(_ what: String) -> FormatError {
    FormatError("JSON: \(what) at byte \(position)")
  }

  private mutating func skipSpace() {
    while position < text.count {
      switch text[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  private func peek() -> UInt8? { position < text.count ? text[position] : nil }

  private mutating func expect(_ byte: UInt8, _ what: String) throws(FormatError) {
    guard peek() == byte else { throw error("expected \(what)") }
    position += 1
  }

  private mutating func value(depth: Int) throws(FormatError) -> JSONValue {
    guard depth < Self.maximumDepth else { throw error("nested too deeply") }
    skipSpace()
    let start = position
    let kind: JSONValue.Kind
    switch peek() {
    case 0x7B: kind = try object(depth: depth)
    case 0x5B: kind = try array(depth: depth)
    case 0x22: kind = .string(try string())
    case 0x74: kind = try literal("true", .bool(true))
    case 0x66: kind = try literal("false", .bool(false))
    case 0x6E: kind = try literal("null", .null)
    case .some(0x2D), .some(0x30...0x39): kind = .integer(try integer())
    default: throw error("expected a value")
    }
    return JSONValue(kind: kind, range: start..<position)
  }

  private mutating func object(depth: Int) throws(FormatError) -> JSONValue.Kind {
    try expect(0x7B, "{")
    var members: [(key: String, value: JSONValue)] = []
    skipSpace()
    if peek() == 0x7D {
      position += 1
      return .object([])
    }
    while true {
      skipSpace()
      let key = try string()
      guard !members.contains(where: { $0.key == key }) else {
        throw error("the key \"\(key)\" twice")
      }
      skipSpace()
      try expect(0x3A, "':'")
      members.append((key, try value(depth: depth + 1)))
      skipSpace()
      if peek() == 0x2C {
        position += 1
      } else {
        try expect(0x7D, "',' or '}'")
        return .object(members)
      }
    }
  }

  private mutating func array(depth: Int) throws(FormatError) -> JSONValue.Kind {
    try expect(0x5B, "[")
    var elements: [JSONValue] = []
    skipSpace()
    if peek() == 0x5D {
      position += 1
      return .array([])
    }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if peek() == 0x2C {
        position += 1
      } else {
        try expect(0x5D, "',' or ']'")
        return .array(elements)
      }
    }
  }

  private mutating func literal(
    _ word: StaticString, _ kind: JSONValue.Kind
  ) throws(FormatError) -> JSONValue.Kind {
    for byte in word.description.utf8 { try expect(byte, word.description) }
    return kind
  }

  private mutating func integer() throws(FormatError) -> Int64 {
    let start = position
    if peek() == 0x2D { position += 1 }
    let digits = position
    while let byte = peek(), (0x30...0x39).contains(byte) { position += 1 }
    guard position > digits else { throw error("expected a digit") }
    if text[digits] == 0x30, position - digits > 1 { throw error("a number with a leading zero") }
    if let byte = peek(), byte == 0x2E || byte == 0x65 || byte == 0x45 {
      throw error("a number that is not an integer")
    }
    guard position - start <= 20,
      let value = Int64(String(decoding: text[start..<position], as: UTF8.self))
    else { throw error("a number out of range") }
    return value
  }

  private mutating func string() throws(FormatError) -> String {
    try expect(0x22, "a string")
    let start = position
    // The common case: no escapes.
    while let byte = peek(), byte != 0x22, byte != 0x5C, byte >= 0x20 { position += 1 }
    if peek() == 0x22 {
      guard let value = String(validating: text[start..<position], as: UTF8.self) else {
        throw error("bad UTF-8")
      }
      position += 1
      return value
    }
    var bytes = Array(text[start..<position])
    while true {
      guard let byte = peek() else { throw error("a string without an end") }
      guard byte >= 0x20 else { throw error("a control character in a string") }
      position += 1
      if byte == 0x22 { break }
      if byte == 0x5C { try escape(into: &bytes) } else { bytes.append(byte) }
    }
    guard let value = String(validating: bytes, as: UTF8.self) else { throw error("bad UTF-8") }
    return value
  }

  private mutating func escape(into bytes: inout [UInt8]) throws(FormatError) {
    guard let byte = peek() else { throw error("a string without an end") }
    position += 1
    switch byte {
    case 0x22, 0x5C, 0x2F: bytes.append(byte)
    case 0x62: bytes.append(0x08)
    case 0x66: bytes.append(0x0C)
    case 0x6E: bytes.append(0x0A)
    case 0x72: bytes.append(0x0D)
    case 0x74: bytes.append(0x09)
    case 0x75:
      var code = UInt32(try unit())
      if (0xD800...0xDBFF).contains(code) {
        try expect(0x5C, "a low surrogate")
        try expect(0x75, "a low surrogate")
        let low = UInt32(try unit())
        guard (0xDC00...0xDFFF).contains(low) else { throw error("expected a low surrogate") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw error("a lone surrogate") }
      bytes.append(contentsOf: String(Character(scalar)).utf8)
    default: throw error("an unknown escape")
    }
  }

  private mutating func unit() throws(FormatError) -> UInt16 {
    guard text.count - position >= 4,
      let pair = Hex.decode(text[position..<position + 4])
    else { throw error("expected four hexadecimal digits") }
    position += 4
    return UInt16(pair[0]) << 8 | UInt16(pair[1])
  }
}
