/// What the inode table says of a file, without its content.
public struct VolumeInode: Equatable, Sendable {
  /// Type and permission bits as Linux has them; 0: no file.
  public var mode: UInt32 = 0
  public var nlink: UInt32 = 1
  public var uid: UInt32 = 0
  public var gid: UInt32 = 0
  /// Nanoseconds since the epoch.
  public var atimeNs: Int64 = 0
  public var mtimeNs: Int64 = 0
  public var ctimeNs: Int64 = 0
  public var btimeNs: Int64 = 0
  public var rdev: UInt64 = 0
  /// Bytes of content.
  public var size: UInt64 = 0
  /// Blocks of a file's content that are no holes. Like the size, only the content's own functions change it.
  public var blocks: UInt64 = 0

  public init() {}
  public mutating func setTimes(_ ns: Int64) {
    atimeNs = ns
    mtimeNs = ns
    ctimeNs = ns
    btimeNs = ns
  }
  public var isDirectory: Bool { mode & 0o170000 == 0o040000 }
  public var isRegular: Bool { mode & 0o170000 == 0o100000 }
  public var isSymlink: Bool { mode & 0o170000 == 0o120000 }
}

extension SealedVolume {
  private func record(_ number: UInt64, forWriting: Bool) throws(VolumeError) -> VolumeMemory? {
    guard number > 0, number < nextInode else { return nil }
    let at = number * UInt64(VolumeFormat.inodeSize)
    guard let n = try node(inodes, level: 0, index: at / 4096, forWriting: forWriting) else {
      return nil
    }
    return n.buffer.memory.slice(Int(at % 4096), VolumeFormat.inodeSize)
  }

  /// A number that no file has.
  public func allocateInode() throws(VolumeError) -> UInt64 {
    try prepareToWrite()
    isSuperblockDirty = true
    if let number = freeInodes.popLast() { return number }
    let number = nextInode
    nextInode += 1
    return number
  }

  public func inode(_ number: UInt64) throws(VolumeError) -> VolumeInode? {
    guard let m = try record(number, forWriting: false) else { return nil }
    return try Self.decode(m, objects[number])
  }

  /// `content`: the object in memory, which is newer than the record.
  static func decode(
    _ m: VolumeMemory, _ content: VolumeObject?
  ) throws(VolumeError) -> VolumeInode? {
    typealias F = VolumeFormat.Inode
    var i = VolumeInode()
    i.mode = m.load(F.mode.offset, as: UInt32.self)
    if i.mode == 0 { return nil }
    guard m.slice(F.reserved.offset, F.reserved.size).isZero, i.mode < 1 << 16 else {
      throw .damaged("an inode makes no sense")
    }
    i.nlink = m.load(F.nlink.offset, as: UInt32.self)
    i.uid = m.load(F.uid.offset, as: UInt32.self)
    i.gid = m.load(F.gid.offset, as: UInt32.self)
    i.atimeNs = m.load(F.atime.offset, as: Int64.self)
    i.mtimeNs = m.load(F.mtime.offset, as: Int64.self)
    i.ctimeNs = m.load(F.ctime.offset, as: Int64.self)
    i.btimeNs = m.load(F.btime.offset, as: Int64.self)
    i.rdev = m.load(F.rdev.offset, as: UInt64.self)
    i.size = content?.size ?? m.load(F.content.offset, as: UInt64.self)
    i.blocks = content?.blocks ?? m.load(F.blocks.offset, as: UInt64.self)
    return i
  }

  /// Everything but the size, which only the content's own functions change.
  public func setInode(_ number: UInt64, _ i: VolumeInode) throws(VolumeError) {
    try prepareToWrite()
    isSuperblockDirty = true
    guard let m = try record(number, forWriting: true) else { throw .notFound }
    typealias F = VolumeFormat.Inode
    m.store(i.mode, F.mode.offset)
    m.store(i.nlink, F.nlink.offset)
    m.store(i.uid, F.uid.offset)
    m.store(i.gid, F.gid.offset)
    m.store(i.atimeNs, F.atime.offset)
    m.store(i.mtimeNs, F.mtime.offset)
    m.store(i.ctimeNs, F.ctime.offset)
    m.store(i.btimeNs, F.btime.offset)
    m.store(i.rdev, F.rdev.offset)
  }

