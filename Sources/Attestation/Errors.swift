/// A document that cannot be read: what was wrong, in one line.
public struct FormatError: Error, Equatable, Sendable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// Why bytes are not a quote.
public enum QuoteFormatError: Error, Equatable, Sendable, CustomStringConvertible {
  case truncated(field: String, offset: Int, wanted: Int, left: Int)
  case unsupported(field: String, value: String)
  case reserved(field: String)
  case tooLong(Int)
  case trailingBytes(Int)
  case innerLength(field: String, unused: Int)

  public var description: String {
    switch self {
    case .truncated(let field, let offset, let wanted, let left):
      "the quote is cut short: \(field) at offset \(offset) needs \(wanted) bytes, \(left) are left"
    case .unsupported(let field, let value): "unsupported \(field): \(value)"
    case .reserved(let field): "\(field) is not zero"
    case .tooLong(let size): "\(size) bytes are too long for a quote"
    case .trailingBytes(let count): "\(count) bytes that are not zero follow the quote"
    case .innerLength(let field, let unused):
      "the length of \(field) is inconsistent: \(unused) bytes are unused"
    }
  }
}
