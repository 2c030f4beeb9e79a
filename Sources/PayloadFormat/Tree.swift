/// Why a tree cannot be read.
public enum TreeError: Error, Equatable, Sendable {
  /// A field is out of place; says which record.
  case damaged(StaticString)
  /// The bytes could not be had.
  case unreadable

  public static func == (a: TreeError, b: TreeError) -> Bool {
    switch (a, b) {
    case (.damaged, .damaged), (.unreadable, .unreadable): true
    default: false
    }
  }
}

/// Where a tree's bytes come from: verified when they are handed out. Offsets have been checked against
/// `size`, and a load of 4 or 8 bytes is aligned to its size.
public protocol TreeSource {
  var size: UInt64 { get }
  func load32(_ offset: UInt64) throws(TreeError) -> UInt32
  func load64(_ offset: UInt64) throws(TreeError) -> UInt64
  func bytes(_ offset: UInt64, count: Int) throws(TreeError) -> [UInt8]
  /// memcmp(3) of the bytes there with a name, then the lengths: negative, 0 or positive.
  func compare(_ offset: UInt64, count: Int, with name: [UInt8]) throws(TreeError) -> Int
}

/// Reads a tree (`TreeFormat`) record by record. Nothing is read that is not asked for, and every offset,
/// index and length is checked before it is used.
public struct Tree<Source: TreeSource> {
  public let source: Source
  public let inodeCount: UInt64
  public let entryCount: UInt64
  public let dataSize: UInt64
  public let newestNs: Int64
  private let inodesOffset: UInt64
  private let entriesOffset: UInt64
  private let stringsOffset: UInt64
  private let stringsSize: UInt64

  public init(_ source: Source) throws(TreeError) {
    self.source = source
    guard source.size >= UInt64(TreeFormat.headerSize) else { throw .damaged("header") }
    let header = try source.bytes(0, count: TreeFormat.headerSize)
    for i in 0..<8 where header[i] != TreeFormat.magic[i] { throw .damaged("header: magic") }
    for f in [TreeFormat.Header.reserved0, TreeFormat.Header.reserved1] {
      for i in 0..<f.size where header[f.offset + i] != 0 { throw .damaged("header: reserved") }
    }
    guard header.field(TreeFormat.Header.chunkShift) == MerkleShape.chunkShift else {
      throw .damaged("header: chunkShift")
    }
    guard header.field(TreeFormat.Header.size) == source.size,
      source.size <= MerkleShape.maximumSize
    else { throw .damaged("header: size") }
    inodeCount = header.field(TreeFormat.Header.inodeCount)
    entryCount = header.field(TreeFormat.Header.entryCount)
    inodesOffset = header.field(TreeFormat.Header.inodesOffset)
    entriesOffset = header.field(TreeFormat.Header.entriesOffset)
    stringsOffset = header.field(TreeFormat.Header.stringsOffset)
    stringsSize = header.field(TreeFormat.Header.stringsSize)
    dataSize = header.field(TreeFormat.Header.dataSize)
    newestNs = Int64(bitPattern: header.field(TreeFormat.Header.newestNs))
    guard inodeCount > 0, inodeCount <= UInt64(UInt32.max), entryCount <= UInt64(UInt32.max),
      dataSize <= MerkleShape.maximumSize
    else { throw .damaged("header: counts") }
    guard Self.fits(inodesOffset, inodeCount * UInt64(TreeFormat.inodeSize), source.size),
      Self.fits(entriesOffset, entryCount * UInt64(TreeFormat.entrySize), source.size),
      Self.fits(stringsOffset, stringsSize, source.size), stringsSize <= UInt64(UInt32.max)
    else { throw .damaged("header: regions") }
    for offset in [inodesOffset, entriesOffset, stringsOffset]
    where offset % TreeFormat.alignment != 0 || offset < UInt64(TreeFormat.headerSize) {
      throw .damaged("header: alignment")
    }
  }

  @inlinable static func fits(_ offset: UInt64, _ length: UInt64, _ size: UInt64) -> Bool {
    offset <= size && length <= size - offset
  }

  // MARK: Inodes

  public func inode(_ index: UInt32) throws(TreeError) -> TreeInode {
    guard UInt64(index) < inodeCount else { throw .damaged("inode index") }
    let record = try source.bytes(
      inodesOffset + UInt64(index) * UInt64(TreeFormat.inodeSize), count: TreeFormat.inodeSize)
    return try TreeInode(index: index, record: record, tree: self)
  }

