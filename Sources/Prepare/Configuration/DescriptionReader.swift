import HostRuntime
import TOMLInput
import TOMLKit

/// Typed access to a table of payload.toml. Whatever is wrong is one line: file, line, column, what, and what to do.
final class DescriptionReader {
  struct Context {
    var file: String
    var location: TOMLLocation
  }
  private let table: TOMLTable
  private let path: [String]
  private let context: Context
  private var asked: Set<String> = []

  init(_ table: TOMLTable, path: [String], context: Context) {
    self.table = table
    self.path = path
    self.context = context
  }

  func error(_ key: String?, _ text: String) -> HostError {
    let full = path + (key.map { [$0] } ?? [])
    let (line, column) = context.location.find(full)
    return HostError("\(context.file):\(line):\(column): \(full.joined(separator: ".")): \(text)")
  }

  private func value(_ key: String) -> TOMLValueConvertible? {
    asked.insert(key)
    return table[key]
  }

  var keys: [String] { table.keys.map { $0 } }

  /// Refuses keys that nobody asked for.
  /// - Parameter refused: keys of Gramine that have no place here, and what to use instead.
  func finish(refused: [String: String] = [:]) throws(HostError) {
    for key in table.keys.sorted() where !asked.contains(key) {
      if let instead = refused[key] { throw error(key, instead) }
      throw error(key, "unknown key\(WordDistance.suggestion(for: key, among: Array(asked)))")
    }
  }

  func table(_ key: String) throws(HostError) -> DescriptionReader? {
    guard let value = value(key) else { return nil }
    guard let table = value.table else { throw error(key, "not a table") }
    return DescriptionReader(table, path: path + [key], context: context)
  }

  func tables(_ key: String) throws(HostError) -> [DescriptionReader] {
    guard let value = value(key) else { return [] }
    guard let array = value.array else { throw error(key, "not a list of tables") }
    var out: [DescriptionReader] = []
    for element in array {
      guard let table = element.table else { throw error(key, "not a list of tables") }
      out.append(DescriptionReader(table, path: path + [key], context: context))
    }
    return out
  }

  func string(_ key: String) throws(HostError) -> String? {
    guard let value = value(key) else { return nil }
    guard let text = value.string else { throw error(key, "not a string") }
    guard !text.utf8.contains(0) else { throw error(key, "holds a NUL byte") }
    return text
  }

  func flag(_ key: String) throws(HostError) -> Bool? {
    guard let value = value(key) else { return nil }
    guard let flag = value.bool else { throw error(key, "neither true nor false") }
    return flag
  }

  func integer(_ key: String, in range: ClosedRange<Int>) throws(HostError) -> Int? {
    guard let value = value(key) else { return nil }
    guard let number = value.int, range.contains(number) else {
      throw error(key, "not an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  func strings(_ key: String) throws(HostError) -> [String]? {
    guard let value = value(key) else { return nil }
    guard let array = value.array else { throw error(key, "not a list of strings") }
    var out: [String] = []
    for element in array {
      guard let text = element.string else { throw error(key, "holds something that is no string") }
      guard !text.utf8.contains(0) else { throw error(key, "holds a NUL byte") }
      out.append(text)
    }
    return out
  }

  /// `512M`, `4G`, or bytes as a number.
  func size(_ key: String) throws(HostError) -> UInt64? {
    guard let value = value(key) else { return nil }
    if let number = value.int, number > 0 { return UInt64(number) }
    guard let text = value.string else { throw error(key, "not a size such as \"512M\"") }
    let shift: UInt64 = ["K": 10, "M": 20, "G": 30][text.last.map(String.init) ?? ""] ?? 0
    guard let n = UInt64(shift > 0 ? String(text.dropLast()) : text), n > 0,
      n <= (1 << 40) >> shift
    else { throw error(key, "not a size such as \"512M\"") }
    return n << shift
  }
}
