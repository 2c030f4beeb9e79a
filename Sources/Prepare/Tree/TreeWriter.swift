import PayloadFormat

/// Lays a tree out as a manifest (`TreeFormat`) and gives every content its place in `data`.
///
/// Everything is in an order of its own (directories breadth first, names sorted), so that the bytes depend on
/// the tree alone.
public struct TreeWriter {
  /// Contents in the order in which they lie in `data`, each once.
  public private(set) var contents: [FileContent] = []
  public private(set) var dataSize: UInt64 = 0
  public private(set) var inodeCount = 0
  public private(set) var manifest: [UInt8] = []
  private var strings: [UInt8] = []

  /// What `data` aligns contents to.
  static let contentAlignment: UInt64 = 64

  /// - Parameter newestNs: what later times are clamped to.
  public init(_ root: TreeNode, newestNs: Int64) {
    var nodes: [TreeNode] = [root]
    var entries: [UInt8] = []
    root.index = 0
    root.nameCount = max(root.nameCount, 1)
    var ranges: [Int: (first: UInt64, count: UInt64)] = [:]
    var at = 0
    var entryCount: UInt64 = 0
    while at < nodes.count {
      let node = nodes[at]
      if node.isDirectory {
        let children = node.sortedChildren
        ranges[at] = (entryCount, UInt64(children.count))
        for (name, child) in children {
          if child.index == nil {
            child.index = UInt32(nodes.count)
            nodes.append(child)
          }
          var entry = [UInt8](repeating: 0, count: TreeFormat.entrySize)
          entry.put(UInt64(strings.count), TreeFormat.Entry.name)
          entry.put(UInt64(name.count), TreeFormat.Entry.nameLength)
          entry.put(UInt64(child.directoryType), TreeFormat.Entry.type)
          entry.put(UInt64(child.index!), TreeFormat.Entry.inode)
          entries += entry
          strings += name
          entryCount += 1
        }
      }
      at += 1
    }
    place(nodes)
    inodeCount = nodes.count
    var inodes: [UInt8] = []
    inodes.reserveCapacity(nodes.count * TreeFormat.inodeSize)
    for (i, node) in nodes.enumerated() { inodes += record(node, ranges[i], newestNs) }

    func aligned(_ n: Int) -> Int {
      let a = Int(TreeFormat.alignment)
      return (n + a - 1) / a * a
    }
    let inodesOffset = TreeFormat.headerSize
    let entriesOffset = aligned(inodesOffset + inodes.count)
    let stringsOffset = aligned(entriesOffset + entries.count)
    var header = [UInt8](repeating: 0, count: TreeFormat.headerSize)
    typealias H = TreeFormat.Header
    for (i, b) in TreeFormat.magic.enumerated() { header[i] = b }
    header.put(MerkleShape.chunkShift, H.chunkShift)
    header.put(UInt64(stringsOffset + strings.count), H.size)
    header.put(UInt64(nodes.count), H.inodeCount)
    header.put(UInt64(inodesOffset), H.inodesOffset)
    header.put(entryCount, H.entryCount)
    header.put(UInt64(entriesOffset), H.entriesOffset)
    header.put(UInt64(strings.count), H.stringsSize)
    header.put(UInt64(stringsOffset), H.stringsOffset)
    header.put(dataSize, H.dataSize)
    header.put(UInt64(bitPattern: newestNs), H.newestNs)
    manifest = header + inodes
    manifest += repeatElement(0, count: entriesOffset - manifest.count)
    manifest += entries
    manifest += repeatElement(0, count: stringsOffset - manifest.count)
    manifest += strings
  }

  /// Gives each different content a place; files with the same bytes share it.
  private mutating func place(_ nodes: [TreeNode]) {
    struct Key: Hashable {
      var root: [UInt8]
      var size: UInt64
    }
    var known: [Key: FileContent] = [:]
    for node in nodes {
      guard case .regular(let content) = node.kind, let hash = content.hash else { continue }
      let key = Key(root: hash.root, size: content.size)
      if let same = known[key] {
        content.contentOffset = same.contentOffset
        content.nodesOffset = same.nodesOffset
        content.sitesOffset = same.sitesOffset
        continue
      }
      known[key] = content
      contents.append(content)
      content.nodesOffset = hash.nodes.isEmpty ? 0 : take(UInt64(hash.nodes.count))
      content.contentOffset = content.size == 0 ? 0 : take(content.size)
      content.sitesOffset = content.sites.isEmpty ? 0 : take(UInt64(content.sites.count))
    }
  }

  private mutating func take(_ size: UInt64) -> UInt64 {
    let at = (dataSize + Self.contentAlignment - 1) / Self.contentAlignment * Self.contentAlignment
    dataSize = at + size
    return at
  }

  private mutating func record(
    _ node: TreeNode, _ range: (first: UInt64, count: UInt64)?, _ newestNs: Int64
  ) -> [UInt8] {
    typealias F = TreeFormat.Inode
    var r = [UInt8](repeating: 0, count: TreeFormat.inodeSize)
    r.put(UInt64(node.mode), F.mode)
    r.put(UInt64(node.uid), F.uid)
    r.put(UInt64(node.gid), F.gid)
    r.put(UInt64(bitPattern: min(node.mtimeNs, newestNs)), F.mtimeNs)
    var nlink = UInt64(node.nameCount)
    switch node.kind {
    case .directory:
      let range = range ?? (0, 0)
      nlink = 2 + UInt64(node.children.values.filter { $0.isDirectory }.count)
      // What a small directory occupies on a disk file system.
      r.put(max(1, (range.count * 32 + 4095) / 4096) * 4096, F.size)
      r.put(range.first, F.content)
      r.put(range.count, F.extra)
    case .regular(let content):
      r.put(content.size, F.size)
      r.put(content.contentOffset, F.content)
      r.put(content.nodesOffset, F.extra)
      let root = content.hash?.root ?? []
      for (i, b) in root.enumerated() { r[F.root.offset + i] = b }
      if !content.sites.isEmpty {
        r.put(UInt64(content.sites.count), F.sitesSize)
        r.put(content.sitesOffset, F.sitesOffset)
        let hash = content.sites.withUnsafeBytes {
          ContentHash.hash(MerkleShape.leafPrefix, $0)
        }
        for (i, b) in hash.enumerated() { r[F.sitesHash.offset + i] = b }
      }
    case .symlink(let target):
      r.put(UInt64(target.count), F.size)
      r.put(UInt64(strings.count), F.content)
      strings += target
    case .special(let rdev):
      r.put(rdev, F.content)
    }
    r.put(nlink, F.nlink)
    if !node.attributes.isEmpty {
      r.put(UInt64(strings.count + 1), F.attributes)
      strings.appendLittleEndian(UInt64(node.attributes.count), count: 4)
      for (name, value) in node.attributes.sorted(by: {
        $0.name.lexicographicallyPrecedes($1.name)
      }) {
        strings.appendLittleEndian(UInt64(name.count), count: 4)
        strings.appendLittleEndian(UInt64(value.count), count: 4)
        strings += name
        strings += value
      }
    }
    return r
  }
}
