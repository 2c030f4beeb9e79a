/// The functions that `.eh_frame` describes (LSB Core 10.6, "Exception Frames"; DWARF 5, 6.4.1).
///
/// An FDE is the best evidence there is that bytes are code: the unwinder relies on it. It also leads to
/// the language-specific data area, whose call-site table names the landing pads, which are jump targets
/// that no instruction mentions.
struct CallFrames {
  struct Function {
    var start: UInt64
    var end: UInt64
    var lsda: UInt64
  }

  /// Sorted by start.
  private(set) var functions: [Function] = []

  private struct CIE {
    var encoding: UInt8
    var lsdaEncoding: UInt8
    var hasAugmentationLength: Bool
  }

  init(_ image: ELFImage) {
    guard let start = Self.locate(image) else { return }
    var reader = PointerReader(image: image, at: start.lowerBound, end: start.upperBound)
    var cies: [Int: CIE] = [:]
    while reader.at < reader.end {
      let record = reader.at
      guard let length32 = reader.u32(), length32 != 0 else { break }
      var length = UInt64(length32)
      if length32 == 0xFFFF_FFFF {
        guard let long = reader.u64() else { break }
        length = long
      }
      guard length >= 4, length <= UInt64(reader.end - reader.at) else { break }
      let idAt = reader.at
      let next = idAt + Int(length)
      guard let id = reader.u32() else { break }
      if id == 0 {
        cies[record] = Self.readCIE(image, idAt + 4, next)
      } else if Int(id) <= idAt, let cie = cies[idAt - Int(id)] {
        var body = PointerReader(image: image, at: idAt + 4, end: next)
        if let f = Self.readFDE(&body, cie) { functions.append(f) }
      }
      reader.at = next
    }
    functions.sort { ($0.start, $0.end) < ($1.start, $1.end) }
  }

  /// The function that holds an address.
  func function(at address: UInt64) -> Function? {
    var low = 0
    var high = functions.count
    while low < high {
      let middle = (low + high) / 2
      if functions[middle].start <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0, functions[low - 1].end > address else { return nil }
    return functions[low - 1]
  }

  /// The file range of `.eh_frame`: from the pointer in PT_GNU_EH_FRAME, else from its section
  /// (SHT_PROGBITS or SHT_X86_64_UNWIND has no name here, so without a header there is none).
  private static func locate(_ image: ELFImage) -> Range<Int>? {
    guard let header = image.ehFrameHeader, header.fileSize >= 8 else { return nil }
    var reader = PointerReader(
      image: image, at: header.fileOffset, end: header.fileOffset + header.fileSize)
    guard reader.u8() == 1, let encoding = reader.u8(), reader.u16() != nil,
      let address = reader.pointer(encoding, at: header.address + 4),
      let offset = image.fileOffset(address, count: 4)
    else { return nil }
    for s in image.sections
    where s.isAllocated && offset >= s.offset && offset < s.offset + s.size {
      return offset..<(s.offset + s.size)
    }
    for s in image.loads where s.contains(address) { return offset..<(s.fileOffset + s.fileSize) }
    return nil
  }

  private static func readCIE(_ image: ELFImage, _ at: Int, _ end: Int) -> CIE? {
    var r = PointerReader(image: image, at: at, end: end)
    guard let version = r.u8(), version == 1 || version == 3 else { return nil }
    var augmentation: [UInt8] = []
    while let c = r.u8(), c != 0 {
      augmentation.append(c)
      if augmentation.count > 16 { return nil }
    }
    guard r.uleb() != nil, r.sleb() != nil else { return nil }
    guard version == 1 ? r.u8() != nil : r.uleb() != nil else { return nil }
    var cie = CIE(encoding: 0, lsdaEncoding: 0xFF, hasAugmentationLength: false)
    guard augmentation.first == UInt8(ascii: "z") else { return augmentation.isEmpty ? cie : nil }
    cie.hasAugmentationLength = true
    guard r.uleb() != nil else { return nil }
    for c in augmentation.dropFirst() {
      switch c {
      case UInt8(ascii: "R"):
        guard let e = r.u8() else { return nil }
        cie.encoding = e
      case UInt8(ascii: "L"):
        guard let e = r.u8() else { return nil }
        cie.lsdaEncoding = e
      case UInt8(ascii: "P"):
        guard let e = r.u8(), r.pointer(e, at: nil) != nil else { return nil }
      case UInt8(ascii: "S"), UInt8(ascii: "B"): break
      default: return nil
      }
    }
    return cie
  }

  private static func readFDE(_ r: inout PointerReader, _ cie: CIE) -> Function? {
    guard let start = r.pointer(cie.encoding, at: nil),
      let size = r.pointer(cie.encoding & 0x0F, at: nil), size > 0, size < 1 << 40,
      start < 1 << 47
    else { return nil }
    var lsda: UInt64 = 0
    if cie.hasAugmentationLength, r.uleb() != nil, cie.lsdaEncoding != 0xFF,
      let p = r.pointer(cie.lsdaEncoding & 0x7F, at: nil)
    {
      lsda = p
    }
    return Function(start: start, end: start + size, lsda: lsda)
  }

  /// The landing pads of a function, or nil when its table cannot be understood.
  static func landingPads(_ image: ELFImage, _ function: Function) -> [UInt64]? {
    guard function.lsda != 0 else { return [] }
    guard let at = image.fileOffset(function.lsda, count: 4) else { return nil }
    var r = PointerReader(image: image, at: at, end: image.bytes.count)
    guard let startEncoding = r.u8() else { return nil }
    var base = function.start
    if startEncoding != 0xFF {
      guard let b = r.pointer(startEncoding, at: nil) else { return nil }
      base = b
    }
    guard let typeEncoding = r.u8() else { return nil }
    if typeEncoding != 0xFF, r.uleb() == nil { return nil }
    guard let encoding = r.u8(), let length = r.uleb(), length <= UInt64(r.end - r.at) else {
      return nil
    }
    r.end = r.at + Int(length)
    var pads: [UInt64] = []
    while r.at < r.end {
      guard r.pointer(encoding, at: nil) != nil, r.pointer(encoding, at: nil) != nil,
        let pad = r.pointer(encoding, at: nil), r.uleb() != nil
      else { return nil }
      if pad != 0 { pads.append(base &+ pad) }
    }
    return pads
  }
}
