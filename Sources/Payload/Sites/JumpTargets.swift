/// Everything that may be jumped to, as far as a rewriting could be harmed by it.
///
/// Short branches come from the sweep (`TextMap`): their source is within 129 bytes, so it lies in a region
/// that was decoded. Everything farther away is found without decoding, by looking at *every* byte offset,
/// which can only find too much:
///
/// - `E8`, `E9`, `0F 8x` with a 32-bit displacement: direct calls and jumps; `C7 F8`: XBEGIN;
/// - `8D` with a RIP-relative operand: addresses that code takes of code, and of jump tables;
/// - jump tables of 32-bit offsets from their own start, in read-only data, at each such address;
/// - 64-bit pointers in data (function pointers, addends of R_X86_64_RELATIVE, tables of `jmp *`);
/// - in an ET_EXEC file any 32-bit value anywhere that is an address of the text;
/// - symbols of whatever type, starts of FDEs and Go functions, the entry point, and landing pads (`CallFrames`).
///
/// What would escape: an address computed at run time from none of these. Compilers do not do that.
struct JumpTargets {
  let image: ELFImage
  let texts: [TextMap]
  /// Per text, one byte for each block of 64 bytes in which a target would matter.
  let interesting: [[Bool]]
  private static let block = 6
  private static let longestTable = 4096

  init(_ image: ELFImage, _ texts: [TextMap], near sites: [[Int]], reach: Int) {
    self.image = image
    self.texts = texts
    interesting = zip(texts, sites).map { text, sites in
      var blocks = [Bool](repeating: false, count: text.count >> Self.block + 1)
      for s in sites {
        let low = max(s - reach, 0) >> Self.block
        let high = min(s + reach, text.count - 1) >> Self.block
        for b in low...high { blocks[b] = true }
      }
      return blocks
    }
  }

  func collect() {
    for i in texts.indices where interesting[i].contains(true) {
      for source in texts { scanCode(of: source, into: i) }
    }
    for load in image.loads { scanPointers(load) }
    if image.isPositionDependent { for load in image.loads { scanAbsolute(load) } }
  }

  private func add(_ text: Int, _ offset: Int) {
    if offset >= 0, offset < texts[text].count, interesting[text][offset >> Self.block] {
      texts[text].addTarget(offset)
    }
  }

  private func scanCode(of source: TextMap, into index: Int) {
    let bytes = source.bytes
    guard bytes.count >= 6 else { return }
    let target = texts[index]
    let count = target.count
    // The distance between two texts, so that offsets of one become offsets of the other.
    let shift = Int(truncatingIfNeeded: source.segment.address &- target.segment.address)
    interesting[index].withUnsafeBufferPointer { blocks in
      func hit(_ at: Int) {
        let displacement = Int(bytes.loadUnaligned(fromByteOffset: at, as: Int32.self))
        let offset = at + 4 + displacement + shift
        if offset >= 0, offset < count, blocks[offset >> Self.block] { target.addTarget(offset) }
      }
      var i = 0
      let last = bytes.count - 5
      while i <= last {
        let b = bytes[i]
        if b & 0xFE == 0xE8 {
          hit(i + 1)
        } else if b == 0x0F || b == 0x8D || b == 0xC7 {
          let next = bytes[i + 1]
          if i < last, (b == 0x0F && next & 0xF0 == 0x80) || (b == 0xC7 && next == 0xF8) {
            hit(i + 2)
          } else if i < last, b == 0x8D, next & 0xC7 == 0x05 {
            hit(i + 2)
            let displacement = Int64(bytes.loadUnaligned(fromByteOffset: i + 2, as: Int32.self))
            let address = source.segment.address &+ UInt64(i + 6)
            scanTable(address &+ UInt64(bitPattern: displacement), into: index)
          }
        }
        i += 1
      }
    }
  }

  /// Offsets from the table's own start, for as long as they lead into a text.
  private func scanTable(_ address: UInt64, into index: Int) {
    guard let at = image.fileOffset(address, count: 4) else { return }
    let target = texts[index]
    var i = at
    let end = min(image.bytes.count - 4, at + 4 * Self.longestTable)
    while i <= end {
      let offset = Int64(Int32(bitPattern: ELFImage.read32(image.bytes, i)))
      let destination = address &+ UInt64(bitPattern: offset)
      if target.segment.contains(destination) {
        add(index, Int(destination - target.segment.address))
      } else if !texts.contains(where: { $0.segment.contains(destination) }) {
        return
      }
      i += 4
    }
  }

  private func scanPointers(_ load: ELFImage.Segment) {
    // Pointers are aligned in memory, whatever the file's offset is.
    let skew = Int(truncatingIfNeeded: (8 &- load.address) & 7)
    let words = (load.fileSize - skew) / 8
    guard words > 0 else { return }
    for (index, text) in texts.enumerated() {
      let base = text.segment.address
      let count = UInt64(text.count)
      for w in 0..<words {
        let value = ELFImage.read64(image.bytes, load.fileOffset + skew + w * 8) &- base
        if value < count { add(index, Int(value)) }
      }
    }
  }

  private func scanAbsolute(_ load: ELFImage.Segment) {
    guard load.fileSize >= 4 else { return }
    for (index, text) in texts.enumerated() {
      let base = text.segment.address
      guard base < 1 << 32 else { continue }
      let base32 = UInt32(truncatingIfNeeded: base)
      let count = UInt32(clamping: text.count)
      for i in load.fileOffset...(load.fileOffset + load.fileSize - 4) {
        let value = ELFImage.read32(image.bytes, i) &- base32
        if value < count { add(index, Int(value)) }
      }
    }
  }
}
