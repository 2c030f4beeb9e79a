import Glibc
import PayloadFormat
import Synchronization

/// The states that the user expects volumes to be in (`--expect`), and those that the enclave says they have now
/// (`--save-roots`). A file of roots has lines `NAME ROOT`, so what one run saves the next one can expect.
final class VolumeRoots: Sendable {
  static let size = 40

  private let names: [String]
  private let expected: [UInt8]
  private let current: Mutex<[UInt8]>
  private let file: Int32?
  /// Bytes it had before.
  private let fileSize: Int

  /// - Parameters:
  ///   - expectations: values of `--expect`: `NAME=ROOT`, or `@FILE`.
  ///   - path: the file of `--save-roots`; opened now, because later nothing can be opened.
  init(
    _ names: [String], expectations: [String] = [], savedTo path: String? = nil
  ) throws(HostError) {
    self.names = names
    var wanted = [UInt8](repeating: 0, count: names.count * Self.size)
    for (name, root) in try Self.parse(expectations) {
      guard let index = names.firstIndex(of: name) else {
        throw HostError(
          "--expect: there is no volume \(name)"
            + (names.isEmpty ? "" : "; there are \(names.joined(separator: ", "))"))
      }
      wanted.replaceSubrange(index * Self.size..<(index + 1) * Self.size, with: root)
    }
    expected = wanted
    current = Mutex(wanted)
    guard let path else {
      file = nil
      fileSize = 0
      return
    }
    // Not emptied: a run that is refused leaves the roots that it was refused for.
    let fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    var status = stat()
    guard fd >= 0, fstat(fd, &status) == 0 else {
      throw HostError("cannot write --save-roots \(path): \(lastError())")
    }
    file = fd
    fileSize = Int(status.st_size)
  }

  private static func parse(
    _ expectations: [String]
  ) throws(HostError) -> [(name: String, root: [UInt8])] {
    var out: [(name: String, root: [UInt8])] = []
    for text in expectations {
      if text.hasPrefix("@") {
        let path = String(text.dropFirst())
        let bytes = try readFile(path, limit: 1 << 20, what: "file of roots")
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
          let parts = line.split(separator: " ")
          guard parts.count == 2, let root = root(String(parts[1])) else {
            throw HostError("\(path): not a file that `cloister run --save-roots` wrote")
          }
          out.append((String(parts[0]), root))
        }
        continue
      }
      guard let equals = text.lastIndex(of: "="), equals != text.startIndex,
        let root = root(String(text[text.index(after: equals)...]))
      else {
        throw HostError(
          "--expect \(text): use NAME=ROOT, ROOT being the 80 hexadecimal digits that --save-roots or "
            + "`cloister volume check` gave, or @FILE")
      }
      out.append((String(text[..<equals]), root))
    }
    return out
  }

  /// 80 hexadecimal digits.
  static func root(_ text: String) -> [UInt8]? {
    guard let bytes = hexadecimal(text), bytes.count == size, bytes.contains(where: { $0 != 0 })
    else { return nil }
    return bytes
  }

  func read(offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard offset < UInt64(expected.count) else { return 0 }
    let count = min(buffer.count, expected.count - Int(offset))
    buffer.copyBytes(from: expected[Int(offset)..<Int(offset) + count])
    return count
  }

  /// False: not the root of one of the volumes.
  func write(offset: UInt64, from buffer: UnsafeRawBufferPointer) -> Bool {
    guard offset % UInt64(Self.size) == 0, buffer.count == Self.size,
      offset / UInt64(Self.size) < UInt64(names.count)
    else { return false }
    let text = current.withLock { current -> String in
      current.replaceSubrange(Int(offset)..<Int(offset) + Self.size, with: buffer)
      return zip(names, Self.roots(current)).filter { !$0.1.isEmpty }
        .map { "\($0.0) \($0.1)\n" }.joined()
    }
    if let file {
      // The sandbox has no ftruncate(2): what was longer before ends in empty lines.
      let bytes =
        Array(text.utf8) + [UInt8](repeating: 0x0A, count: max(0, fileSize - text.utf8.count))
      _ = pwrite(file, bytes, bytes.count, 0)
    }
    return true
  }

  /// Names and roots as the enclave last told them (before that: as expected), in hexadecimal digits, or empty.
  var all: [(name: String, root: String)] {
    Array(zip(names, Self.roots(current.withLock { $0 })))
  }

  private static func roots(_ bytes: [UInt8]) -> [String] {
    stride(from: 0, to: bytes.count, by: size).map { at in
      let root = [UInt8](bytes[at..<at + size])
      return root.contains { $0 != 0 } ? hexText(root) : ""
    }
  }
}

/// Bytes from pairs of hexadecimal digits; nil: something else.
public func hexadecimal(_ text: String) -> [UInt8]? {
  func digit(_ c: UInt8) -> UInt8? {
    switch c {
    case 0x30...0x39: c - 0x30
    case 0x41...0x46: c - 0x41 + 10
    case 0x61...0x66: c - 0x61 + 10
    default: nil
    }
  }
  let digits = Array(text.utf8)
  guard digits.count % 2 == 0 else { return nil }
  var out: [UInt8] = []
  for i in stride(from: 0, to: digits.count, by: 2) {
    guard let high = digit(digits[i]), let low = digit(digits[i + 1]) else { return nil }
    out.append(high << 4 | low)
  }
  return out
}
