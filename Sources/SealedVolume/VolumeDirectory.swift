/// A name in a directory.
public struct VolumeEntry: Equatable, Sendable {
  public var name: [UInt8]
  public var inode: UInt64
  /// `d_type` of getdents64(2).
  public var type: UInt8
  public init(name: [UInt8], inode: UInt64, type: UInt8) {
    self.name = name
    self.inode = inode
    self.type = type
  }
}

/// Directories: a power of two of buckets, each one block. The hash of a name, seeded with the volume's ID, which the
/// programs that choose names do not know, says in which bucket it is. A bucket that is full doubles their number.
extension SealedVolume {
  private static let maximumBuckets: UInt64 = 1 << 20

  /// Bucket: bytes in use (u16, these two included), then entries {inode u64, type u8, length u8, name}.
  private static func parse(_ m: VolumeMemory) throws(VolumeError) -> [VolumeEntry] {
    typealias E = VolumeFormat.Entry
    let header = VolumeFormat.entryHeaderSize
    let used = Int(m.load(VolumeFormat.Bucket.used.offset, as: UInt16.self))
    if used == 0 { return [] }
    var out: [VolumeEntry] = []
    var at = VolumeFormat.bucketHeaderSize
    guard used <= VolumeFormat.blockSize else { throw .damaged("a directory makes no sense") }
    while at < used {
      guard used - at > header else { throw .damaged("a directory makes no sense") }
      let length = Int(m[at + E.length.offset])
      guard length > 0, used - at - header >= length else {
        throw .damaged("a directory makes no sense")
      }
      let name = m.slice(at + header, length).bytes
      let inode = m.load(at + E.inode.offset, as: UInt64.self)
      let isDots = name == [0x2E] || name == [0x2E, 0x2E]
      guard inode > 0, inode < VolumeFormat.saltTable, !isDots, !name.contains(0),
        !name.contains(0x2F)
      else {
        throw .damaged("a directory makes no sense")
      }
      out.append(VolumeEntry(name: name, inode: inode, type: m[at + E.type.offset]))
      at += header + length
    }
    return out
  }

  private static func store(_ entries: [VolumeEntry], _ m: VolumeMemory) -> Bool {
    typealias E = VolumeFormat.Entry
    let header = VolumeFormat.entryHeaderSize
    var total = VolumeFormat.bucketHeaderSize
    for e in entries { total += header + e.name.count }
    if total > VolumeFormat.blockSize { return false }
    m.zero()
    m.store(UInt16(total), VolumeFormat.Bucket.used.offset)
    var at = VolumeFormat.bucketHeaderSize
    for e in entries {
      m.store(e.inode, at + E.inode.offset)
      m[at + E.type.offset] = e.type
      m[at + E.length.offset] = UInt8(e.name.count)
      m.slice(at + header, e.name.count).copy(from: e.name)
      at += header + e.name.count
    }
    return true
  }

  private func hash(_ name: [UInt8]) -> UInt64 {
    var h: UInt64 = 0x9E37_79B9_7F4A_7C15
    func mix(_ v: UInt64) {
      let p = (h ^ v).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
      h = p.high ^ p.low ^ (h << 7 | h >> 57)
    }
    for i in 0..<16 { mix(UInt64(volumeID[i]) << 8 | 1) }
    for b in name { mix(UInt64(b)) }
    mix(UInt64(name.count))
    return h
  }

  private func directory(_ number: UInt64) throws(VolumeError) -> VolumeObject {
    guard let o = try object(number) else { throw .notFound }
    guard o.isMetadata else { throw .notADirectory }
    guard o.size % 4096 == 0, (o.size / 4096) & (o.size / 4096 &- 1) == 0 || o.size == 0,
      o.size / 4096 <= Self.maximumBuckets
    else { throw .damaged("a directory makes no sense") }
    return o
  }

  private func bucket(_ o: VolumeObject, _ i: UInt64) throws(VolumeError) -> [VolumeEntry] {
    guard let n = try node(o, level: 0, index: i, forWriting: false) else { return [] }
    return try Self.parse(n.buffer.memory)
  }

