import Foundation

/// What `objdump -d` says of a file: a second opinion from another disassembler.
final class Listing {
  /// Addresses in the order of the file's sections.
  private(set) var addresses: [UInt64] = []
  private var texts: [Range<Int>] = []
  private var index: [UInt64: Int] = [:]
  private(set) var targets: Set<UInt64> = []
  private let output: [UInt8]

  init?(_ path: String) {
    guard let objdump = Toolbox.find("objdump") else { return nil }
    let out = Toolbox.folder + "/objdump-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: out) }
    let shell = Toolbox.run(
      "/bin/sh",
      ["-c", "exec \"$1\" -d -w --no-show-raw-insn \"$2\" >\"$3\"", "sh", objdump, path, out])
    guard shell.status == 0, let data = FileManager.default.contents(atPath: out) else {
      return nil
    }
    output = [UInt8](data) + [0]
    output.withUnsafeBufferPointer { parse($0.baseAddress!, $0.count - 1) }
  }

  private func parse(_ p: UnsafePointer<UInt8>, _ count: Int) {
    var at = 0
    while at < count {
      let end =
        memchr(p + at, 10, count - at).map {
          UnsafePointer($0.assumingMemoryBound(to: UInt8.self)) - p
        } ?? count
      defer { at = end + 1 }
      guard p[at] == 0x20, let colon = memchr(p + at, 0x3A, end - at) else { continue }
      let text = UnsafePointer(colon.assumingMemoryBound(to: UInt8.self)) - p + 2
      guard text < end else { continue }
      let address = UInt64(
        strtoul(UnsafeRawPointer(p + at).assumingMemoryBound(to: CChar.self), nil, 16))
      index[address] = addresses.count
      addresses.append(address)
      texts.append(text..<end)
      // j*, call, loop*, xbegin with a direct target.
      let c = p[text]
      guard c == 0x6A || c == 0x63 || c == 0x6C || c == 0x78 || c == 0x62 || c == 0x6E,
        isBranch(p + text)
      else { continue }
      var i = end
      // The operand is the last word before an optional <symbol>.
      if p[end - 1] == 0x3E { while i > text, p[i] != 0x3C { i -= 1 } }
      while i > text, p[i - 1] == 0x20 { i -= 1 }
      while i > text, p[i - 1] != 0x20 { i -= 1 }
      if p[i] != 0x2A {
        targets.insert(
          UInt64(strtoul(UnsafeRawPointer(p + i).assumingMemoryBound(to: CChar.self), nil, 16)))
      }
    }
  }

  private func isBranch(_ p: UnsafePointer<UInt8>) -> Bool {
    let c = UnsafeRawPointer(p).assumingMemoryBound(to: CChar.self)
    return p[0] == 0x6A || strncmp(c, "call", 4) == 0 || strncmp(c, "loop", 4) == 0
      || strncmp(c, "xbegin", 6) == 0 || strncmp(c, "bnd ", 4) == 0 || strncmp(c, "notrack", 7) == 0
  }

  func isStart(_ address: UInt64) -> Bool { index[address] != nil }
  func position(_ address: UInt64) -> Int? { index[address] }
  func text(_ position: Int) -> String {
    String(decoding: output[texts[position]], as: UTF8.self)
      .trimmingCharacters(in: .whitespaces)
  }
  func text(at address: UInt64) -> String? { index[address].map { text($0) } }

  /// How often an instruction stands alone on its line.
  func count(_ mnemonic: String) -> Int {
    let m = Array(mnemonic.utf8)
    return texts.count { r in
      r.count >= m.count && output[r.lowerBound..<(r.lowerBound + m.count)].elementsEqual(m)
        && (r.count == m.count || output[r.lowerBound + m.count] == 0x20)
    }
  }
}
