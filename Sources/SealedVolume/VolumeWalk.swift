/// Visits every pointer of a volume's committed state, each node opened and so verified. A write needs it once, to know
/// which blocks are free; `check` also opens the contents and compares names with inodes.
final class VolumeWalk {
  let volume: SealedVolume
  let map = BlockMap()
  private(set) var freeInodes: [UInt64] = []
  /// Inodes without a name: open when their owner stopped.
  private(set) var unlinked: [UInt64] = []
  private(set) var mounts: Set<UInt16> = []
  private(set) var files = 0
  private(set) var directories = 0
  private(set) var bytes: UInt64 = 0
  /// Called now and then with the blocks seen so far.
  var onProgress: ((Int) -> Void)?
  /// Called for each block that a pointer leads to.
  var onBlock: ((VolumeBlock) -> Void)?
  private let buffer = VolumeBuffer(count: 4096)

  init(_ volume: SealedVolume) { self.volume = volume }

  func run(contents: Bool) throws(VolumeError) {
    try walk(volume.saltsForWalk, contents: contents)
    try walk(volume.inodes, contents: contents)
    guard
      volume.inodes.size == volume.nextInode * UInt64(VolumeFormat.inodeSize)
        || volume.inodes.size == 0
    else {
      throw .damaged("the inode table and the superblock differ")
    }
    var names: [UInt64: UInt32] = [:]
    var expectedNames: [UInt64: UInt32] = [:]
    // Records that were never written are passed over, whatever number comes next: they take neither time nor memory.
    let recordsPerBlock = UInt64(VolumeFormat.blockSize / VolumeFormat.inodeSize)
    var next = VolumeFormat.rootInode
    while let block = try volume.nextBlock(volume.inodes, from: next / recordsPerBlock) {
      next = max(next, block * recordsPerBlock)
      guard next < volume.nextInode else { break }
      let number = next
      next += 1
      guard let inode = try volume.inode(number) else {
        freeInodes.append(number)
        continue
      }
      if inode.nlink == 0 { unlinked.append(number) }
      if contents && number != VolumeFormat.rootInode {
        expectedNames[number] = inode.isDirectory ? min(1, inode.nlink) : inode.nlink
      }
      for n in [number, number | VolumeFormat.attributesBit] {
        guard let o = try volume.object(n) else { continue }
        try walk(o, contents: contents)
      }
      if inode.isDirectory {
        directories += 1
        if contents {
          try volume.forEachEntry(number) { (e) throws(VolumeError) in
            names[e.inode, default: 0] += 1
            guard let target = try volume.inode(e.inode) else {
              throw .damaged("a name leads to no file")
            }
            guard UInt32(e.type) == target.mode >> 12 & 15 else {
              throw .damaged("a name and its file differ in kind")
            }
          }
        }
      } else {
        files += 1
        bytes += inode.size
      }
      try volume.trimReading()
    }
    guard let root = try volume.inode(VolumeFormat.rootInode), root.isDirectory else {
      throw .damaged("there is no root directory")
    }
    if contents {
      for (number, expected) in expectedNames {
        guard names[number] ?? 0 == expected else {
          throw .damaged("a file has more or fewer names than it says")
        }
      }
    }
  }

  private func seen(
    _ p: BlockPointer, _ o: VolumeObject, index: UInt64, level: Int
  ) throws(VolumeError) {
    try volume.checkPlace(p.block, count: 1)
    guard map.mark(p.block) else { throw .damaged("two pointers lead to one block") }
    mounts.insert(p.mount)
    onBlock?(
      VolumeBlock(
        block: p.block, object: o.number, index: index, level: level, mount: p.mount,
        counter: p.counter))
    if map.usedCount & 0xFFF == 0 { onProgress?(map.usedCount) }
  }

  private func walk(_ o: VolumeObject, contents: Bool) throws(VolumeError) {
    if o.root.isHole { return }
    try seen(o.root, o, index: 0, level: o.height)
    if o.height == 0 {
      if contents {
        try volume.get(o.root, into: buffer.memory, object: o.number, index: 0, level: 0)
      }
      return
    }
    try walk(o, o.root, level: o.height, index: 0, contents: contents)
  }

  /// Depth is bounded by `maximumHeight`.
  private func walk(
    _ o: VolumeObject, _ p: BlockPointer, level: Int, index: UInt64, contents: Bool
  ) throws(VolumeError) {
    let node = VolumeBuffer(count: 4096)
    try volume.get(p, into: node.memory, object: o.number, index: index, level: level)
    for i in 0..<VolumeFormat.fanOut {
      let child = BlockPointer(node.memory, i * VolumeFormat.pointerSize)
      if child.isHole {
        guard child == BlockPointer() else { throw .damaged("a hole makes no sense") }
        continue
      }
      let childIndex = index << 7 | UInt64(i)
      try seen(child, o, index: childIndex, level: level - 1)
      if level > 1 {
        try walk(o, child, level: level - 1, index: childIndex, contents: contents)
      } else if contents {
        try volume.get(child, into: buffer.memory, object: o.number, index: childIndex, level: 0)
      }
    }
  }
}

/// A block of a volume: where it lies, of which object it is which part, and what it was sealed with.
public struct VolumeBlock: Sendable {
  public var block: UInt64
  public var object: UInt64
  public var index: UInt64
  public var level: Int
  public var mount: UInt16
  public var counter: UInt64
}

/// What `check` found.
public struct VolumeReport: Equatable, Sendable {
  public var files = 0
  public var directories = 0
  /// Bytes of content.
  public var bytes: UInt64 = 0
  /// Blocks of 4096 bytes in use.
  public var blocks = 0
  /// Mounts whose blocks are still there.
  public var mounts = 0
  /// Files without a name, given back at the next writing.
  public var unlinked = 0
}

extension SealedVolume {
  /// Opens every block of the committed state and compares names, inodes and links.
  public func check(
    progress: ((_ blocks: Int) -> Void)? = nil, onBlock: ((VolumeBlock) -> Void)? = nil
  ) throws(VolumeError) -> VolumeReport {
    let walk = VolumeWalk(self)
    walk.onBlock = onBlock
    walk.onProgress = progress
    try walk.run(contents: true)
    var r = VolumeReport()
    r.files = walk.files
    r.directories = walk.directories
    r.bytes = walk.bytes
    r.blocks = walk.map.usedCount
    r.mounts = walk.mounts.count
    r.unlinked = walk.unlinked.count
    return r
  }

  /// The salt of a mount (32 bytes), which is no secret; nil: there is none.
  public func salt(ofMount mount: UInt16) -> [UInt8]? {
    Int(mount) < cipher.salts.count ? cipher.salts[Int(mount)] : nil
  }
}
