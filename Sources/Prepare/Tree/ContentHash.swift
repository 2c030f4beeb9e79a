import Crypto
import PayloadFormat

/// The hash tree over one file's bytes (`MerkleShape`).
public struct ContentHash: Equatable, Sendable {
  public var root: [UInt8]
  /// The nodes, level by level, as they are stored.
  public var nodes: [UInt8]

  public init(_ bytes: UnsafeRawBufferPointer) {
    let shape = MerkleShape(size: UInt64(bytes.count))
    var hashes: [UInt8] = []
    hashes.reserveCapacity(Int(shape.chunkCount) * MerkleShape.hashSize)
    var at = 0
    repeat {
      let end = min(at + MerkleShape.chunkSize, bytes.count)
      hashes += Self.hash(
        MerkleShape.leafPrefix, UnsafeRawBufferPointer(rebasing: bytes[at..<end]))
      at = end
    } while at < bytes.count
    nodes = []
    var level: UInt8 = 1
    while hashes.count > MerkleShape.hashSize {
      nodes += hashes
      var above: [UInt8] = []
      var start = 0
      while start < hashes.count {
        let end = min(start + MerkleShape.nodeSize, hashes.count)
        above += hashes.withUnsafeBytes {
          Self.hash(level, UnsafeRawBufferPointer(rebasing: $0[start..<end]))
        }
        start = end
      }
      hashes = above
      level += 1
    }
    root = hashes
  }

  public init(_ bytes: [UInt8]) { self = bytes.withUnsafeBytes { ContentHash($0) } }

  public init(root: [UInt8], nodes: [UInt8]) {
    self.root = root
    self.nodes = nodes
  }

  /// SHA-256(prefix || bytes).
  public static func hash(_ prefix: UInt8, _ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var sha = SHA256()
    withUnsafeBytes(of: prefix) { sha.update(bufferPointer: $0) }
    sha.update(bufferPointer: bytes)
    return [UInt8](sha.finalize())
  }
}
