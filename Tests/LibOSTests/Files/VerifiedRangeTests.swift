import EnclaveRuntime
import HostInterface
import LinuxABI
import PayloadFormat
import Testing

@testable import LibOS

/// A host that lies about the files of a payload: no byte of a lie comes out, and the read fails with EIO.
@Suite("Verified files", .serialized) struct VerifiedRangeTests {
  /// Content of three chunks with its one node behind it, and the root.
  static func object() -> (bytes: [UInt8], size: Int, root: [UInt8]) {
    let size = 2 * MerkleShape.chunkSize + 1000
    let content = (0..<size).map {
      UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 8 &+ ($0 >> 16) &* 7)
    }
    var node: [UInt8] = []
    var at = 0
    while at < size {
      let end = min(at + MerkleShape.chunkSize, size)
      node += ContentHash.hash(MerkleShape.leafPrefix, Array(content[at..<end]).span)
      at = end
    }
    return (content + node, size, ContentHash.hash(1, node.span))
  }

  /// Reads everything from a host that has `bytes`, and gives at most `most` of them an answer.
  static func read(
    _ bytes: [UInt8], size: Int, root: [UInt8], most: Int = .max
  ) -> (error: Errno?, content: [UInt8]) {
    let before = unsafe HostDouble.handler
    defer { unsafe HostDouble.handler = before }
    unsafe HostDouble.handler = { request in
      let offset = Int(request.arguments[1])
      let wanted = min(Int(request.arguments[2]), most)
      guard offset < bytes.count else { return HostDouble.Reply(result: 0) }
      let data = Array(bytes[offset..<min(offset + wanted, bytes.count)])
      return HostDouble.Reply(result: Int64(data.count), data: data)
    }
    let range = VerifiedRange(
      object: BlockObject.data, offset: 0, nodesOffset: UInt64(size), size: UInt64(size), root: root
    )
    let run = PageRun(pageCount: 64)!
    do throws(Errno) {
      try range.read(0, into: run, at: 0, length: size)
    } catch { return (error, run.bytes(0, count: size)) }
    return (nil, run.bytes(0, count: size))
  }

  @Test("the truth is read, in one answer or in many") func truth() {
    let (bytes, size, root) = Self.object()
    for most in [Int.max, 70_000, 4096, 1001] {
      let (error, content) = Self.read(bytes, size: size, root: root, most: most)
      #expect(error == nil)
      #expect(content == Array(bytes[..<size]))
    }
  }

  @Test("EIO: a wrong byte of a chunk or of a node, and nothing of it is seen") func flips() {
    let (bytes, size, root) = Self.object()
    for at in [0, 65535, 65536, size - 1, size, size + 31, size + 95] {
      var wrong = bytes
      wrong[at] ^= 4
      let (error, content) = Self.read(wrong, size: size, root: root)
      #expect(error == .EIO, "byte \(at)")
      #expect(content.allSatisfy { $0 == 0 })
    }
    var other = root
    other[0] ^= 1
    #expect(Self.read(bytes, size: size, root: other).error == .EIO)
  }

  @Test("EIO: chunks in another order, a shorter object, one that ends early") func order() {
    let (bytes, size, root) = Self.object()
    let chunk = MerkleShape.chunkSize
    let swapped = Array(bytes[chunk..<(2 * chunk)]) + bytes[..<chunk] + bytes[(2 * chunk)...]
    #expect(Self.read(swapped, size: size, root: root).error == .EIO)
    for count in [0, 1, chunk, size - 1, size, size + 95] {
      #expect(
        Self.read(Array(bytes[..<count]), size: size, root: root).error == .EIO, "\(count) bytes")
    }
  }
}
