import EnclaveCrypto
import EnclaveRuntime
import HostInterface
import LinuxABI
import PayloadFormat

/// A part of a payload's object (the manifest, or a file's content) that is read chunk by chunk and checked
/// against the root of its hash tree (`MerkleShape`) before anybody sees a byte of it.
///
/// Attacks considered here: (a) a changed, swapped, stale or shifted chunk: its hash is not the leaf; (b) a changed
/// node: its hash is not the one above it, and the root came with the measured configuration or a record that
/// was verified; (c) a short answer: the size is measured, fewer bytes are an error, never the end of the file;
/// (d) content that changes after the check: hashed is the copy that is used, in enclave memory; (e) a node
/// passed off as a chunk or one level as another: hashes are prefixed with their level.
///
/// `lock` guards `nodes`; it is held while nodes are read, never while a chunk is.
final class VerifiedRange: @unchecked Sendable {
  private let object: UInt64
  private let offset: UInt64
  private let nodesOffset: UInt64
  private let root: [UInt8]
  let shape: MerkleShape
  private let lock = Lock()
  /// Verified nodes of level 1, found by index; those above are needed only on the way there. 4 KiB for
  /// 8 MiB of content.
  private var nodes: [[UInt8]] = []

  init(object: UInt64, offset: UInt64, nodesOffset: UInt64, size: UInt64, root: [UInt8]) {
    self.object = object
    self.offset = offset
    self.nodesOffset = nodesOffset
    self.root = root
    shape = MerkleShape(size: size)
  }

  /// Reads chunks into a run and verifies them. `start` is a multiple of the chunk size; `length` reaches to
  /// the end of a chunk or of the content. On EIO the run holds zeros where these bytes would be.
  func read(_ start: UInt64, into run: PageRun, at runOffset: Int, length: Int) throws(Errno) {
    do throws(Errno) {
      var done = 0
      while done < length {
        let n = try Host.blockRead(
          object: object, offset: offset + start + UInt64(done), into: run, at: runOffset + done,
          length: length - done)
        guard n > 0 else { throw .EIO }
        TransferCount.fetched(n)
        done += n
      }
      var at = 0
      while at < length {
        let chunk = (start + UInt64(at)) >> MerkleShape.chunkShift
        let count = shape.chunkLength(chunk)
        guard count > 0, count <= length - at else { throw .EIO }
        let leaf = run.withSpan(runOffset + at, count: count) {
          ContentHash.hash(MerkleShape.leafPrefix, $0)
        }
        guard leaf == (try expectedLeaf(chunk)) else { throw .EIO }
        at += count
      }
    } catch {
      run.zero(runOffset, count: length)
      throw error
    }
  }

  /// What the leaf of a chunk must be.
  private func expectedLeaf(_ chunk: UInt64) throws(Errno) -> [UInt8] {
    if shape.levelCount == 0 { return root }
    let index = chunk / UInt64(MerkleShape.fanOut)
    lock.lock()
    defer { lock.unlock() }
    if nodes.isEmpty {
      nodes = [[UInt8]](repeating: [], count: Int(shape.nodeCount(level: 1)))
    }
    if nodes[Int(index)].isEmpty { nodes[Int(index)] = try node(level: 1, index) }
    return Self.hash(nodes[Int(index)], chunk % UInt64(MerkleShape.fanOut))
  }

  /// A node, verified from the root down.
  private func node(level: Int, _ index: UInt64) throws(Errno) -> [UInt8] {
    var expected = root
    var at = shape.levelCount
    while true {
      var inLevel = index
      var below = at
      while below > level {
        inLevel /= UInt64(MerkleShape.fanOut)
        below -= 1
      }
      let (place, length) = shape.nodeRange(level: at, index: inLevel)
      var bytes: [UInt8] = []
      while bytes.count < length {
        let piece = try Host.blockRead(
          object: object, offset: nodesOffset + place + UInt64(bytes.count),
          length: length - bytes.count)
        guard !piece.isEmpty else { throw .EIO }
        bytes += piece
      }
      guard ContentHash.hash(UInt8(at), bytes.span) == expected else { throw .EIO }
      if at == level { return bytes }
      var next = index
      below = at - 1
      while below > level {
        next /= UInt64(MerkleShape.fanOut)
        below -= 1
      }
      expected = Self.hash(bytes, next % UInt64(MerkleShape.fanOut))
      at -= 1
    }
  }

  private static func hash(_ node: [UInt8], _ index: UInt64) -> [UInt8] {
    let at = Int(index) * MerkleShape.hashSize
    return [UInt8](node[at..<(at + MerkleShape.hashSize)])
  }
}

/// SHA-256(prefix || bytes), as leaves, nodes and tables of sites are hashed.
enum ContentHash {
  static func hash(_ prefix: UInt8, _ bytes: Span<UInt8>) -> [UInt8] {
    var sha = SHA256()
    let first = [prefix]
    sha.update(first.span)
    sha.update(bytes)
    return sha.finalize()
  }
}