  /// Called by `TreeInode`: whether a range of strings or of `data`, or of entries, exists.
  func hasStrings(_ offset: UInt64, _ length: UInt64) -> Bool {
    Self.fits(offset, length, stringsSize)
  }
  func hasData(_ offset: UInt64, _ length: UInt64) -> Bool { Self.fits(offset, length, dataSize) }
  func hasEntries(_ first: UInt64, _ count: UInt64) -> Bool { Self.fits(first, count, entryCount) }

  // MARK: Directories

  /// Entry `index` of all entries.
  public func entry(_ index: UInt64) throws(TreeError) -> TreeEntry {
    guard index < entryCount else { throw .damaged("entry index") }
    let at = entriesOffset + index * UInt64(TreeFormat.entrySize)
    let name = try source.load32(at)
    let word = try source.load32(at + 4)
    let inode = try source.load32(at + 8)
    guard word >> 16 == 0, try source.load32(at + 12) == 0 else {
      throw .damaged("entry: reserved")
    }
    let length = Int(word & 0xFF)
    guard length > 0, hasStrings(UInt64(name), UInt64(length)), UInt64(inode) < inodeCount else {
      throw .damaged("entry")
    }
    return TreeEntry(
      nameOffset: stringsOffset + UInt64(name), nameLength: length,
      type: UInt8(truncatingIfNeeded: word >> 8), inode: inode)
  }

  public func name(_ entry: TreeEntry) throws(TreeError) -> [UInt8] {
    let bytes = try source.bytes(entry.nameOffset, count: entry.nameLength)
    for b in bytes where b == 0 || b == 0x2F { throw .damaged("name") }
    if bytes[0] == 0x2E, bytes.count == 1 || bytes.count == 2 && bytes[1] == 0x2E {
      throw .damaged("name")
    }
    return bytes
  }

  /// Binary search for a name in a directory.
  public func lookup(_ name: [UInt8], in directory: TreeInode) throws(TreeError) -> TreeEntry? {
    guard directory.isDirectory else { return nil }
    var low = directory.content
    var high = directory.content + directory.extra
    while low < high {
      let middle = low + (high - low) / 2
      let entry = try entry(middle)
      let order = try source.compare(entry.nameOffset, count: entry.nameLength, with: name)
      if order == 0 { return entry }
      if order < 0 { low = middle + 1 } else { high = middle }
    }
    return nil
  }

  // MARK: Strings

  public func linkTarget(_ inode: TreeInode) throws(TreeError) -> [UInt8] {
    guard inode.isSymlink else { throw .damaged("link") }
    let bytes = try source.bytes(stringsOffset + inode.content, count: Int(inode.size))
    for b in bytes where b == 0 { throw .damaged("link") }
    return bytes
  }

  public func attributes(
    _ inode: TreeInode
  ) throws(TreeError) -> [(name: [UInt8], value: [UInt8])] {
    guard inode.attributes > 0 else { return [] }
    var at = UInt64(inode.attributes - 1)
    guard hasStrings(at, 4) else { throw .damaged("attributes") }
    let count = try source.bytes(stringsOffset + at, count: 4).littleEndian(at: 0, count: 4)
    guard count <= UInt64(TreeFormat.maximumAttributeCount) else { throw .damaged("attributes") }
    at += 4
    var out: [(name: [UInt8], value: [UInt8])] = []
    for _ in 0..<Int(count) {
      guard hasStrings(at, UInt64(TreeFormat.attributeHeaderSize)) else {
        throw .damaged("attributes")
      }
      let head = try source.bytes(stringsOffset + at, count: TreeFormat.attributeHeaderSize)
      let nameLength = head.field(TreeFormat.Attribute.nameLength)
      let valueLength = head.field(TreeFormat.Attribute.valueLength)
      at += UInt64(TreeFormat.attributeHeaderSize)
      guard nameLength > 0, nameLength <= UInt64(TreeFormat.maximumNameLength),
        valueLength <= UInt64(TreeFormat.maximumAttributeSize),
        hasStrings(at, nameLength + valueLength)
      else { throw .damaged("attributes") }
      let name = try source.bytes(stringsOffset + at, count: Int(nameLength))
      let value = try source.bytes(stringsOffset + at + nameLength, count: Int(valueLength))
      out.append((name, value))
      at += nameLength + valueLength
    }
    return out
  }
}

/// A directory entry.
public struct TreeEntry: Sendable {
  public let nameOffset: UInt64
  public let nameLength: Int
  /// `d_type`.
  public let type: UInt8
  /// Index of the inode.
  public let inode: UInt32
}
