/// Where a key stands in a TOML text: TOMLKit's values do not remember their lines.
///
/// Finds `[table]` and `[[table]]` headers and `key =` lines, dotted and quoted keys included; what is inside an
/// inline table is found on the line of the key that holds it.
struct TOMLLocation {
  private var places: [(path: [String], line: Int, column: Int)] = []

  init(_ text: String) {
    var table: [String] = []
    var isMultiline = false
    for (i, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let trimmed = line.drop { $0 == " " || $0 == "\t" }
      let column = line.count - trimmed.count + 1
      let quotes = trimmed.components(of: "\"\"\"") + trimmed.components(of: "'''")
      if isMultiline {
        if quotes % 2 == 1 { isMultiline = false }
        continue
      }
      if quotes % 2 == 1 { isMultiline = true }
      if trimmed.hasPrefix("#") || trimmed.isEmpty { continue }
      if trimmed.hasPrefix("[") {
        let inner = trimmed.drop { $0 == "[" }.prefix { $0 != "]" }
        table = Self.parts(inner)
        places.append((table, i + 1, column))
        continue
      }
      guard let key = Self.key(trimmed) else { continue }
      places.append((table + Self.parts(key), i + 1, column))
    }
  }

  /// The line and column of a key, or of the nearest thing that holds it.
  func find(_ path: [String]) -> (line: Int, column: Int) {
    var wanted = path
    while !wanted.isEmpty {
      if let place = places.first(where: { $0.path == wanted })
        ?? places.first(where: { $0.path.starts(with: wanted) })
      {
        return (place.line, place.column)
      }
      wanted.removeLast()
    }
    return (1, 1)
  }

  private static func key(_ line: Substring) -> Substring? {
    var quote: Character?
    for (i, c) in zip(line.indices, line) {
      if let q = quote {
        if c == q { quote = nil }
      } else if c == "\"" || c == "'" {
        quote = c
      } else if c == "=" {
        return line[..<i]
      }
    }
    return nil
  }

  private static func parts(_ key: Substring) -> [String] {
    var out: [String] = []
    var part = ""
    var quote: Character?
    for c in key {
      if let q = quote {
        if c == q { quote = nil } else { part.append(c) }
      } else if c == "\"" || c == "'" {
        quote = c
      } else if c == "." {
        out.append(part)
        part = ""
      } else if c != " " && c != "\t" {
        part.append(c)
      }
    }
    out.append(part)
    return out
  }
}

extension Substring {
  /// How often another string occurs.
  func components(of other: String) -> Int {
    var count = 0
    var at = startIndex
    while at < endIndex {
      if self[at...].hasPrefix(other) {
        count += 1
        at = index(at, offsetBy: other.count)
      } else {
        at = index(after: at)
      }
    }
    return count
  }
}
