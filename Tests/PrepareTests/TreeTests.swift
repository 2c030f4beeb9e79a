import PayloadFormat
import Testing

@testable import Prepare

@Suite("The manifest") struct TreeTests {
  static func sample() -> (TreeWriter, FileContent) {
    let root = TreeNode.directory()
    let content = FileContent(bytes: [UInt8](repeating: 7, count: 200_000))
    let usr = root.makeDirectories(Array("usr/share".utf8))
    for i in 0..<300 {
      let node = TreeNode(
        kind: .regular(FileContent(bytes: Array("content \(i)".utf8))), mode: 0o100644,
        mtimeNs: Int64(i))
      usr.insert(Array("file\(i)".utf8), node)
    }
    let big = TreeNode(kind: .regular(content), mode: 0o100755, mtimeNs: 99)
    big.attributes = [(Array("user.b".utf8), [1, 2]), (Array("user.a".utf8), [])]
    root.insert(Array("big".utf8), big)
    root.insert(Array("also".utf8), big)
    root.insert(
      Array("link".utf8),
      TreeNode(kind: .symlink(Array("usr/share".utf8)), mode: 0o120777, mtimeNs: 1))
    return (TreeWriter(root, newestNs: 50), content)
  }

  @Test("what was written is read") func roundTrip() throws {
    let (writer, _) = Self.sample()
    let tree = try Tree(ByteSource(writer.manifest))
    let root = try tree.inode(TreeFormat.rootInode)
    func find(_ path: String) throws -> TreeInode? {
      var at = root
      for part in path.split(separator: "/") {
        guard let entry = try tree.lookup(Array(part.utf8), in: at) else { return nil }
        at = try tree.inode(entry.inode)
      }
      return at
    }
    for i in 0..<300 {
      let inode = try #require(try find("usr/share/file\(i)"))
      #expect(inode.mtimeNs == min(Int64(i), 50), "clamped")
      #expect(inode.size == UInt64("content \(i)".utf8.count))
    }
    for name in ["", "file", "file3000", "zzz", "a", "file299x"] where name != "" {
      #expect(try find("usr/share/" + name) == nil)
    }
    let big = try #require(try find("big"))
    #expect(big.nlink == 2)
    #expect(try find("also")?.index == big.index)
    #expect(
      try tree.attributes(big).map { $0.name } == [Array("user.a".utf8), Array("user.b".utf8)])
    #expect(try tree.linkTarget(try #require(try find("link"))) == Array("usr/share".utf8))
  }

  @Test("no change of one byte makes the reader trap") func mutations() throws {
    let (writer, _) = Self.sample()
    let good = writer.manifest
    for at in 0..<min(good.count, 2000) {
      for bit in [UInt8(1), 0x80, 0xFF] {
        var bytes = good
        bytes[at] ^= bit
        guard let tree = try? Tree(ByteSource(bytes)) else { continue }
        for i in 0..<UInt32(min(tree.inodeCount, 8)) {
          guard let inode = try? tree.inode(i) else { continue }
          _ = try? tree.lookup(Array("big".utf8), in: inode)
          _ = try? tree.attributes(inode)
          _ = try? tree.linkTarget(inode)
        }
      }
    }
  }

  @Test("fields tile their records") func fields() {
    for (fields, size) in [
      (TreeFormat.Header.all, TreeFormat.headerSize), (TreeFormat.Inode.all, TreeFormat.inodeSize),
      (TreeFormat.Entry.all, TreeFormat.entrySize),
      (MeasuredConfiguration.Header.all, MeasuredConfiguration.headerSize),
    ] {
      var at = 0
      for f in fields {
        #expect(f.offset == at)
        at += f.size
      }
      #expect(at == size)
    }
  }
}

@Suite("Hash trees") struct MerkleTests {
  @Test(
    "nodes lie where the shape says",
    arguments: [0, 1, 65535, 65536, 65537, 128 * 65536, 128 * 65536 + 1, 130 * 65536, 20_000_000])
  func shapes(size: Int) {
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
    let hash = ContentHash(bytes)
    let shape = MerkleShape(size: UInt64(size))
    #expect(shape.nodesSize == UInt64(hash.nodes.count))
    // Every chunk is reached from the root.
    for chunk in [0, shape.chunkCount / 2, shape.chunkCount - 1] {
      var expected = hash.root
      var level = shape.levelCount
      while level > 0 {
        var index = chunk
        for _ in 0..<level { index /= UInt64(MerkleShape.fanOut) }
        let (offset, length) = shape.nodeRange(level: level, index: index)
        let node = Array(hash.nodes[Int(offset)..<(Int(offset) + length)])
        #expect(node.withUnsafeBytes { ContentHash.hash(UInt8(level), $0) } == expected)
        var child = chunk
        for _ in 0..<(level - 1) { child /= UInt64(MerkleShape.fanOut) }
        let at = Int(child % UInt64(MerkleShape.fanOut)) * 32
        expected = Array(node[at..<(at + 32)])
        level -= 1
      }
      let start = Int(chunk) * MerkleShape.chunkSize
      let content = Array(bytes[start..<(start + shape.chunkLength(chunk))])
      #expect(content.withUnsafeBytes { ContentHash.hash(0, $0) } == expected)
    }
  }
}
