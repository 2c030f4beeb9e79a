import Glibc
import PayloadFormat

/// One stretch of code: where its instructions start, as far as anyone asked, and which of its bytes
/// something may jump to.
///
/// Decoding is a linear sweep, region by region. A region runs from one *anchor* (a place that is known to
/// be the start of an instruction: an FDE, a function symbol, a section, the entry point) to the next, so a
/// sweep that loses its way is put right at the next function, and one that would run over an anchor is
/// recognised as wrong. Only regions near a byte pattern that could be a site are ever decoded.
final class TextMap {
  /// What is known of a byte; 0 unless an instruction starts there.
  struct Mark {
    static let length: UInt8 = 0x0F
    static let endsFlow: UInt8 = 0x10
    static let padding: UInt8 = 0x20
    static let implausible: UInt8 = 0x40
    /// Not decodable, or running over an anchor; such a byte is skipped, as objdump does.
    static let bad: UInt8 = 0x80
  }

  let segment: ELFImage.Segment
  let bytes: UnsafeRawBufferPointer
  /// Offsets within the segment, sorted, the first 0.
  private let anchors: [Int]
  /// For each anchor how far code is known to reach: the end of its FDE or sized function symbol.
  private let coveredEnds: [Int]
  private var isDecoded: [Bool]
  private let marks: UnsafeMutablePointer<UInt8>
  private let targets: UnsafeMutablePointer<UInt8>
  private var decoder = InstructionDecoder()

  var count: Int { bytes.count }

  init(_ segment: ELFImage.Segment, in file: UnsafeRawBufferPointer, evidence: [CodeEvidence]) {
    self.segment = segment
    bytes = UnsafeRawBufferPointer(
      rebasing: file[segment.fileOffset..<(segment.fileOffset + segment.fileSize)])
    var anchors = [0]
    var ends = [0]
    for e in evidence.sorted(by: { $0.start < $1.start }) where segment.contains(e.start) {
      let offset = Int(e.start - segment.address)
      let end =
        e.end > e.start ? offset + Int(min(e.end - e.start, UInt64(bytes.count - offset))) : 0
      if offset == anchors[anchors.count - 1] {
        ends[ends.count - 1] = max(ends[ends.count - 1], end)
      } else {
        anchors.append(offset)
        ends.append(max(ends[ends.count - 1], end))
      }
    }
    self.anchors = anchors
    coveredEnds = ends
    isDecoded = [Bool](repeating: false, count: anchors.count)
    // Zero pages are free until touched, so a 100 MB text costs only what is looked at.
    marks = Self.zeroes(bytes.count)
    targets = Self.zeroes(bytes.count)
    for a in anchors where a < bytes.count { targets[a] = 1 }
  }

  deinit {
    free(marks)
    free(targets)
  }

  private static func zeroes(_ count: Int) -> UnsafeMutablePointer<UInt8> {
    guard let p = calloc(max(count, 1), 1) else { fatalError("out of memory") }
    return p.assumingMemoryBound(to: UInt8.self)
  }

  // MARK: Targets

  func isTarget(_ offset: Int) -> Bool { targets[offset] != 0 }
  func addTarget(_ offset: Int) {
    if offset >= 0, offset < bytes.count { targets[offset] = 1 }
  }
  func addTarget(address: UInt64) {
    if segment.contains(address) { targets[Int(address - segment.address)] = 1 }
  }

  // MARK: Instructions

  func mark(_ offset: Int) -> UInt8 { offset >= 0 && offset < bytes.count ? marks[offset] : 0 }

  /// The length of the instruction that starts here; 0 when none does or it is not decodable.
  func length(_ offset: Int) -> Int {
    let m = mark(offset)
    return m & Mark.bad != 0 ? 0 : Int(m & Mark.length)
  }

  /// The start of the instruction that ends here, in the same sweep.
  func previous(_ offset: Int) -> Int? {
    for back in 1...15 where mark(offset - back) != 0 {
      return length(offset - back) == back ? offset - back : nil
    }
    return nil
  }

  func regionIndex(_ offset: Int) -> Int {
    var low = 0
    var high = anchors.count
    while low < high {
      let middle = (low + high) / 2
      if anchors[middle] <= offset { low = middle + 1 } else { high = middle }
    }
    return low - 1
  }

  func region(_ index: Int) -> Range<Int> {
    anchors[index]..<(index + 1 < anchors.count ? anchors[index + 1] : bytes.count)
  }

  /// Code is known to reach over these bytes: an FDE or a sized symbol says so.
  func isCovered(_ range: Range<Int>) -> Bool {
    coveredEnds[regionIndex(range.lowerBound)] >= range.upperBound
  }

  /// Decodes every region that touches the range.
  func decode(_ range: Range<Int>) {
    let low = max(range.lowerBound, 0)
    let high = min(range.upperBound, bytes.count)
    guard low < high else { return }
    var index = regionIndex(low)
    while index < anchors.count, anchors[index] < high {
      if !isDecoded[index] { decodeRegion(index) }
      index += 1
    }
  }

  private func decodeRegion(_ index: Int) {
    isDecoded[index] = true
    let region = region(index)
    guard let base = bytes.baseAddress else { return }
    var at = region.lowerBound
    while at < region.upperBound {
      guard let shape = decoder.shape(base + at, available: min(15, region.upperBound - at)) else {
        marks[at] = 1 | Mark.bad
        at += 1
        continue
      }
      var mark = UInt8(truncatingIfNeeded: shape.length)
      if !shape.fallsThrough { mark |= Mark.endsFlow }
      if shape.isPadding { mark |= Mark.padding }
      if shape.isImplausible { mark |= Mark.implausible }
      marks[at] = mark
      at += shape.length
      if let branch = shape.branch, branch > -(1 << 32), branch < 1 << 32 {
        addTarget(at + Int(branch))
      }
    }
  }

  /// The site that the sweep sees at an offset. A prefix makes the instruction longer than the table
  /// could say, so it is not one.
  func site(at offset: Int) -> SiteTable.Kind? {
    guard let pattern = SiteScan.pattern(bytes, offset), length(offset) == pattern.length else {
      return nil
    }
    return pattern
  }
}

/// A place where code is known to start, and to reach up to, if `end` is above.
struct CodeEvidence {
  var start: UInt64
  var end: UInt64
}
