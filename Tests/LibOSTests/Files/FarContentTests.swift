import EnclaveRuntime
import LinuxABI
import Testing

@testable import LibOS

/// A lower file of 16 GiB, whose bytes follow from their place, and of which what is written is counted.
private final class EndlessDouble: LowerObject, @unchecked Sendable {
  var bytesWritten = 0
  override init() {
    super.init()
    mode = FileMode.S_IFREG | 0o644
    size = 16 << 30
    inode = 8
  }
  override func read(
    offset: UInt64, into run: PageRun, at runOffset: Int, length: Int
  ) throws(Errno) -> Int {
    // Two bytes of each page are enough to know it by.
    for page in stride(from: 0, to: length, by: 4096) {
      for i in [page + 5, page + 7] { run[runOffset + i] = FarContentTests.byte(Int(offset) + i) }
    }
    return length
  }
  override func write(
    offset: UInt64, from run: PageRun, at runOffset: Int, length: Int
  ) throws(Errno) { bytesWritten += length }
  override func setSize(_ newSize: UInt64) throws(Errno) { size = newSize }
}

@Suite("content beyond 8 GiB", .serialized) struct FarContentTests {
  static func byte(_ at: Int) -> UInt8 { UInt8(truncatingIfNeeded: at >> 12 &+ at) }

  @Test("it makes way as other content does, and comes again", arguments: [false, true])
  func makesWay(isPersistent: Bool) throws {
    _ = FilesHarness.started
    let fs = FileSystem(
      type: "test", source: "test", magic: 1, isReadOnly: false, isPersistent: isPersistent)
    let inode = RegularInode(fs, mode: 0o644, lower: EndlessDouble())
    let run = try #require(PageRun(pageCount: 32))
    let start = (8 << 30) - (48 << 20)
    // Read once in a row, 96 MiB around the border: only the last 32 MiB stay.
    for at in stride(from: start, to: start + (96 << 20), by: 128 << 10) {
      var buffer = run.buffer(0, count: 128 << 10)
      #expect(try inode.read(&buffer, at: UInt64(at)) == 128 << 10)
      #expect(run[5] == Self.byte(at + 5))
    }
    #expect(inode.dropClean() == (32 << 20) / 4096)
    #expect(inode.dropClean() == 0)
    var buffer = run.buffer(0, count: 4096)
    #expect(try inode.read(&buffer, at: UInt64(start + (90 << 20))) == 4096)
    #expect(run[7] == Self.byte(start + (90 << 20) + 7))
    #expect(inode.dropClean() > 0)
  }

  @Test("what is written there is handed down, and makes way")
  func written() throws {
    _ = FilesHarness.started
    let fs = FileSystem(
      type: "test", source: "test", magic: 1, isReadOnly: false, isPersistent: true)
    let lower = EndlessDouble()
    let inode = RegularInode(fs, mode: 0o644, lower: lower)
    let run = try #require(PageRun(pageCount: 32))
    let start = (8 << 30) - (16 << 20)
    for round in 0..<4 {
      for at in stride(from: 0, to: 16 << 20, by: 128 << 10) {
        var buffer = run.buffer(0, count: 128 << 10)
        inode.writeLock.lock()
        defer { inode.writeLock.unlock() }
        #expect(
          try inode.write(&buffer, at: UInt64(start + round * (16 << 20) + at)) == 128 << 10)
      }
      try inode.writeBackAll()
      #expect(inode.dirtyPages == 0)
    }
    #expect(lower.bytesWritten == 64 << 20)
    #expect(inode.dropClean() <= (33 << 20) / 4096)
  }
}
