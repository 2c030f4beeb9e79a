import HostInterface
import LinuxABI
import Testing

@testable import EnclaveRuntime

/// For each host call a host that lies. Allowed ends: the call carries on correctly, throws an errno of
/// its own list, or stops the enclave through `hostLied` (in these tests: the process ends).
///
/// The double is global, so the suite runs one test after the other; what must stop runs in a process of its own.
@Suite("host calls with a lying host", .serialized)
struct LyingHostTests {
  /// Results that no call may believe: too long, negative beyond errnos, extremes.
  static let absurd: [Int64] = [1 << 40, .max, .min, -4096, -5000]

  static func answer(_ result: Int64, _ words: [UInt64] = [], _ data: [UInt8] = []) {
    unsafe HostDouble.handler = { _ in HostDouble.Reply(result: result, words: words, data: data) }
  }

  // MARK: Lengths and errnos

  @Test("blockRead: a short answer is taken as it is, its bytes and no more")
  func blockReadShort() throws {
    Self.answer(3, [], [1, 2, 3, 4, 5])
    let bytes = try Host.blockRead(object: 1, offset: 0, length: 5)
    #expect(bytes == [1, 2, 3])
  }

  @Test("blockRead: an unknown errno becomes EIO", arguments: [1, 13, 512, 4095] as [Int64])
  func blockReadErrno(errno: Int64) {
    Self.answer(-errno)
    #expect(throws: Errno.EIO) { try Host.blockRead(object: 1, offset: 0, length: 5) }
  }

