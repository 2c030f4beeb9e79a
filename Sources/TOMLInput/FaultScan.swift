/// Finds the two faults that the parser answers with an assertion, which ends the process (both found by
/// fuzzing, `FuzzPolicy`): a table header (TOML 1.0.0, Table) whose first character can begin no key, and a
/// closing brace where an array wants a value.
///
/// A header stands at the start of a line that belongs to no multi-line string and no array of several lines.
/// The scan need only be right up to the first fault of any kind: there the parser stops with an error.
struct FaultScan {
  struct Fault: Equatable {
    let line: Int
    let column: Int
    let reason: String
  }

  private let bytes: [UInt8]
  private var at = 0
  private var line = 1
  private var lineStart = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  private var byte: UInt8? { at < bytes.count ? bytes[at] : nil }

  private func fault(_ reason: String) -> Fault {
    Fault(line: line, column: at - lineStart + 1, reason: reason)
  }

  mutating func firstFault() -> Fault? {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }
    /// The brackets and braces that are open, the innermost last.
    var open: [UInt8] = []
    var isFirst = true
    while let c = byte {
      switch c {
      case UInt8(ascii: " "), UInt8(ascii: "\t"): at += 1
      case UInt8(ascii: "\n"):
        newLine()
        isFirst = true
      case UInt8(ascii: "#"): skipLine()
      case UInt8(ascii: "[") where isFirst && open.isEmpty:
        if !beginsWithKey() {
          return fault("a table header must begin with a key, as [name] or [[name]]")
        }
        skipLine()
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        skipString(c)
        isFirst = false
      default:
        if c == UInt8(ascii: "[") || c == UInt8(ascii: "{") { open.append(c) }
        if c == UInt8(ascii: "}"), open.last == UInt8(ascii: "[") {
          return fault("a } in a list, which ends with ]")
        }
        if c == UInt8(ascii: "]") || c == UInt8(ascii: "}") { _ = open.popLast() }
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
