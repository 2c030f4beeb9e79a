import EnclaveRuntime
import LinuxABI
import PayloadFormat
import Testing

@testable import LibOS

/// /dev/attestation against what Gramine's documentation and its own regression test expect.
@Suite("/dev/attestation", .serialized)
struct AttestationFileTests {
  /// Whose thread calls: said before each use, because a test may go on on another thread of the host.
  private final class Caller {
    var task: Task
    init(_ task: Task) { self.task = task }
  }
  private let caller: Caller
  private let directory: Dentry

  /// A tree of its own: attestation_type dcap, or none.
  init() throws {
    let (task, directory) = try Self.make(isRemote: true)
    caller = Caller(task)
    self.directory = directory
  }

  private static func make(isRemote: Bool) throws -> (Task, Dentry) {
    let task = FilesHarness.makeTask()
    task.makeCurrent()
    unsafe Attestation.isRemote = isRemote
    let fs = FileSystem(type: "tmpfs", source: "devtmpfs", magic: FileSystem.TMPFS_MAGIC)
    let dev = Dentry(DirectoryInode(fs, mode: 0o755), name: [0x64], parent: nil)
    Namespace.addAttestation(fs, in: dev)
    return (task, try #require(Namespace.find("attestation", in: dev)))
  }

  private func find(_ name: StaticString, in parent: Dentry? = nil) throws -> Dentry? {
    let parent = parent ?? directory
    return try parent.inode.lookup(Name(name), in: parent)
  }

  private func open(
    _ name: StaticString, _ flags: OpenFlags = [], in parent: Dentry? = nil
  ) throws -> File {
    caller.task.makeCurrent()
    let dentry = try #require(try find(name, in: parent))
    return try dentry.inode.open(dentry, flags: flags)
  }

  private func read(_ file: File, _ count: Int = 16384) throws -> [UInt8] {
    let memory = Memory()
    let address = memory.allocate(count)
    var buffer = IOBuffer(user: address, count: count)
    let n = try file.read(&buffer, at: nil)
    return Memory.read(address, n)
  }

  private func read(_ name: StaticString, in parent: Dentry? = nil) throws -> [UInt8] {
    try read(try open(name, in: parent))
  }

  @discardableResult
  private func write(_ bytes: [UInt8], to file: File) throws -> Int {
    caller.task.makeCurrent()
    let memory = Memory()
    var buffer = IOBuffer(user: memory.bytes(bytes), count: bytes.count)
    return try file.write(&buffer, at: nil)
  }

  private func write(_ bytes: [UInt8], _ name: StaticString) throws {
    #expect(try write(bytes, to: try open(name, .O_WRONLY)) == bytes.count)
  }

  private func own(_ report: [UInt8] = [UInt8](1...255) + [UInt8](repeating: 7, count: 177)) {
    unsafe LeafDouble.report = { (target, data) in
      var out = report
      out[20] = 0
      for i in 0..<64 { out[320 + i] = data[i] }
      for i in 0..<32 { out[384 + i] = target[i] }
      return out
    }
  }

  private func listing(_ dentry: Dentry) throws -> [String] {
    var names: [String] = []
    try dentry.inode.readDirectory(from: 2, in: dentry) {
      names.append(String(decoding: $0.name, as: UTF8.self))
      return true
    }
    return names
  }

  @Test("the names, modes and types are Gramine's")
  func names() throws {
    #expect(
      try listing(directory) == [
        "attestation_type", "user_report_data", "target_info", "my_target_info", "report", "quote",
        "keys",
      ])
    #expect(
      try listing(try #require(try find("keys"))) == [
        "default", "_sgx_mrenclave", "_sgx_mrsigner",
      ])
    for name: StaticString in ["attestation_type", "my_target_info", "report", "quote"] {
      #expect(try find(name)?.inode.mode == 0o100444)
    }
    for name: StaticString in ["user_report_data", "target_info"] {
      #expect(try find(name)?.inode.mode == 0o100666)
    }
    #expect(directory.inode.mode == 0o040555)
  }

  @Test("attestation_type is dcap without a newline; with none there is no quote")
  func type() throws {
    #expect(try read("attestation_type") == Array("dcap".utf8))
    let (_, none) = try Self.make(isRemote: false)
    #expect(try read("attestation_type", in: none) == Array("none".utf8))
    #expect(try find("quote", in: none) == nil)
    #expect(try find("report", in: none) != nil)
    unsafe Attestation.isRemote = true
  }

  @Test("user_report_data: short writes get zeros, long ones are cut, the whole write counts")
  func userReportData() throws {
    own()
    try write(Array("some-dummy-data".utf8), "user_report_data")
    var expected = Array("some-dummy-data".utf8)
    expected += [UInt8](repeating: 0, count: 64 - expected.count)
    #expect(Array(try read("report")[320..<384]) == expected)
    try write([UInt8](repeating: 9, count: 300), "user_report_data")
    #expect(Array(try read("report")[320..<384]) == [UInt8](repeating: 9, count: 64))
    // Each write stands for itself: the second replaces the first.
    let file = try open("user_report_data", .O_RDWR)
    try write([1, 2], to: file)
    try write([3], to: file)
    #expect(Array(try read("report")[320..<323]) == [3, 0, 0])
    // The descriptor reads back what it wrote; another one begins empty.
    #expect(try file.seek(0, 0) == 0)
    #expect(try read(file) == [3])
    #expect(try read("user_report_data") == [])
  }

  @Test("the label of the runtime's own reports: EACCES, and what was there stays")
  func label() throws {
    own()
    try write([5], "user_report_data")
    let made = RuntimeReportData(
      purpose: Array("offer".utf8), digest: [UInt8](repeating: 1, count: 32))!
    let file = try open("user_report_data", .O_WRONLY)
    for bytes in [made.encoded(), RuntimeReportData.label, RuntimeReportData.label + [0, 1]] {
      #expect(throws: Errno.EACCES) { try write(bytes, to: file) }
    }
    #expect(try read("report")[320] == 5)
    // One bit away from the label is anybody's.
    for i in 0..<16 {
      var near = made.encoded()
      near[i] ^= 0x20
      try write(near, "user_report_data")
      #expect(Array(try read("report")[320..<384]) == near)
    }
    #expect(ReportData(runtime: made).bytes == made.encoded())
  }

  @Test("my_target_info names this enclave: fields of a report in the places of TARGETINFO")
  func myTargetInfo() throws {
    own()
    let info = try read("my_target_info")
    let report = [UInt8](1...255) + [UInt8](repeating: 7, count: 177)
    #expect(info.count == 512)
    #expect(Array(info[0..<32]) == Array(report[64..<96]))
    #expect(Array(info[32..<48]) == Array(report[48..<64]))
    #expect(info[48] == 0 && info[49] == 0)
    #expect(Array(info[50..<52]) == Array(report[260..<262]))
    #expect(Array(info[52..<56]) == Array(report[16..<20]))
    #expect(Array(info[56..<64]) == [UInt8](repeating: 0, count: 8))
    #expect(Array(info[64..<128]) == Array(report[192..<256]))
    #expect(info[128...].allSatisfy { $0 == 0 })
  }

  @Test("report is for target_info; without one, for this enclave; nonsense there: EACCES")
  func targetInfo() throws {
    own()
    let mine = Array(try read("my_target_info")[..<32])
    #expect(Array(try read("report")[384..<416]) == mine)
    try write([UInt8](repeating: 0xAB, count: 32), "target_info")
    #expect(Array(try read("report")[384..<416]) == [UInt8](repeating: 0xAB, count: 32))
    #expect(try read("report").count == 432)
    // Reserved bytes would make EREPORT fault inside the kernel.
    for at in [49, 56, 63, 128, 511] {
      var bad = [UInt8](repeating: 0, count: 512)
      bad[at] = 1
      try write(bad, "target_info")
      #expect(throws: Errno.EACCES) { try open("report") }
    }
    try write([0], "target_info")
    #expect(Array(try read("report")[384..<416]) == mine)
  }

  @Test("what a process writes is its own")
  func processes() throws {
    own()
    try write([1], "user_report_data")
    let first = caller.task
    caller.task = FilesHarness.makeTask(pid: 2)
    #expect(try read("report")[320] == 0)
    try write([2], "user_report_data")
    caller.task = first
    #expect(try read("report")[320] == 1)
  }

  @Test("a file that is read only refuses to be opened for writing, for root too")
  func readOnly() throws {
    for name: StaticString in ["attestation_type", "my_target_info", "report", "quote"] {
      #expect(throws: Errno.EACCES) { try open(name, .O_WRONLY) }
      #expect(throws: Errno.EACCES) { try open(name, .O_RDWR) }
    }
  }

  // MARK: quote

  /// A host with a quoting enclave of this MEASUREMENT.
  private func answerQuotes(
    _ target: [UInt8], _ change: @escaping @Sendable ([UInt8]) -> [UInt8] = { $0 }
  ) {
    unsafe HostDouble.handler = { request in
      guard request.call == .quote, request.arguments[0] == 944, request.data.count == 944 else {
        return HostDouble.Reply(result: -1)
      }
      guard Array(request.data[432...]) == target else {
        return HostDouble.Reply(result: 0, data: target)
      }
      let quote =
        [3, 0] + [UInt8](repeating: 0, count: 46) + request.data[..<384]
        + [UInt8](repeating: 1, count: 100)
      let changed = change(quote)
      return HostDouble.Reply(result: Int64(changed.count), data: changed)
    }
  }
  private let target = [UInt8](repeating: 4, count: 32) + [UInt8](repeating: 0, count: 480)

  @Test("quote: the report is made again for the quoting enclave that the host names")
  func quote() throws {
    own()
    answerQuotes(target)
    try write([42], "user_report_data")
    let file = try open("quote")
    let quote = try read(file)
    #expect(quote.count == 532 && quote[48 + 320] == 42)
    // It stays the same for the descriptor, and a read at its end gives nothing.
    #expect(try read(file) == [])
    #expect(try file.seek(0, 0) == 0)
    #expect(try read(file, 100).count == 100)
  }

  @Test("quote: a host that hands out targets for ever, quotes something else, or nothing: EACCES")
  func lyingHost() throws {
    own()
    func refused() {
      #expect(throws: Errno.EACCES) { try open("quote") }
    }
    let count = Counter()
    unsafe HostDouble.handler = { _ in
      HostDouble.Reply(
        result: 0,
        data: [UInt8(truncatingIfNeeded: count.next())] + [UInt8](repeating: 0, count: 511))
    }
    refused()
    // A TARGETINFO that would make EREPORT fault.
    unsafe HostDouble.handler = { _ in
      HostDouble.Reply(result: 0, data: [UInt8](repeating: 0xFF, count: 512))
    }
    refused()
    answerQuotes(target) { quote in
      var other = quote
      other[48 + 64] ^= 1
      return other
    }
    refused()
    answerQuotes(target) { Array($0[..<437]) }
    refused()
    answerQuotes(target) { _ in [1] }
    refused()
    for errno in [Errno.EAGAIN, .EIO, .EPERM] {
      unsafe HostDouble.handler = { _ in HostDouble.Reply(result: -Int64(errno.rawValue)) }
      refused()
    }
  }

  private final class Counter: @unchecked Sendable {
    private var value = 0
    func next() -> Int {
      value += 1
      return value
    }
  }

  // MARK: keys

  @Test("keys/default: 16 bytes, empty until set, any other size EACCES")
  func defaultKey() throws {
    let keys = try #require(try find("keys"))
    let key = [UInt8](0..<16)
    let file = try open("default", .O_RDWR, in: keys)
    for count in [0, 1, 15, 17, 32] where count > 0 {
      #expect(throws: Errno.EACCES) { try write([UInt8](repeating: 1, count: count), to: file) }
    }
    try write(key, to: file)
    #expect(try read("default", in: keys) == key)
  }

  @Test("sealing keys: KEYNAME, policy, versions and masks of the request; CONFIGID with KSS")
  func sealingKeys() throws {
    let keys = try #require(try find("keys"))
    unsafe LeafDouble.key = { request in
      // As much of the request as fits a key: KEYNAME, KEYPOLICY, ISVSVN, CONFIGSVN, mask and KEYID.
      [
        request[0], request[2], request[4], request[5], request[76], request[77], request[24],
        request[31], request[32], request[40], request[72], request[8], request[23], request[3], 0,
        0,
      ]
    }
    var report = [UInt8](1...255) + [UInt8](repeating: 7, count: 177)
    report[48] = 0x05
    own(report)
    #expect(
      try read("_sgx_mrenclave", in: keys) == [
        4, 1, 7, 7, 0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 1, 16, 0, 0, 0,
      ])
    #expect(try read("_sgx_mrsigner", in: keys)[1] == 2)
    report[48] = 0x85
    own(report)
    #expect(
      try read("_sgx_mrenclave", in: keys) == [
        4, 9, 7, 7, 7, 7, 0xFF, 0xFF, 0, 0, 0xFF, 1, 16, 0, 0, 0,
      ])
    #expect(try read("_sgx_mrsigner", in: keys)[1] == 10)
    // The runtime's own keys are others.
    let identity = try OwnIdentity()
    let own = SealingKey(runtime: .MRENCLAVE, salt: [UInt8](repeating: 0, count: 16), of: identity)
    #expect(try own.derive(hasKSS: true)[9] == RuntimeReportData.label[0])
    unsafe LeafDouble.key = { _ in nil }
    #expect(throws: Errno.EACCES) { try open("_sgx_mrenclave", in: keys) }
    #expect(throws: Errno.EACCES) { try open("_sgx_mrsigner", .O_WRONLY, in: keys) }
  }

  @Test("the runtime's report data: purpose and digest come back, nothing else parses")
  func runtimeReportData() throws {
    let digest = [UInt8](100..<132)
    let data = try #require(RuntimeReportData(purpose: Array("receipt".utf8), digest: digest))
    let bytes = data.encoded()
    #expect(bytes.count == 64 && bytes.starts(with: Array("cloister-runtime".utf8)))
    let back = try #require(RuntimeReportData(reportData: bytes))
    #expect(back.purpose == Array("receipt".utf8) && back.digest == digest)
    for i in 0..<16 {
      var changed = bytes
      changed[i] ^= 1
      #expect(RuntimeReportData(reportData: changed) == nil)
    }
    var gap = bytes
    gap[18] = 0
    #expect(RuntimeReportData(reportData: gap) == nil)
    #expect(RuntimeReportData(reportData: Array(bytes.dropLast())) == nil)
    #expect(RuntimeReportData(purpose: [], digest: digest) == nil)
    #expect(RuntimeReportData(purpose: Array("seventeen letters".utf8), digest: digest) == nil)
    #expect(RuntimeReportData(purpose: [0x20], digest: digest) == nil)
  }
}
