/// The little of an ELF file that the site analysis needs (elf(5)), read with every bound checked.
///
/// The file may be anything at all: a mutated header gives an error or an image without sections, never
/// a trap. Section headers are optional, as they are to Linux; what they say is only used as a hint.
struct ELFImage {
  struct Segment {
    var type: UInt32
    var flags: UInt32
    var fileOffset: Int
    var fileSize: Int
    var address: UInt64

    var isExecutable: Bool { flags & 1 != 0 }
    func contains(_ a: UInt64) -> Bool { a >= address && a - address < UInt64(fileSize) }
  }

  struct Symbol {
    var address: UInt64
    var size: UInt64
    var isFunction: Bool
  }

  let bytes: UnsafeRawBufferPointer
  /// ET_EXEC: absolute addresses may be written into the code itself.
  let isPositionDependent: Bool
  let entry: UInt64
  /// PT_LOAD with bytes in the file, in the file's order.
  let loads: [Segment]
  let ehFrameHeader: Segment?
  let sections: [Section]

  struct Section {
    var type: UInt32
    var flags: UInt64
    var address: UInt64
    var offset: Int
    var size: Int
    var entrySize: Int
    var isAllocated: Bool { flags & 2 != 0 }
    var isExecutable: Bool { flags & 4 != 0 }
  }

  private static let highestAddress: UInt64 = 1 << 47

  init(_ bytes: UnsafeRawBufferPointer) throws(SiteAnalysisError) {
    guard bytes.count >= 64, Self.read32(bytes, 0) == 0x464C_457F else { throw .notELF }
    // EI_CLASS 2, EI_DATA 1, e_machine EM_X86_64 (62).
    guard bytes[4] == 2, bytes[5] == 1, Self.read16(bytes, 18) == 62 else {
      throw .wrongArchitecture
    }
    let type = Self.read16(bytes, 16)
    guard type == 2 || type == 3 else { throw .malformed("neither an executable nor a library") }
    self.bytes = bytes
    isPositionDependent = type == 2
    entry = Self.read64(bytes, 24)

    let headers = Self.read64(bytes, 32)
    let count = Int(Self.read16(bytes, 56))
    guard Self.read16(bytes, 54) == 56, count <= 1024 else {
      throw .malformed("program headers of a strange size or number")
    }
    guard let table = Self.range(headers, UInt64(count * 56), in: bytes.count) else {
      throw .malformed("program headers lie outside the file")
    }
    var loads: [Segment] = []
    var ehFrameHeader: Segment?
    for i in 0..<count {
      let at = table.lowerBound + i * 56
      let type = Self.read32(bytes, at)
      guard type == 1 || type == 0x6474_E550 else { continue }
      let address = Self.read64(bytes, at + 16)
      let size = Self.read64(bytes, at + 32)
      guard let file = Self.range(Self.read64(bytes, at + 8), size, in: bytes.count),
        address < Self.highestAddress, size < Self.highestAddress - address
      else { throw .malformed("segment \(i) lies outside the file or the address space") }
      let segment = Segment(
        type: type, flags: Self.read32(bytes, at + 4), fileOffset: file.lowerBound,
        fileSize: file.count, address: address)
      if type == 1 {
        if segment.fileSize > 0 { loads.append(segment) }
      } else {
        ehFrameHeader = segment
      }
    }
    // Two executable mappings of the same bytes could not be rewritten independently.
    let executable = loads.filter(\.isExecutable).sorted { $0.fileOffset < $1.fileOffset }
    for (a, b) in zip(executable, executable.dropFirst())
    where a.fileOffset + a.fileSize > b.fileOffset {
      throw .malformed("executable segments overlap in the file")
    }
    let byAddress = executable.sorted { $0.address < $1.address }
    for (a, b) in zip(byAddress, byAddress.dropFirst())
    where a.address + UInt64(a.fileSize) > b.address {
      throw .malformed("executable segments overlap in memory")
    }
    self.loads = loads
    self.ehFrameHeader = ehFrameHeader
    sections = Self.readSections(bytes)
  }

