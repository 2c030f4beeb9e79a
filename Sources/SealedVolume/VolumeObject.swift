/// An object of a volume: a sparse array of blocks below a tree of nodes, like a file. Metadata objects keep their
/// blocks in the cache as nodes of level 0.
final class VolumeObject {
  let number: UInt64
  /// Bytes.
  var size: UInt64
  var height: Int
  var root: BlockPointer
  /// The node at the top, level `height`; for data objects of height 0 there is none.
  var top: Node?
  /// Blocks of data that are no holes; 0 for metadata. What a record says that somebody forged is not believed in.
  var blocks: UInt64 = 0
  /// `size`, `height` or `root` differ from what the inode record says.
  var isDirty = false
  let isMetadata: Bool
  var lastUse: UInt64 = 0
  /// Nodes in memory.
  var nodeCount = 0
  var dirtyNodes = 0

  init(
    number: UInt64, size: UInt64 = 0, height: Int = 0, root: BlockPointer = BlockPointer(),
    isMetadata: Bool
  ) {
    self.number = number
    self.size = size
    self.height = height
    self.root = root
    self.isMetadata = isMetadata
  }

  final class Node {
    let buffer = VolumeBuffer(count: VolumeFormat.blockSize)
    let level: Int
    let index: UInt64
    var children: [Node?] = []
    var isDirty = false
    init(level: Int, index: UInt64) {
      self.level = level
      self.index = index
    }
    func pointer(_ i: Int) -> BlockPointer {
      BlockPointer(buffer.memory, i * VolumeFormat.pointerSize)
    }
    func setPointer(_ i: Int, _ p: BlockPointer) {
      p.store(buffer.memory, i * VolumeFormat.pointerSize)
    }
    func child(_ i: Int) -> Node? { i < children.count ? children[i] : nil }
    func setChild(_ i: Int, _ n: Node?) {
      if children.isEmpty { children = [Node?](repeating: nil, count: VolumeFormat.fanOut) }
      children[i] = n
    }
  }

  /// Blocks that a tree of the height reaches.
  static func reach(_ height: Int) -> UInt64 { 1 << UInt64(7 * height) }

  init?(descriptor m: VolumeMemory, _ at: Int, number: UInt64, isMetadata: Bool) {
    self.number = number
    self.isMetadata = isMetadata
    size = m.load(at, as: UInt64.self)
    let h = m.load(at + 8, as: UInt64.self)
    root = BlockPointer(m, at + 16)
    guard h <= UInt64(VolumeFormat.maximumHeight), size <= VolumeFormat.maximumFileSize else {
      return nil
    }
    // What lies beyond the tree's reach is a hole: a file that truncate(2) made longer.
    height = Int(h)
  }
  func storeDescriptor(_ m: VolumeMemory, _ at: Int) {
    m.store(size, at)
    m.store(UInt64(height), at + 8)
    root.store(m, at + 16)
  }
}
