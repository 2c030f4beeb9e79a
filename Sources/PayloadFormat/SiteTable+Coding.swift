/// The site table as bytes. The enclave decodes what an untrusted host hands it (after the hash in the
/// manifest agreed), so the decoder accepts only what `encode` can have written.
///
/// What a wrong table could do: let a patch run over its neighbour, leave the file, or jump into the
/// middle of nowhere. Therefore: entries sorted, no byte rewritten twice, holes included, lengths sane,
/// reserved bytes zero, and not one byte left over.
extension SiteTable {
  /// Three instructions of at most 15 bytes can move from each side.
  public static let maximumMoved = 45
  /// `jmp rel32`, at the site or in the hole.
  public static let jumpLength = 5
  /// `jmp rel8` to a hole.
  public static let shortJumpLength = 2
  /// The short jump ends 2 bytes after the first rewritten byte and reaches -128 from there.
  public static let lowestHole = -126

  /// What the header says of the analysis; `rewritten` is the number of entries.
  public struct Summary: Equatable, Sendable {
    public var rewritten: UInt32
    public var found: UInt32
    public var trapped: UInt32
  }

  /// The table's bytes. `sites` must be sorted and must not overlap, as the analysis makes them.
  public static func encode(_ sites: [Site], found: UInt32, trapped: UInt32) -> [UInt8] {
    var out = magic
    out.reserveCapacity(headerSize + sites.count * entrySize)
    put(UInt64(sites.count), bytes: 4, &out)
    put(UInt64(found), bytes: 4, &out)
    put(UInt64(trapped), bytes: 4, &out)
    put(0, bytes: 8, &out)
    put(0, bytes: 4, &out)
    for site in sites {
      put(site.fileOffset, bytes: 8, &out)
      out.append(site.kind.rawValue)
      out.append(site.before)
      out.append(site.after)
      out.append(UInt8(bitPattern: site.hole))
      put(0, bytes: 4, &out)
    }
    return out
  }

  /// The header's counts; nil when the header is not one or the length does not fit it.
  public static func summary(_ bytes: [UInt8]) -> Summary? {
    guard bytes.count >= headerSize else { return nil }
    for i in 0..<8 where bytes[i] != magic[i] { return nil }
    for i in 20..<headerSize where bytes[i] != 0 { return nil }
    let count = get(bytes, 8, bytes: 4)
    let found = get(bytes, 12, bytes: 4)
    let trapped = get(bytes, 16, bytes: 4)
    guard found == count + trapped, bytes.count % entrySize == 0,
      UInt64(bytes.count - headerSize) / UInt64(entrySize) == count
    else { return nil }
    return Summary(
      rewritten: UInt32(truncatingIfNeeded: count), found: UInt32(truncatingIfNeeded: found),
      trapped: UInt32(truncatingIfNeeded: trapped))
  }

  /// The entries; nil when anything at all is out of place.
  public static func decode(_ bytes: [UInt8]) -> [Site]? {
    guard let summary = summary(bytes) else { return nil }
    var sites: [Site] = []
    sites.reserveCapacity(Int(summary.rewritten))
    var at = headerSize
    while at < bytes.count {
      let offset = get(bytes, at, bytes: 8)
      guard let kind = Kind(rawValue: bytes[at + 8]), get(bytes, at + 12, bytes: 4) == 0,
        offset < 1 << 48
      else { return nil }
      let site = Site(
        fileOffset: offset, kind: kind, before: bytes[at + 9], after: bytes[at + 10],
        hole: Int8(bitPattern: bytes[at + 11]))
      guard isSane(site) else { return nil }
      sites.append(site)
      at += entrySize
    }
    return isDisjoint(sites) ? sites : nil
  }

  /// Lengths, and a hole outside the site but within the short jump's reach.
  static func isSane(_ site: Site) -> Bool {
    guard Int(site.before) <= maximumMoved, Int(site.after) <= maximumMoved else { return false }
    let hole = Int(site.hole)
    if hole == 0 { return site.length >= jumpLength }
    guard site.length >= shortJumpLength, hole >= lowestHole else { return false }
    guard hole >= site.length || hole <= -jumpLength else { return false }
    return hole > 0 || site.fileOffset >= UInt64(-hole)
  }

  /// Sorted, and no byte belongs to two sites or holes.
  static func isDisjoint(_ sites: [Site]) -> Bool {
    for (i, site) in sites.enumerated() {
      let start = site.fileOffset
      let end = start + UInt64(site.length)
      if i > 0 {
        let previous = sites[i - 1]
        guard previous.fileOffset + UInt64(previous.length) <= start else { return false }
      }
      guard site.hole != 0 else { continue }
      let hole = holeOffset(site)
      let holeEnd = hole + UInt64(jumpLength)
      // Nothing a site or its hole covers lies farther from it than this.
      let reach: UInt64 = 512
      func clashes(_ other: Site) -> Bool {
        if other.fileOffset < holeEnd, hole < other.fileOffset + UInt64(other.length) {
          return true
        }
        guard other.hole != 0 else { return false }
        let otherHole = holeOffset(other)
        return otherHole < holeEnd && hole < otherHole + UInt64(jumpLength)
      }
      var j = i
      while j > 0, sites[j - 1].fileOffset + reach >= start {
        j -= 1
        if clashes(sites[j]) { return false }
      }
      j = i + 1
      while j < sites.count, sites[j].fileOffset <= end + reach {
        // Not yet known to be sorted from here on; a descent is refused when its turn comes.
        if clashes(sites[j]) { return false }
        j += 1
      }
    }
    return true
  }

  /// The file offset of the hole's first byte.
  public static func holeOffset(_ site: Site) -> UInt64 {
    UInt64(bitPattern: Int64(bitPattern: site.fileOffset) + Int64(site.hole))
  }

  private static func put(_ value: UInt64, bytes: Int, _ out: inout [UInt8]) {
    for i in 0..<bytes { out.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(i)))) }
  }

  private static func get(_ from: [UInt8], _ at: Int, bytes: Int) -> UInt64 {
    var value: UInt64 = 0
    for i in 0..<bytes { value |= UInt64(from[at + i]) << (8 * UInt64(i)) }
    return value
  }
}