  /// The file is gone with all it had.
  public func freeInode(_ number: UInt64) throws(VolumeError) {
    try prepareToWrite()
    isSuperblockDirty = true
    for n in [number, number | VolumeFormat.attributesBit] {
      if let o = try object(n) {
        try releaseAll(o)
        objects[n] = nil
      }
    }
    guard let m = try record(number, forWriting: true) else { return }
    m.zero()
    freeInodes.append(number)
  }

  /// The content of a file or directory, or an inode's attributes.
  func object(_ number: UInt64) throws(VolumeError) -> VolumeObject? {
    if let o = objects[number] {
      use(o)
      return o
    }
    let isAttributes = number & VolumeFormat.attributesBit != 0
    guard let m = try record(number & ~VolumeFormat.attributesBit, forWriting: false) else {
      return nil
    }
    typealias F = VolumeFormat.Inode
    let mode = m.load(F.mode.offset, as: UInt32.self)
    if mode == 0 { return nil }
    let isDirectory = mode & 0o170000 == 0o040000
    guard
      let o = VolumeObject(
        descriptor: m, isAttributes ? F.attributes.offset : F.content.offset, number: number,
        isMetadata: isDirectory && !isAttributes)
    else { throw .damaged("an inode's content makes no sense") }
    if !isAttributes { o.blocks = m.load(F.blocks.offset, as: UInt64.self) }
    objects[number] = o
    use(o)
    return o
  }

  func storeDescriptor(_ o: VolumeObject) throws(VolumeError) {
    let isAttributes = o.number & VolumeFormat.attributesBit != 0
    guard let m = try record(o.number & ~VolumeFormat.attributesBit, forWriting: true) else {
      throw .damaged("an inode is missing")
    }
    typealias F = VolumeFormat.Inode
    o.storeDescriptor(m, isAttributes ? F.attributes.offset : F.content.offset)
    if !isAttributes { m.store(o.blocks, F.blocks.offset) }
    o.isDirty = false
  }

  // MARK: Content

  /// Content from `offset` on; returns the bytes before the end of the file. Any alignment.
  public func read(_ number: UInt64, _ offset: UInt64, into memory: VolumeMemory)
    throws(VolumeError) -> Int
  {
    guard let o = try object(number) else { throw .notFound }
    return try read(o, offset, into: memory)
  }

  func read(_ o: VolumeObject, _ offset: UInt64, into memory: VolumeMemory) throws(VolumeError)
    -> Int
  {
    if offset >= o.size { return 0 }
    let n = Int(min(UInt64(memory.count), o.size - offset))
    var done = 0
    while done < n {
      let at = offset + UInt64(done)
      let within = Int(at % 4096)
      if within == 0 && n - done >= 4096 {
        let whole = (n - done) / 4096 * 4096
        try readBlocks(o, at / 4096, into: memory.slice(done, whole))
        done += whole
      } else {
        let part = min(4096 - within, n - done)
        let block = VolumeBuffer(count: 4096)
        try readBlocks(o, at / 4096, into: block.memory)
        memory.slice(done, part).copy(from: block.memory.slice(within, part))
        done += part
      }
    }
    return n
  }

  /// Takes bytes in; the file grows as needed. Any alignment; whole blocks at multiples of 4096 are fast.
  public func write(_ number: UInt64, _ offset: UInt64, from memory: VolumeMemory)
    throws(VolumeError)
  {
    try prepareToWrite()
    guard let o = try object(number) else { throw .notFound }
    try write(o, offset, from: memory)
  }

