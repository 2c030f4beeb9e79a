/// The functions of a Go program, from its pclntab (Go source: `internal/abi/symtab`, `debug/gosym`).
///
/// Go programs have no `.eh_frame`, and `go build -ldflags=-s` leaves no symbols either, but the runtime
/// needs this table to unwind, so it is always there. Read: the layout of Go 1.18 (magic 0xFFFFFFF0) and
/// 1.20 (0xFFFFFFF1).
///
/// Header: magic (4), two zero bytes, instruction quantum 1, pointer size 8, then words: number of
/// functions, number of files, start of the text, and five offsets, the last that of the function table:
/// pairs of 32-bit offsets, (entry from the start of the text, record), and one entry more for the end.
enum GoFunctions {
  static func evidence(_ image: ELFImage) -> [CodeEvidence] {
    for section in image.sections where section.isAllocated && section.type == 1 {
      if let found = read(image, section) { return found }
    }
    return []
  }

  private static func read(_ image: ELFImage, _ section: ELFImage.Section) -> [CodeEvidence]? {
    let b = image.bytes
    guard section.size >= 72 else { return nil }
    let magic = ELFImage.read64(b, section.offset)
    guard magic == 0x0801_0000_FFFF_FFF0 || magic == 0x0801_0000_FFFF_FFF1 else { return nil }
    let count = ELFImage.read64(b, section.offset + 8)
    let start = ELFImage.read64(b, section.offset + 24)
    let table = ELFImage.read64(b, section.offset + 64)
    guard count < 1 << 24, start < 1 << 47,
      let range = ELFImage.range(table, count * 8 + 4, in: section.size)
    else { return nil }
    var out: [CodeEvidence] = []
    out.reserveCapacity(Int(count))
    let at = section.offset + range.lowerBound
    for i in 0..<Int(count) {
      let entry = start + UInt64(ELFImage.read32(b, at + i * 8))
      let end = start + UInt64(ELFImage.read32(b, at + i * 8 + 8))
      out.append(CodeEvidence(start: entry, end: end))
    }
    return out
  }
}
