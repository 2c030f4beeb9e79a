/// JSON as text (RFC 8259), in the order in which it is given.
public indirect enum JSONText {
  case null
  case bool(Bool)
  case number(UInt64)
  case string(String)
  case array([JSONText])
  case object([(String, JSONText)])

  public var rendered: String { render(indent: "") }

  private func render(indent: String) -> String {
    let inner = indent + "  "
    switch self {
    case .null: return "null"
    case .bool(let b): return b ? "true" : "false"
    case .number(let n): return "\(n)"
    case .string(let s): return Self.quoted(s)
    case .array(let list):
      if list.isEmpty { return "[]" }
      return "[\n" + list.map { inner + $0.render(indent: inner) }.joined(separator: ",\n") + "\n"
        + indent + "]"
    case .object(let pairs):
      if pairs.isEmpty { return "{}" }
      return "{\n"
        + pairs.map { "\(inner)\(Self.quoted($0.0)): \($0.1.render(indent: inner))" }
        .joined(separator: ",\n") + "\n" + indent + "}"
    }
  }

  private static func quoted(_ s: String) -> String {
    var out = "\""
    for u in s.unicodeScalars {
      switch u {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\t": out += "\\t"
      default:
        if u.value < 0x20 || u.value == 0x7F {
          let hex = String(u.value, radix: 16)
          out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
        } else {
          out.unicodeScalars.append(u)
        }
      }
    }
    return out + "\""
  }
}
