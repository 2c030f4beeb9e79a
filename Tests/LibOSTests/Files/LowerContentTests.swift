import EnclaveRuntime
import LinuxABI
import Testing

@testable import LibOS

/// A lower file in memory that counts what is read of it, and takes changes.
private final class LowerDouble: LowerObject, @unchecked Sendable {
  var content: [UInt8]
  let piece: Int
  var bytesRead = 0
  var reads = 0

  init(_ content: [UInt8], piece: Int) {
    self.content = content
    self.piece = piece
    super.init()
    mode = FileMode.S_IFREG | 0o644
    size = UInt64(content.count)
    inode = 7
  }
  override var pieceSize: Int { piece }

  override func read(
    offset: UInt64, into run: PageRun, at runOffset: Int, length: Int
  ) throws(Errno) -> Int {
    let start = Int(offset)
    #expect(start % piece == 0 && length > 0 && start < content.count)
    #expect((start + length) % piece == 0 || start + length == content.count)
    let n = max(0, min(length, content.count - start))
    reads += 1
    bytesRead += n
    for i in 0..<n { run[runOffset + i] = content[start + i] }
    return n
  }
  override func write(
    offset: UInt64, from run: PageRun, at runOffset: Int, length: Int
  ) throws(Errno) {
    let end = Int(offset) + length
    if end > content.count { content += [UInt8](repeating: 0, count: end - content.count) }
    for i in 0..<length { content[Int(offset) + i] = run[runOffset + i] }
  }
  override func setSize(_ newSize: UInt64) throws(Errno) {
    if Int(newSize) < content.count { content.removeLast(content.count - Int(newSize)) }
    content += [UInt8](repeating: 0, count: Int(newSize) - content.count)
    size = newSize
  }
}

@Suite("content from a lower file", .serialized) struct LowerContentTests {
  private static func make(
    _ count: Int, piece: Int, isPersistent: Bool = false
  ) -> (RegularInode, LowerDouble) {
    _ = FilesHarness.started
    let lower = LowerDouble(
      (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }, piece: piece)
    let fs = FileSystem(
      type: "test", source: "test", magic: 1, isReadOnly: false, isPersistent: isPersistent)
    return (RegularInode(fs, mode: 0o644, lower: lower), lower)
  }

  private static func read(_ inode: RegularInode, _ at: Int, _ count: Int) throws(Errno) -> [UInt8]
  {
    guard let run = PageRun(pageCount: max(1, (count + 4095) >> 12)) else { throw .ENOMEM }
    var buffer = run.buffer(0, count: count)
    return run.bytes(0, count: try inode.read(&buffer, at: UInt64(at)))
  }
  private static func write(_ inode: RegularInode, _ at: Int, _ bytes: [UInt8]) throws(Errno) {
    guard let run = PageRun(pageCount: max(1, (bytes.count + 4095) >> 12)) else { throw .ENOMEM }
    for i in bytes.indices { run[i] = bytes[i] }
    var buffer = run.buffer(0, count: bytes.count)
    inode.writeLock.lock()
    defer { inode.writeLock.unlock() }
    let n = try inode.write(&buffer, at: UInt64(at))
    #expect(n == bytes.count)
  }

  @Test("a small read in the middle loads one piece", arguments: [4096, 1 << 16])
  func small(piece: Int) throws {
    let (inode, lower) = Self.make(4 << 20, piece: piece)
    let at = (2 << 20) + 40960 + 100
    #expect(try Self.read(inode, at, 200) == Array(lower.content[at..<(at + 200)]))
    #expect(lower.bytesRead == piece)
    _ = try Self.read(inode, at, 200)
    #expect(lower.bytesRead == piece)
  }

  @Test("reading in a row from anywhere soon loads 128 KiB at a time, each byte once")
  func inRow() throws {
    for start in [0, 1 << 20, (1 << 20) + 20480, (1 << 20) + 126_976] {
      let (inode, lower) = Self.make(4 << 20, piece: 4096)
      for at in stride(from: start, to: 4 << 20, by: 4096) {
        #expect(try Self.read(inode, at, 4096) == Array(lower.content[at..<(at + 4096)]))
      }
      #expect(lower.bytesRead == (4 << 20) - start)
      #expect(lower.reads <= 34)
    }
  }

  @Test(
    "as an array of bytes: read, written, cut, punched, handed down, dropped", arguments: 0..<24)
  func model(seed: Int) throws {
    var g = SeededGenerator(state: UInt64(seed) + 77)
    let count = [300_000, 131_072, 5000, 1 << 20][seed % 4]
    let isPersistent = seed % 3 == 0
    let (inode, lower) = Self.make(
      count, piece: isPersistent || seed % 2 == 0 ? 4096 : 1 << 16, isPersistent: isPersistent)
    var model = lower.content
    for step in 0..<120 {
      let limit = max(1, model.count + 20_000)
      var at = Int.random(in: 0..<limit, using: &g)
      var n = Int.random(in: 1...[10, 5000, 40_000, 200_000].randomElement(using: &g)!, using: &g)
      if Bool.random(using: &g) {
        at &= ~4095
        n = (n + 4095) & ~4095
      }
      switch Int.random(in: 0..<12, using: &g) {
      case 0..<5:
        let expected = at < model.count ? Array(model[at..<min(model.count, at + n)]) : []
        let found = try Self.read(inode, at, n)
        if found != expected {
          Issue.record("step \(step): read of \(n) at \(at) differs")
          return
        }
      case 5..<8:
        let bytes = (0..<n).map { _ in UInt8.random(in: 1...255, using: &g) }
        try Self.write(inode, at, bytes)
        if at + n > model.count { model += [UInt8](repeating: 0, count: at + n - model.count) }
        model.replaceSubrange(at..<(at + n), with: bytes)
      case 8:
        let size = min(at, 2 << 20)
        try inode.truncate(to: UInt64(size))
        if size < model.count { model.removeLast(model.count - size) }
        model += [UInt8](repeating: 0, count: size - model.count)
      case 9:
        inode.writeLock.lock()
        try inode.punchHole(UInt64(at), UInt64(n))
        inode.writeLock.unlock()
        for i in at..<max(at, min(model.count, at + n)) { model[i] = 0 }
      case 10: _ = inode.dropClean()
      default:
        try inode.writeBackAll()
        if isPersistent { #expect(lower.content == model) }
      }
      #expect(Int(inode.size) == model.count)
    }
    #expect(try Self.read(inode, 0, model.count + 1) == model)
  }
}
