/// PEM text (RFC 7468), strictly: blocks one after another, all lines but the last of
/// 64 characters, or all of 76 as in MIME.
///
/// What is accepted besides: CR LF line ends, a missing last line end, empty lines between
/// blocks, and the zero bytes that end the certification data of a quote.
enum PEM {
  static let maximumSize = 256 * 1024

  /// The contents of all blocks, which must all carry `label`.
  static func decode(_ text: ArraySlice<UInt8>, label: String) throws(FormatError) -> [[UInt8]] {
    guard text.count <= maximumSize else { throw FormatError("PEM text is longer than 256 KiB") }
    var end = text.endIndex
    while end > text.startIndex, text[end - 1] == 0 { end -= 1 }
    let begin = Array("-----BEGIN \(label)-----".utf8)
    let finish = Array("-----END \(label)-----".utf8)

    var blocks: [[UInt8]] = []
    var body: [UInt8]?
    var width = 64
    var sawShortLine = false
    for var line in text[..<end].split(separator: 0x0A, omittingEmptySubsequences: false) {
      if line.last == 0x0D { line = line.dropLast() }
      if var current = body {
        if line.elementsEqual(finish) {
          guard let bytes = Base64.decode(current) else { throw FormatError("bad base64 in PEM") }
          blocks.append(bytes)
          body = nil
          continue
        }
        if current.isEmpty { width = line.count == 76 ? 76 : 64 }
        guard !line.isEmpty, line.count <= width, !sawShortLine else {
          throw FormatError("bad line length in PEM")
        }
        sawShortLine = line.count < width
        current.append(contentsOf: line)
        body = current
      } else if line.elementsEqual(begin) {
        body = []
        sawShortLine = false
      } else {
        guard line.isEmpty else { throw FormatError("text outside the PEM blocks") }
      }
    }
    guard body == nil else { throw FormatError("PEM block without an end") }
    return blocks
  }
}

/// Certificates as people and servers pass them round.
public enum PEMText {
  /// The contents of a text that is exactly one block; nil for anything else.
  public static func decode(_ text: [UInt8], label: String = "CERTIFICATE") -> [UInt8]? {
    guard let blocks = try? PEM.decode(text[...], label: label), blocks.count == 1 else {
      return nil
    }
    return blocks[0]
  }

  public static func encode(_ bytes: [UInt8], label: String = "CERTIFICATE") -> String {
    let text = Base64.encode(bytes)
    var result = "-----BEGIN \(label)-----\n"
    var rest = text[...]
    while !rest.isEmpty {
      result += String(decoding: rest.prefix(64), as: UTF8.self) + "\n"
      rest = rest.dropFirst(64)
    }
    return result + "-----END \(label)-----\n"
  }
}
