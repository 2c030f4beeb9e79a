/// The forms in which people pass quotes around: binary, hexadecimal, base64, PEM-like.
public enum QuoteInput {
  /// The bytes of a quote from a file of any of the four forms.
  ///
  /// A binary quote starts with a version and a zero byte, which no text does.
  public static func decode(_ input: [UInt8]) throws(FormatError) -> [UInt8] {
    guard !input.isEmpty else { throw FormatError("the input is empty") }
    guard input.count <= 4 * Quote.maximumSize else {
      throw FormatError("\(input.count) bytes are too long for a quote")
    }
    if input.count >= 2, input[1] == 0 { return input }
    guard input.allSatisfy({ (0x20...0x7E).contains($0) || (0x09...0x0D).contains($0) }) else {
      return input  // Not text: let the parser say what is wrong with it.
    }
    let lines = input.split { $0 == 0x0A || $0 == 0x0D }.map { line in
      line.filter { $0 != 0x20 && $0 != 0x09 }
    }.filter { !$0.isEmpty }
    let armour = Array("-----".utf8)
    let isArmoured = lines.first?.starts(with: armour) ?? false
    if isArmoured {
      let isClosed = lines.count >= 2 && lines.last.map { $0.starts(with: Array("-----END".utf8)) }!
      guard isClosed else { throw FormatError("the armoured quote has no -----END line") }
    }
    let body = isArmoured ? lines.dropFirst().dropLast() : lines[...]
    guard !body.contains(where: { $0.starts(with: armour) }) else {
      throw FormatError("more than one armoured block")
    }
    var text = Array(body.joined())
    if text.starts(with: Array("0x".utf8)) { text.removeFirst(2) }
    if let bytes = Hex.decode(text) { return bytes }
    if let bytes = Base64.decode(text) { return bytes }
    throw FormatError("the input is neither a binary quote nor hexadecimal, base64 or PEM text")
  }
}
