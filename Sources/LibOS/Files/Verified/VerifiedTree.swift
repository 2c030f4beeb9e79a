import EnclaveRuntime
import HostInterface
import LinuxABI
import PayloadFormat

/// The manifest, verified chunk by chunk as it is used. What is wrong with it stops the enclave: with a forged tree
/// of names nothing that the program sees would mean anything.
///
/// `lock` guards the table of chunks. Chunks are kept: the manifest of 30,000 files is 5 MiB.
final class ManifestSource: TreeSource, @unchecked Sendable {
  let size: UInt64
  private let range: VerifiedRange
  private let lock = Lock()
  private var chunks: [PageRun?]

  init(_ manifest: MeasuredConfiguration.Manifest) {
    size = manifest.size
    range = VerifiedRange(
      object: BlockObject.manifest, offset: 0, nodesOffset: manifest.size, size: manifest.size,
      root: manifest.root)
    chunks = [PageRun?](repeating: nil, count: Int(range.shape.chunkCount))
  }

  private func chunk(_ index: UInt64) throws(TreeError) -> PageRun {
    lock.lock()
    defer { lock.unlock() }
    guard index < UInt64(chunks.count) else { throw .damaged("offset") }
    if let run = chunks[Int(index)] { return run }
    let length = range.shape.chunkLength(index)
    guard let run = PageRun(pageCount: max(1, (length + 4095) >> 12)) else { throw .unreadable }
    do throws(Errno) {
      try range.read(index << MerkleShape.chunkShift, into: run, at: 0, length: length)
    } catch {
      VerifiedTree.stop("is not what was signed")
    }
    chunks[Int(index)] = run
    return run
  }

  private func within(_ offset: UInt64) -> Int { Int(offset & UInt64(MerkleShape.chunkSize - 1)) }

  func load32(_ offset: UInt64) throws(TreeError) -> UInt32 {
    guard offset & 3 == 0, offset <= size, size - offset >= 4 else { throw .damaged("offset") }
    return try chunk(offset >> MerkleShape.chunkShift).load32(within(offset))
  }

  func load64(_ offset: UInt64) throws(TreeError) -> UInt64 {
    let low = try load32(offset)
    return UInt64(low) | UInt64(try load32(offset + 4)) << 32
  }

  func bytes(_ offset: UInt64, count: Int) throws(TreeError) -> [UInt8] {
    guard count >= 0, offset <= size, UInt64(count) <= size - offset else {
      throw .damaged("offset")
    }
    var out: [UInt8] = []
    var at = offset
    var left = count
    while left > 0 {
      let n = min(left, MerkleShape.chunkSize - within(at))
      let piece = try chunk(at >> MerkleShape.chunkShift).bytes(within(at), count: n)
      if n == count { return piece }
      out += piece
      at += UInt64(n)
      left -= n
    }
    return out
  }

  func compare(_ offset: UInt64, count: Int, with name: [UInt8]) throws(TreeError) -> Int {
    guard count >= 0, offset <= size, UInt64(count) <= size - offset else {
      throw .damaged("offset")
    }
    var run = try chunk(offset >> MerkleShape.chunkShift)
    var place = within(offset)
    for i in 0..<min(count, name.count) {
      if place == MerkleShape.chunkSize {
        run = try chunk((offset + UInt64(i)) >> MerkleShape.chunkShift)
        place = 0
      }
      let difference = Int(run[place]) - Int(name[i])
      if difference != 0 { return difference }
      place += 1
    }
    return count - name.count
  }
}

/// The tree of a signed payload: the lower layer of the root file system.
final class VerifiedTree: @unchecked Sendable {
  let tree: Tree<ManifestSource>
  private let lock = Lock()
  /// Regular files with several names: one inode for all of them. Guarded by `lock`.
  private var linked: [UInt32: Inode] = [:]

  init(_ manifest: MeasuredConfiguration.Manifest) {
    guard manifest.size <= MerkleShape.maximumSize else { Self.stop("has an impossible size") }
    do throws(TreeError) { tree = try Tree(ManifestSource(manifest)) } catch { Self.stop(error) }
  }

  /// The root directory's object.
  var root: VerifiedObject { VerifiedObject(self, inode(TreeFormat.rootInode)) }

  func inode(_ index: UInt32) -> TreeInode {
    do throws(TreeError) { return try tree.inode(index) } catch { Self.stop(error) }
  }

  /// The inode that all names of a file with several names share.
  func shared(_ index: UInt32, make: () -> Inode) -> Inode {
    lock.lock()
    defer { lock.unlock() }
    if let inode = linked[index] { return inode }
    let inode = make()
    linked[index] = inode
    return inode
  }

  static func stop(_ error: TreeError) -> Never {
    switch error {
    case .damaged(let what): stop("is damaged", what)
    case .unreadable: stop("cannot be kept in the enclave's memory")
    }
  }

  /// One line, and the end: 125 is an error of Cloister, not of the program.
  static func stop(_ what: StaticString, _ detail: StaticString? = nil) -> Never {
    var line = KernelLog.bytes("cloister: the payload's manifest ") + KernelLog.bytes(what)
    if let detail { line += KernelLog.bytes(": ") + KernelLog.bytes(detail) }
    Host.log(line + KernelLog.bytes("; the enclave stops\n"))
    JobDamage.stop("the payload is not what was signed; there is no result")
    Host.exit(status: 125)
  }
}
