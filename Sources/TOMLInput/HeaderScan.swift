/// Finds table headers (TOML 1.0.0, Table) whose first character can begin no key.
///
/// A header stands at the start of a line that belongs to no multi-line string and no array of several lines.
struct HeaderScan {
  private let bytes: [UInt8]
  private var at = 0
  private var line = 1
  private var lineStart = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  private var byte: UInt8? { at < bytes.count ? bytes[at] : nil }

  mutating func badHeader() -> (line: Int, column: Int)? {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }
    var depth = 0
    var isFirst = true
    while let c = byte {
      switch c {
      case UInt8(ascii: " "), UInt8(ascii: "\t"): at += 1
      case UInt8(ascii: "\n"):
        newLine()
        isFirst = true
      case UInt8(ascii: "#"): skipLine()
      case UInt8(ascii: "[") where isFirst && depth == 0:
        if !beginsWithKey() { return (line, at - lineStart + 1) }
        skipLine()
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        skipString(c)
        isFirst = false
      default:
        if c == UInt8(ascii: "[") || c == UInt8(ascii: "{") { depth += 1 }
        if c == UInt8(ascii: "]") || c == UInt8(ascii: "}") { depth = max(0, depth - 1) }
        at += 1
        isFirst = false
      }
    }
    return nil
  }

  /// At a header's `[`: goes to where the key must begin.
  private mutating func beginsWithKey() -> Bool {
    at += 1
    if byte == UInt8(ascii: "[") { at += 1 }
    while byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") { at += 1 }
    guard let c = byte else { return true }
    switch c {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      return true
    default:
      return [
        UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "\""), UInt8(ascii: "'"),
        UInt8(ascii: "]"),
      ].contains(c)
    }
  }

  private mutating func newLine() {
    at += 1
    line += 1
    lineStart = at
  }

  private mutating func skipLine() { while let c = byte, c != UInt8(ascii: "\n") { at += 1 } }

  /// At the quote that begins a string; goes behind its end. A one-line string ends with its line at the latest.
  private mutating func skipString(_ quote: UInt8) {
    let isMultiline = bytes[at...].prefix(3).elementsEqual([quote, quote, quote])
    at += isMultiline ? 3 : 1
    while let c = byte {
      if c == UInt8(ascii: "\n") {
        if !isMultiline { return }
        newLine()
      } else if c == UInt8(ascii: "\\"), quote == UInt8(ascii: "\""), at + 1 < bytes.count,
        bytes[at + 1] != UInt8(ascii: "\n")
      {
        at += 2
      } else if c != quote {
        at += 1
      } else if !isMultiline {
        at += 1
        return
      } else if bytes[at...].prefix(3).elementsEqual([quote, quote, quote]) {
        at += 3
        return
      } else {
        at += 1
      }
    }
  }
}