  @Test("blockRead: more than was asked for stops the enclave")
  func blockReadLong() async {
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(6, [], [1, 2, 3, 4, 5, 6])
      _ = try Host.blockRead(object: 1, offset: 0, length: 5)
    }
  }

  @Test("blockRead into pages: bytes beyond the answer keep their content")
  func blockReadRun() throws {
    let run = try #require(PageRun(pageCount: 1))
    run[2] = 9
    Self.answer(2, [], [7, 8, 66, 66])
    #expect(try Host.blockRead(object: 1, offset: 0, into: run, at: 0, length: 4) == 2)
    #expect(run.bytes(0, count: 4) == [7, 8, 9, 0])
  }

  @Test("blockRead into pages: an absurd result stops the enclave")
  func blockReadRunAbsurd() async {
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(1 << 40)
      _ = try Host.blockRead(object: 1, offset: 0, into: PageRun(pageCount: 1)!, at: 0, length: 4)
    }
  }

  private static func blockWrite() throws -> Int {
    let bytes: [UInt8] = [1, 2, 3, 4, 5]
    return try unsafe bytes.withUnsafeBytes { (p) in
      try unsafe Host.blockWrite(
        object: 1, offset: 0, from: p.baseAddress, length: 5, durable: true)
    }
  }

  @Test("blockWrite: a short answer is taken as it is, ENOSPC and EIO pass, others become EIO")
  func blockWriteAnswers() throws {
    Self.answer(3)
    #expect(try Self.blockWrite() == 3)
    for (errno, expected) in [(28, Errno.ENOSPC), (5, .EIO), (13, .EIO), (4095, .EIO)]
      as [(Int64, Errno)]
    {
      Self.answer(-errno)
      #expect(throws: expected) { try Self.blockWrite() }
    }
  }

  @Test("blockWrite: more than was given stops the enclave")
  func blockWriteLong() async {
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(6)
      _ = try LyingHostTests.blockWrite()
    }
  }

  @Test("streamRead: errnos of its list pass, others become EIO")
  func streamReadErrno() throws {
    let run = try #require(PageRun(pageCount: 1))
    for e in [Errno.EINTR, .EAGAIN, .EIO] {
      Self.answer(-Int64(e.rawValue))
      #expect(throws: e) { try Host.streamRead(stream: 0, into: run, length: 10) }
    }
    Self.answer(-Int64(Errno.ENOMEM.rawValue))
    #expect(throws: Errno.EIO) { try Host.streamRead(stream: 0, into: run, length: 10) }
  }

  @Test("streamRead: one byte too many stops the enclave")
  func streamReadLong() async {
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(11, [], [UInt8](repeating: 1, count: 11))
      _ = try Host.streamRead(stream: 0, into: PageRun(pageCount: 1)!, length: 10)
    }
  }

  @Test("streamRead: below every errno stops the enclave")
  func streamReadNegative() async {
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(.min)
      _ = try Host.streamRead(stream: 0, into: PageRun(pageCount: 1)!, length: 10)
    }
  }

  @Test("streamWrite: EPIPE and ENOSPC pass, a larger count than was given stops the enclave")
  func streamWrite() async throws {
    let run = try #require(PageRun(pageCount: 1))
    Self.answer(-Int64(Errno.EPIPE.rawValue))
    #expect(throws: Errno.EPIPE) { try Host.streamWrite(stream: 1, from: run, length: 4) }
    Self.answer(-Int64(Errno.ENOSPC.rawValue))
    #expect(throws: Errno.ENOSPC) { try Host.streamWrite(stream: 1, from: run, length: 4) }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(5)
      _ = try Host.streamWrite(stream: 1, from: PageRun(pageCount: 1)!, length: 4)
    }
  }

  @Test("streamStatus: sizes beyond 16 bits are cut, an unknown kind stops the enclave")
  func streamStatus() async {
    Self.answer(0, [1, 0xFFFF_FFFF_0018_0050])
    let status = Host.streamStatus(stream: 1)
    #expect(status.kind == .terminal && status.rows == 0x18 && status.columns == 0x50)
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(0, [99])
      _ = Host.streamStatus(stream: 1)
    }
  }

  @Test("poll: events that were not asked for stop the enclave")
  func pollRevents() async {
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(1, [], [0, 0, 0, 0, 1, 0, 0x05, 0])
      var entries = [Host.PollEntry(stream: 0, events: 1)]
      _ = try Host.poll(&entries, timeoutNs: 0)
    }
  }

  @Test("poll: POLLHUP, POLLERR and POLLNVAL are believed, a count above the entries is not")
  func pollCount() async throws {
    Self.answer(1, [], [0, 0, 0, 0, 1, 0, 0x10, 0])
    var entries = [Host.PollEntry(stream: 0, events: 1)]
    #expect(try Host.poll(&entries, timeoutNs: 0) == 1)
    #expect(entries[0].revents == 0x10)
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(2, [], [UInt8](repeating: 0, count: 8))
      var entries = [Host.PollEntry(stream: 0, events: 1)]
      _ = try Host.poll(&entries, timeoutNs: 0)
    }
  }

  @Test("poll: the entries sent back are not read, only revents")
  func pollEntries() throws {
    Self.answer(1, [], [9, 9, 9, 9, 255, 255, 1, 0])
    var entries = [Host.PollEntry(stream: 3, events: 1)]
    _ = try Host.poll(&entries, timeoutNs: 0)
    #expect(entries[0].stream == 3 && entries[0].events == 1 && entries[0].revents == 1)
  }

  // MARK: Threads

  @Test("threadStart: EAGAIN passes, other errnos are EIO, a positive answer is not success")
  func threadStart() async {
    Self.answer(-Int64(Errno.EAGAIN.rawValue))
    #expect(throws: Errno.EAGAIN) { try Host.threadStart(thread: 1) }
    Self.answer(-Int64(Errno.EPERM.rawValue))
    #expect(throws: Errno.EIO) { try Host.threadStart(thread: 1) }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(1)
      try Host.threadStart(thread: 1)
    }
  }

  @Test("exit: coming back stops the enclave")
  func exitReturns() async {
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(0)
      Host.exit(status: 0)
    }
  }

  @Test("threadExit: coming back stops the enclave")
  func threadExitReturns() async {
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(0)
      Host.threadExit()
    }
  }

  @Test(
    "park, unpark, kick: whatever the host answers means nothing", arguments: absurd + [0, 1, -4])
  func parking(result: Int64) {
    Self.answer(result, [.max, .max, .max, .max])
    Host.park(timeoutNs: 1)
    Host.unpark(thread: 0)
    Host.kick(thread: 0)
  }

  // MARK: Time

  @Test("clock: a time beyond 2^63 ns stops the enclave")
  func clockFar() async {
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(0, [.max, 1, 0])
      _ = Host.clock()
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(0, [1, 1 << 63, 0])
      _ = Host.clock()
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(-5, [1, 1, 0])
      _ = Host.clock()
    }
  }

  // MARK: Pages

  @Test("augment: ENOMEM is out of memory; any other refusal stops the enclave")
  func augment() async {
    Self.answer(-Int64(Errno.ENOMEM.rawValue))
    #expect(!Host.augment(address: 0x10000, length: 4096))
    Self.answer(0)
    #expect(Host.augment(address: 0x10000, length: 4096))
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(-13)
      _ = Host.augment(address: 0x10000, length: 4096)
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(4096)
      _ = Host.augment(address: 0x10000, length: 4096)
    }
  }

  @Test("restrict to the page tables alone: anything but 0 stops the enclave")
  func mapPermissions() async {
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(-12)
      Host.mapPermissions(address: 0x10000, length: 4096, permissions: 3)
    }
  }

  @Test("restrict: anything but 0 stops the enclave")
  func restrict() async {
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(-22)
      Host.restrict(address: 0x10000, length: 4096, permissions: 1)
    }
  }

  @Test("modifyType: anything but 0 stops the enclave")
  func modifyType() async {
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(1)
      Host.modifyType(address: 0x10000, length: 4096, type: 4)
    }
  }

  @Test("remove: anything but 0 stops the enclave")
  func remove() async {
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(-1)
      Host.change(.remove, [PageRange(0x10000, 4096)], "remove")
    }
  }

  @Test("several page changes in one call: sent in order, anything but 0 stops the enclave")
  func pageList() async {
    #expect(Self.sentPageList() == [0x10000, 4096, 5, 0x20000, 8192, 3])
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(-1)
      let ranges = [PageRange(0x10000, 4096, 5), PageRange(0x20000, 8192, 3)]
      Host.change(.restrict, ranges, "restrict")
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(1)
      Host.change(.remove, [PageRange(0x10000, 4096), PageRange(0x20000, 8192)], "remove")
    }
  }

  private final class Sent: @unchecked Sendable {
    var words: [UInt64] = []
  }

  private static func sentPageList() -> [UInt64] {
    let sent = Sent()
    unsafe HostDouble.handler = { request in
      guard request.arguments[3] == 2 else { return HostDouble.Reply(result: 0) }
      for at in stride(from: 0, to: request.data.count, by: 8) {
        sent.words.append((0..<8).reduce(0) { $0 | UInt64(request.data[at + $1]) << (8 * $1) })
      }
      return HostDouble.Reply(result: 0)
    }
    Host.change(.restrict, [PageRange(0x10000, 4096, 5), PageRange(0x20000, 8192, 3)], "restrict")
    return sent.words
  }

  // MARK: Processor

  static func handOver(_ count: Int64, _ processors: UInt64, _ data: [UInt8] = []) {
    unsafe HostDouble.firstEntry = HostDouble.Reply(result: count, words: [processors], data: data)
  }

  @Test("the first entry: more than 64 CPUID entries stop the enclave, missing bytes read as zeros")
  func handover() async {
    Self.handOver(1, 0, [1, 0, 0, 0])
    let (table, processors) = Host.processor()
    #expect(processors == 1)
    #expect(table.count == 1 && table[0].leaf == 1 && table[0].edx == 0)
    Self.handOver(64, .max)
    #expect(Host.processor().entries.count == 64 && Host.processor().processors == 256)
    await #expect(processExitsWith: .failure) {
      LyingHostTests.handOver(65, 1)
      _ = Host.processor()
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.handOver(-1, 1)
      _ = Host.processor()
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.handOver(.max, 1)
      _ = Host.processor()
    }
  }

  @Test("the first entry: kinds of the standard streams; an unknown kind stops the enclave")
  func standardStreams() async {
    Self.handOver(0, 2 | 1 << 32 | 4 << 40 | 2 << 48)
    #expect(Host.standardStream(0) == .terminal)
    #expect(Host.standardStream(1) == .null)
    #expect(Host.standardStream(2) == .file)
    #expect(Host.processor().processors == 2)
    await #expect(processExitsWith: .failure) {
      LyingHostTests.handOver(0, 2 | 5 << 32)
      _ = Host.standardStream(0)
    }
  }

  // MARK: Development root

  @Test("lookup: errnos of its list pass, an index beyond 32 bits stops the enclave")
  func lookup() async {
    for e in [Errno.ENOENT, .ENOTDIR, .EACCES, .ENAMETOOLONG, .EIO] {
      Self.answer(-Int64(e.rawValue))
      #expect(throws: e) { try Host.lookup(directory: 0, name: [0x61]) }
    }
    Self.answer(-Int64(Errno.EBUSY.rawValue))
    #expect(throws: Errno.EIO) { try Host.lookup(directory: 0, name: [0x61]) }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(1 << 33)
      _ = try Host.lookup(directory: 0, name: [0x61])
    }
  }

  @Test("lookup: a name that no directory can hold is not even asked for")
  func lookupName() {
    unsafe HostDouble.handler = { _ in
      Issue.record("the host was called")
      return HostDouble.Reply(result: 0)
    }
    #expect(throws: Errno.ENAMETOOLONG) { try Host.lookup(directory: 0, name: []) }
    #expect(throws: Errno.ENAMETOOLONG) {
      try Host.lookup(directory: 0, name: [UInt8](repeating: 0x61, count: 256))
    }
  }

  @Test("readdir: more bytes than the buffer holds stop the enclave")
  func readdir() async {
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(Int64(HostBuffer.dataSize) + 1)
      _ = try Host.readdir(directory: 0, cookie: 0)
    }
  }

  @Test("log: short writes go on, errnos lose the line, EINTR for ever ends")
  func log() {
    for result: Int64 in [0, 1, 2, -4, -5, -11, -32, -4095] {
      Self.answer(result)
      Host.log([0x61, 0x0A])
      Host.log("b\n")
    }
  }

  @Test("log: it goes to stream 2, at most 1 KiB of it")
  func logRequest() {
    unsafe HostDouble.handler = { request in
      #expect(request.call == .streamWrite && request.arguments[0] == 2)
      #expect(request.data.count == 1024 && request.arguments[1] == 1024)
      return HostDouble.Reply(result: 1024)
    }
    Host.log([UInt8](repeating: 0x61, count: 5000))
  }

  @Test("log: more than was given, and below every errno, stop the enclave")
  func logAbsurd() async {
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(2)
      Host.log([0x61])
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(-4096)
      Host.log([0x61])
    }
  }

  @Test("every host call has a test above, or in LyingHostSocketTests")
  func complete() {
    // A new call must come here with its lies.
    #expect(HostCall.allCases.count == 28)
  }

  // MARK: Quotes

  private static let request = (
    report: [UInt8](repeating: 1, count: 432), target: [UInt8](repeating: 0, count: 512)
  )

  @Test("quote: 0 is a TARGETINFO, more a quote; EAGAIN and EIO pass, others become EIO")
  func quote() throws {
    Self.answer(0, [], [UInt8](repeating: 3, count: 512))
    guard
      case .target(let info) = try Host.quote(
        report: Self.request.report, target: Self.request.target)
    else { throw Errno.EINVAL }
    #expect(info == [UInt8](repeating: 3, count: 512))
    Self.answer(8192, [], [UInt8](repeating: 4, count: 9000))
    guard
      case .quote(let quote) = try Host.quote(
        report: Self.request.report, target: Self.request.target)
    else { throw Errno.EINVAL }
    #expect(quote == [UInt8](repeating: 4, count: 8192))
    for (e, expected) in [(Errno.EAGAIN, Errno.EAGAIN), (.EIO, .EIO), (.EPERM, .EIO)] {
      Self.answer(-Int64(e.rawValue))
      #expect(throws: expected) {
        try Host.quote(report: Self.request.report, target: Self.request.target)
      }
    }
  }

  @Test("quote: one byte more than a quote can have stops the enclave")
  func quoteLong() async {
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(8193)
      _ = try Host.quote(
        report: [UInt8](repeating: 1, count: 432), target: [UInt8](repeating: 0, count: 512))
    }
  }
}