  public func lookup(_ directoryNumber: UInt64, _ name: [UInt8]) throws(VolumeError) -> VolumeEntry?
  {
    try trimReading()
    let o = try directory(directoryNumber)
    if o.size == 0 { return nil }
    for e in try bucket(o, hash(name) & (o.size / 4096 - 1)) where e.name == name { return e }
    return nil
  }

  /// All names, in no order that means anything.
  public func forEachEntry(
    _ directoryNumber: UInt64, _ body: (VolumeEntry) throws(VolumeError) -> Void
  ) throws(VolumeError) {
    var position: UInt64 = 0
    while let some = try entries(of: directoryNumber, from: &position) {
      for e in some { try body(e) }
    }
  }

  /// Some names, those of one bucket, and `position` behind them; nil: there are no more. Begin with 0. For those who do
  /// not want all names of a large directory in memory; the volume may be used in between, the directory not be changed.
  public func entries(
    of directoryNumber: UInt64, from position: inout UInt64
  ) throws(VolumeError) -> [VolumeEntry]? {
    try trimReading()
    let o = try directory(directoryNumber)
    guard let next = try nextBlock(o, from: position), next < o.size / 4096 else { return nil }
    position = next + 1
    return try bucket(o, next)
  }

  public func isEmptyDirectory(_ number: UInt64) throws(VolumeError) -> Bool {
    let o = try directory(number)
    var i: UInt64 = 0
    while let next = try nextBlock(o, from: i), next < o.size / 4096 {
      if try !bucket(o, next).isEmpty { return false }
      i = next + 1
    }
    return true
  }

  /// Makes a name mean a file, whatever it meant before. Link counts are the caller's.
  public func setEntry(_ directoryNumber: UInt64, _ entry: VolumeEntry) throws(VolumeError) {
    guard entry.name.count <= 255, !entry.name.isEmpty else { throw .nameTooLong }
    try prepareToWrite()
    let o = try directory(directoryNumber)
    if o.size == 0 {
      o.size = 4096
      o.isDirty = true
    }
    let h = hash(entry.name)
    while true {
      let i = h & (o.size / 4096 - 1)
      var entries = try bucket(o, i)
      if let at = entries.firstIndex(where: { $0.name == entry.name }) {
        entries[at] = entry
      } else {
        entries.append(entry)
      }
      guard let n = try node(o, level: 0, index: i, forWriting: true) else { throw .io }
      if Self.store(entries, n.buffer.memory) { break }
      try double(o)
    }
    try trim(o)
  }

  public func removeEntry(_ directoryNumber: UInt64, _ name: [UInt8]) throws(VolumeError) {
    try prepareToWrite()
    let o = try directory(directoryNumber)
    if o.size == 0 { return }
    let i = hash(name) & (o.size / 4096 - 1)
    var entries = try bucket(o, i)
    guard let at = entries.firstIndex(where: { $0.name == name }) else { return }
    entries.remove(at: at)
    guard let n = try node(o, level: 0, index: i, forWriting: true) else { throw .io }
    _ = Self.store(entries, n.buffer.memory)
  }

  private func double(_ o: VolumeObject) throws(VolumeError) {
    let count = o.size / 4096
    guard count < Self.maximumBuckets else { throw .noSpace }
    for i in 0..<count {
      var low: [VolumeEntry] = []
      var high: [VolumeEntry] = []
      for e in try bucket(o, i) {
        if hash(e.name) & count == 0 { low.append(e) } else { high.append(e) }
      }
      guard let a = try node(o, level: 0, index: i, forWriting: true),
        let b = try node(o, level: 0, index: i + count, forWriting: true)
      else { throw .io }
      _ = Self.store(low, a.buffer.memory)
      _ = Self.store(high, b.buffer.memory)
    }
    o.size = count * 2 * 4096
    o.isDirty = true
  }
}
