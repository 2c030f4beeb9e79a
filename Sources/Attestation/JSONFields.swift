/// Typed access to the members of a JSON object, with the path of what is missing in each error.
struct JSONFields {
  let path: String
  private let members: [(key: String, value: JSONValue)]

  init(_ value: JSONValue, path: String) throws(FormatError) {
    guard case .object(let members) = value.kind else {
      throw FormatError("\(path) is not an object")
    }
    self.path = path
    self.members = members
  }

  func optional(_ key: String) -> JSONValue? { members.first { $0.key == key }?.value }

  func value(_ key: String) throws(FormatError) -> JSONValue {
    guard let value = optional(key) else { throw FormatError("\(path).\(key) is missing") }
    return value
  }

  func object(_ key: String) throws(FormatError) -> JSONFields {
    try JSONFields(try value(key), path: "\(path).\(key)")
  }

  func array(_ key: String) throws(FormatError) -> [JSONValue] {
    guard case .array(let elements) = try value(key).kind else {
      throw FormatError("\(path).\(key) is not an array")
    }
    return elements
  }

  func string(_ key: String) throws(FormatError) -> String {
    guard case .string(let text) = try value(key).kind else {
      throw FormatError("\(path).\(key) is not a string")
    }
    return text
  }

  func integer(_ key: String, in range: ClosedRange<Int64>) throws(FormatError) -> Int64 {
    guard case .integer(let number) = try value(key).kind, range.contains(number) else {
      throw FormatError("\(path).\(key) is not an integer in \(range)")
    }
    return number
  }

  func hex(_ key: String, count: Int) throws(FormatError) -> [UInt8] {
    guard let bytes = Hex.decode(try string(key)), bytes.count == count else {
      throw FormatError("\(path).\(key) is not \(count) bytes in hexadecimal")
    }
    return bytes
  }

  func time(_ key: String) throws(FormatError) -> Timestamp {
    guard let time = Timestamp(iso8601: try string(key)) else {
      throw FormatError("\(path).\(key) is not a time like 2026-01-31T00:00:00Z")
    }
    return time
  }

  /// A list of strings; an absent one is empty.
  func strings(_ key: String) throws(FormatError) -> [String] {
    guard optional(key) != nil else { return [] }
    var result: [String] = []
    for element in try array(key) {
      guard case .string(let text) = element.kind else {
        throw FormatError("\(path).\(key) holds something that is not a string")
      }
      result.append(text)
    }
    return result
  }
}
