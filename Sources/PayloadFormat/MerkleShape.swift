/// The hash tree over one file of a signed payload: which bytes are hashed, and where the hashes lie.
///
/// The content is cut into chunks of 64 KiB (the last may be shorter). The leaf of a chunk is
/// SHA-256(00 || chunk). 128 hashes, 4 KiB, are a node (the last of a level may be shorter); its hash is
/// SHA-256(level || node), level 1 above the leaves, 2 above that, and so on until one hash is left: the root.
/// An empty file's root is the leaf of no bytes. The size is stated beside the root wherever a root is
/// stated, so the shape is never up to the host.
///
/// The nodes are stored level by level from level 1 up, each level a whole; a file of one chunk has none.
public struct MerkleShape: Equatable, Sendable {
  public static let chunkShift: UInt64 = 16
  public static let chunkSize = 1 << 16
  public static let hashSize = 32
  /// Hashes in a node.
  public static let fanOut = 128
  public static let nodeSize = fanOut * hashSize
  public static let leafPrefix: UInt8 = 0
  /// Largest file, in bytes: keeps every sum below within 64 bits.
  public static let maximumSize: UInt64 = 1 << 56

  public let size: UInt64

  public init(size: UInt64) { self.size = size }

  /// Chunks; an empty file has one, which is empty.
  public var chunkCount: UInt64 {
    size == 0 ? 1 : (size + UInt64(Self.chunkSize) - 1) >> Self.chunkShift
  }

  /// Bytes of a chunk.
  public func chunkLength(_ index: UInt64) -> Int {
    let start = index << Self.chunkShift
    return start >= size ? 0 : Int(min(UInt64(Self.chunkSize), size - start))
  }

  /// Levels of nodes: 0 when the root is the only leaf.
  public var levelCount: Int {
    var count = chunkCount
    var levels = 0
    while count > 1 {
      count = (count + UInt64(Self.fanOut) - 1) / UInt64(Self.fanOut)
      levels += 1
    }
    return levels
  }

  /// Hashes that the nodes of `level` (from 1) hold: one for each node or chunk of the level below.
  public func hashCount(level: Int) -> UInt64 {
    var count = chunkCount
    var at = 1
    while at < level {
      count = (count + UInt64(Self.fanOut) - 1) / UInt64(Self.fanOut)
      at += 1
    }
    return count
  }

  /// Nodes of `level` (from 1).
  public func nodeCount(level: Int) -> UInt64 {
    (hashCount(level: level) + UInt64(Self.fanOut) - 1) / UInt64(Self.fanOut)
  }

  /// Where a node lies, relative to the first node of the file.
  public func nodeRange(level: Int, index: UInt64) -> (offset: UInt64, length: Int) {
    var offset: UInt64 = 0
    var at = 1
    while at < level {
      offset += hashCount(level: at) * UInt64(Self.hashSize)
      at += 1
    }
    let first = index * UInt64(Self.fanOut)
    let count = min(UInt64(Self.fanOut), hashCount(level: level) - first)
    return (offset + first * UInt64(Self.hashSize), Int(count) * Self.hashSize)
  }

  /// Bytes of all nodes together.
  public var nodesSize: UInt64 {
    var total: UInt64 = 0
    var level = 1
    while level <= levelCount {
      total += hashCount(level: level) * UInt64(Self.hashSize)
      level += 1
    }
    return total
  }
}
