/// One JSON object on one line, written by hand: the runner starts in milliseconds, and Foundation would cost several.
struct JSONLine {
  private var fields: [String] = []

  mutating func add(_ name: String, _ value: String) {
    fields.append("\"\(name)\": \(Self.quoted(value))")
  }
  mutating func add(_ name: String, _ value: some FixedWidthInteger) {
    fields.append("\"\(name)\": \(value)")
  }
  mutating func add(_ name: String, orNull value: UInt32?) {
    fields.append("\"\(name)\": \(value.map { "\($0)" } ?? "null")")
  }

  var text: String { "{" + fields.joined(separator: ", ") + "}" }

  static func quoted(_ text: String) -> String {
    var out = "\""
    for u in text.unicodeScalars {
      switch u {
      case "\"", "\\": out += "\\\(u)"
      case _ where u.value < 0x20:
        out += "\\u00" + (u.value < 16 ? "0" : "") + String(u.value, radix: 16)
      default: out.unicodeScalars.append(u)
      }
    }
    return out + "\""
  }
}