  func write(_ o: VolumeObject, _ offset: UInt64, from memory: VolumeMemory) throws(VolumeError) {
    let (end, overflow) = offset.addingReportingOverflow(UInt64(memory.count))
    guard !overflow, end <= VolumeFormat.maximumFileSize else { throw .fileTooLarge }
    try clearTail(o, before: offset)
    var done = 0
    while done < memory.count {
      let at = offset + UInt64(done)
      let within = Int(at % 4096)
      if within == 0 && memory.count - done >= 4096 {
        let whole = (memory.count - done) / 4096 * 4096
        try writeBlocks(o, at / 4096, from: memory.slice(done, whole))
        done += whole
      } else {
        let part = min(4096 - within, memory.count - done)
        let block = VolumeBuffer(count: 4096)
        if at / 4096 * 4096 < o.size { try readBlocks(o, at / 4096, into: block.memory) }
        block.memory.slice(within, part).copy(from: memory.slice(done, part))
        try writeBlocks(o, at / 4096, from: block.memory)
        done += part
      }
    }
    if end > o.size {
      o.size = end
      o.isDirty = true
    }
  }

  /// What a longer past left behind the end of the file, within its last block, must read as zeros once the file grows.
  private func clearTail(_ o: VolumeObject, before offset: UInt64) throws(VolumeError) {
    let within = Int(o.size % 4096)
    if offset <= o.size || within == 0 { return }
    let block = VolumeBuffer(count: 4096)
    try readBlocks(o, o.size / 4096, into: block.memory)
    let tail = block.memory.slice(within, 4096 - within)
    if tail.isZero { return }
    tail.zero()
    try writeBlocks(o, o.size / 4096, from: block.memory)
  }

  public func truncate(_ number: UInt64, to size: UInt64) throws(VolumeError) {
    guard size <= VolumeFormat.maximumFileSize else { throw .fileTooLarge }
    try prepareToWrite()
    guard let o = try object(number) else { throw .notFound }
    if size > o.size {
      try clearTail(o, before: size)
      o.size = size
      o.isDirty = true
    } else if size < o.size {
      try truncate(o, to: size)
      let within = Int(size % 4096)
      if within != 0 {
        let block = VolumeBuffer(count: 4096)
        try readBlocks(o, size / 4096, into: block.memory)
        block.memory.slice(within, 4096 - within).zero()
        try writeBlocks(o, size / 4096, from: block.memory)
      }
    }
  }

  /// Makes a stretch of whole blocks a hole.
  public func punch(_ number: UInt64, block first: UInt64, count: Int) throws(VolumeError) {
    try prepareToWrite()
    guard let o = try object(number) else { throw .notFound }
    let zeros = VolumeBuffer(count: 4096)
    for i in 0..<count { try writeBlocks(o, first + UInt64(i), from: zeros.memory) }
  }

  /// Where content that is no hole goes on from `offset` on, a multiple of 4096; nil: nowhere. It may lie beyond the
  /// end of the file.
  public func nextData(_ number: UInt64, from offset: UInt64) throws(VolumeError) -> UInt64? {
    try trimReading()
    guard let o = try object(number) else { throw .notFound }
    return try nextBlock(o, from: offset / 4096).map { $0 * 4096 }
  }

  /// Bytes of a file's extended attributes, without making an object of them: most files have none.
  public func attributesSize(_ number: UInt64) throws(VolumeError) -> UInt64 {
    if let o = objects[number | VolumeFormat.attributesBit] { return o.size }
    guard let m = try record(number, forWriting: false) else { return 0 }
    return m.load(
      VolumeFormat.Inode.attributes.offset + VolumeFormat.Descriptor.size.offset, as: UInt64.self)
  }

  /// A small object as a whole: a link's target, attributes.
  public func readAll(_ number: UInt64, limit: Int) throws(VolumeError) -> [UInt8] {
    guard let o = try object(number) else { throw .notFound }
    guard o.size <= UInt64(limit) else { throw .damaged("a small object is too large") }
    let buffer = VolumeBuffer(count: max(1, Int(o.size)))
    let n = try read(o, 0, into: buffer.memory)
    return buffer.memory.slice(0, n).bytes
  }

  public func replaceAll(_ number: UInt64, _ bytes: [UInt8]) throws(VolumeError) {
    try prepareToWrite()
    guard let o = try object(number) else { throw .notFound }
    try truncate(o, to: 0)
    if bytes.isEmpty { return }
    let buffer = VolumeBuffer(count: bytes.count)
    buffer.memory.copy(from: bytes)
    try write(o, 0, from: buffer.memory)
  }
}
