import TOMLInput
import TOMLKit

/// Typed access to a TOML table that remembers what was asked for, so that the rest is an error.
final class TOMLReader {
  private let table: TOMLTable
  private let path: String
  private var asked: Set<String> = []

  init(_ table: TOMLTable, path: String) {
    self.table = table
    self.path = path
  }

  private func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  private func value(_ key: String) -> TOMLValueConvertible? {
    asked.insert(key)
    return table[key]
  }

  /// Refuses keys that nobody asked for, with the one that was probably meant.
  func finish() throws(FormatError) {
    for key in table.keys where !asked.contains(key) {
      let hint = WordDistance.suggestion(for: key, among: Array(asked))
      throw FormatError("unknown key \(name(key))\(hint)")
    }
  }

  func require<Value>(_ key: String, _ value: Value?) throws(FormatError) -> Value {
    guard let value else { throw FormatError("\(name(key)) is missing") }
    return value
  }

  func table(_ key: String) throws(FormatError) -> TOMLReader? {
    guard let value = value(key) else { return nil }
    guard let table = value.table else { throw FormatError("\(name(key)) is not a table") }
    return TOMLReader(table, path: name(key))
  }

  func tables(_ key: String) throws(FormatError) -> [TOMLReader] {
    guard let value = value(key) else { return [] }
    guard let array = value.array else { throw FormatError("\(name(key)) is not a list of tables") }
    var result: [TOMLReader] = []
    for element in array {
      guard let table = element.table else {
        throw FormatError("\(name(key)) is not a list of tables")
      }
      result.append(TOMLReader(table, path: name(key)))
    }
    return result
  }

  func string(_ key: String) throws(FormatError) -> String? {
    guard let value = value(key) else { return nil }
    guard let text = value.string else { throw FormatError("\(name(key)) is not a string") }
    return text
  }

  func flag(_ key: String) throws(FormatError) -> Bool? {
    guard let value = value(key) else { return nil }
    guard let flag = value.bool else { throw FormatError("\(name(key)) is not true or false") }
    return flag
  }

  func integer(_ key: String, in range: ClosedRange<Int>) throws(FormatError) -> Int? {
    guard let value = value(key) else { return nil }
    guard let number = value.int, range.contains(number) else {
      throw FormatError(
        "\(name(key)) is not an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  func strings(_ key: String) throws(FormatError) -> [String]? {
    guard let value = value(key) else { return nil }
    guard let array = value.array else { throw FormatError("\(name(key)) is not a list") }
    var result: [String] = []
    for element in array {
      guard let text = element.string else {
        throw FormatError("\(name(key)) holds something that is not a string")
      }
      result.append(text)
    }
    return result
  }

  func hex(_ key: String, count: Int) throws(FormatError) -> [UInt8]? {
    guard let text = try string(key) else { return nil }
    return try bytes(text, key, count)
  }

  /// Absent asks for nothing; present and empty would allow nothing, and is a mistake.
  func hexList(_ key: String, count: Int) throws(FormatError) -> [[UInt8]] {
    guard let texts = try strings(key) else { return [] }
    guard !texts.isEmpty else { throw FormatError("\(name(key)) is empty") }
    var result: [[UInt8]] = []
    for text in texts { result.append(try bytes(text, key, count)) }
    return result
  }

  /// `key` and `key_mask`; without a mask all bits count.
  func masked(_ key: String, count: Int) throws(FormatError) -> Policy.Masked? {
    let value = try hex(key, count: count)
    let mask = try hex(key + "_mask", count: count)
    guard let value else {
      guard mask == nil else { throw FormatError("\(name(key))_mask without \(name(key))") }
      return nil
    }
    let all = mask ?? [UInt8](repeating: 0xFF, count: count)
    guard equal(value, under: all, to: value) else {
      throw FormatError("\(name(key)) has bits that its mask leaves out")
    }
    return Policy.Masked(value: value, mask: all)
  }

  private func bytes(_ text: String, _ key: String, _ count: Int) throws(FormatError) -> [UInt8] {
    guard let bytes = Hex.decode(text), bytes.count == count else {
      throw FormatError("\(name(key)): \"\(text)\" is not \(count) bytes in hexadecimal")
    }
    return bytes
  }
}