  /// Where code lies: the executable sections of each executable segment, or the whole segment when the
  /// file has no sections there. Linkers put read-only data into the same segment as code (`ld -z
  /// noseparate-code`, BOLT), and data looks like code to a decoder. An instruction that hides outside is
  /// not found, and traps. Sorted by file offset; neighbours with only alignment between them are one.
  var codeRanges: [Segment] {
    var out: [Segment] = []
    for segment in loads.filter(\.isExecutable).sorted(by: { $0.fileOffset < $1.fileOffset }) {
      var ranges: [Segment] = []
      let end = segment.fileOffset + segment.fileSize
      let inside = sections.filter {
        $0.isAllocated && $0.isExecutable && $0.size > 0 && $0.offset >= segment.fileOffset
          && $0.offset + $0.size <= end
          && $0.address == segment.address &+ UInt64($0.offset - segment.fileOffset)
      }
      for s in inside.sorted(by: { $0.offset < $1.offset }) {
        if let last = ranges.last, s.offset <= last.fileOffset + last.fileSize + 63 {
          let size = max(last.fileSize, s.offset + s.size - last.fileOffset)
          ranges[ranges.count - 1].fileSize = size
        } else {
          var range = segment
          range.fileOffset = s.offset
          range.fileSize = s.size
          range.address = s.address
          ranges.append(range)
        }
      }
      out += ranges.isEmpty ? [segment] : ranges
    }
    return out
  }

  private static func readSections(_ bytes: UnsafeRawBufferPointer) -> [Section] {
    let count = Int(read16(bytes, 60))
    guard read16(bytes, 58) == 64,
      let table = range(read64(bytes, 40), UInt64(count * 64), in: bytes.count)
    else { return [] }
    var out: [Section] = []
    for i in 0..<count {
      let at = table.lowerBound + i * 64
      let type = read32(bytes, at + 4)
      let size = read64(bytes, at + 32)
      // SHT_NOBITS occupies nothing in the file.
      guard type != 8, let file = range(read64(bytes, at + 24), size, in: bytes.count) else {
        continue
      }
      out.append(
        Section(
          type: type, flags: read64(bytes, at + 8), address: read64(bytes, at + 16),
          offset: file.lowerBound, size: file.count,
          entrySize: Int(truncatingIfNeeded: read64(bytes, at + 56))))
    }
    return out
  }

  /// Every symbol of `.symtab` and `.dynsym` that has an address.
  func forEachSymbol(_ body: (Symbol) -> Void) {
    // SHT_SYMTAB 2, SHT_DYNSYM 11.
    var seen: [Int] = []
    for section in sections where section.type == 2 || section.type == 11 {
      guard section.entrySize == 24, !seen.contains(section.offset), seen.count < 4 else {
        continue
      }
      seen.append(section.offset)
      for i in 0..<(section.size / 24) {
        let at = section.offset + i * 24
        // st_shndx 0 is undefined, above 0xff00 reserved.
        let index = Self.read16(bytes, at + 6)
        guard index != 0, index < 0xFF00 else { continue }
        let type = bytes[at + 4] & 15
        guard type == 0 || type == 1 || type == 2 || type == 10 else { continue }
        body(
          Symbol(
            address: Self.read64(bytes, at + 8), size: Self.read64(bytes, at + 16),
            isFunction: type == 2 || type == 10))
      }
    }
  }

  /// The file offset of `count` bytes at `address`, if one segment holds them all.
  func fileOffset(_ address: UInt64, count: Int) -> Int? {
    for s in loads where s.contains(address) {
      let inside = Int(address - s.address)
      if count <= s.fileSize - inside { return s.fileOffset + inside }
    }
    return nil
  }

  // MARK: Reading. Callers have checked the bounds; these check again, because a trap is cheap.

  static func range(_ offset: UInt64, _ size: UInt64, in total: Int) -> Range<Int>? {
    guard offset <= UInt64(total), size <= UInt64(total) - offset else { return nil }
    return Int(offset)..<Int(offset + size)
  }
  static func read16(_ b: UnsafeRawBufferPointer, _ at: Int) -> UInt16 {
    b.loadUnaligned(fromByteOffset: at, as: UInt16.self)
  }
  static func read32(_ b: UnsafeRawBufferPointer, _ at: Int) -> UInt32 {
    b.loadUnaligned(fromByteOffset: at, as: UInt32.self)
  }
  static func read64(_ b: UnsafeRawBufferPointer, _ at: Int) -> UInt64 {
    b.loadUnaligned(fromByteOffset: at, as: UInt64.self)
  }
}
