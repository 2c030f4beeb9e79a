import CEnclave
import HostInterface
import LinuxABI

/// The host calls, each with the check of its answer. `HostCall` documents what may come back; an
/// answer outside of that stops the enclave here (`hostLied`) and nowhere else.
@safe public enum Host {
  /// A count the host may answer: 0...limit, or one of `errnos` negated. Unknown errnos become EIO.
  private static func count(
    _ result: Int64, limit: Int, _ call: StaticString, allowing errnos: Errno...
  ) throws(Errno) -> Int {
    if result >= 0 {
      guard result <= Int64(limit) else { hostLied(call, "result") }
      return Int(result)
    }
    for e in errnos where result == -Int64(e.rawValue) { throw e }
    guard result >= -4095 else { hostLied(call, "result") }
    throw .EIO
  }

  // MARK: Threads

  /// What processes of one family cost goes along, for the host's statistics.
  public static func exit(
    status: Int, familySwitches: UInt64 = 0, familyBytes: UInt64 = 0
  ) -> Never {
    _ = HostTransport.exchange(.exit, UInt64(status), familySwitches, familyBytes)
    hostLied("exit", "returned")
  }

  public static func threadStart(thread: Int) throws(Errno) {
    let reply = HostTransport.exchange(.threadStart, UInt64(thread))
    if try count(reply.result, limit: 0, "threadStart", allowing: .EAGAIN) != 0 { throw .EAGAIN }
  }

  public static func threadExit() -> Never {
    _ = HostTransport.exchange(.threadExit)
    hostLied("threadExit", "returned")
  }

  /// Any answer is believed to mean only that the thread is awake again.
  public static func park(timeoutNs: UInt64) { _ = HostTransport.exchange(.park, timeoutNs) }
  public static func unpark(thread: Int) { _ = HostTransport.exchange(.unpark, UInt64(thread)) }
  public static func kick(thread: Int) { _ = HostTransport.exchange(.kick, UInt64(thread)) }

  // MARK: Time

  /// Raw clock readings: realtime ns, monotonic ns, TSC frequency in Hz (0 unknown). Clamped by `TimeKeeper`.
  public static func clock() -> (realtimeNs: UInt64, monotonicNs: UInt64, tscHz: UInt64) {
    let reply = HostTransport.exchange(.clock)
    // Years 1970 to 2262 and uptimes of centuries: nothing later overflows.
    let limit: UInt64 = 1 << 63
    guard reply.result == 0, reply.words.0 < limit, reply.words.1 < limit else {
      hostLied("clock", "time")
    }
    return (reply.words.0, reply.words.1, reply.words.2)
  }

  // MARK: Block objects

  /// Largest transfer of one call, bytes.
  public static let largestTransfer = Int(HostBuffer.dataSize)

  /// Reads up to `length` (at most `largestTransfer`) bytes of an object at `offset` into a run.
  public static func blockRead(
    object: UInt64, offset: UInt64, into run: PageRun, at runOffset: Int, length: Int
  ) throws(Errno) -> Int {
    let length = min(length, largestTransfer)
    run.checkRange(runOffset, length)
    let reply = HostTransport.exchange(.blockRead, object, offset, UInt64(length))
    let n = try count(reply.result, limit: length, "blockRead", allowing: .EIO)
    // SAFETY: n <= length, and that range of the run was checked.
    unsafe HostTransport.receive(into: run.base + runOffset, count: n)
    return n
  }

  /// Same, as an array (small objects: links, tables).
  public static func blockRead(object: UInt64, offset: UInt64, length: Int) throws(Errno) -> [UInt8]
  {
    let length = min(length, largestTransfer)
    let reply = HostTransport.exchange(.blockRead, object, offset, UInt64(length))
    let n = try count(reply.result, limit: length, "blockRead", allowing: .EIO)
    return received(n)
  }

  /// Writes `length` (at most `largestTransfer`) bytes of memory at `address` to a volume. Returns how many the host
  /// says it took.
  @unsafe public static func blockWrite(
    object: UInt64, offset: UInt64, from address: UnsafeRawPointer?, length: Int, durable: Bool
  ) throws(Errno) -> Int {
    let length = min(length, largestTransfer)
    // SAFETY: the caller vouches for `length` bytes at the address.
    let reply = HostTransport.exchange(
      .blockWrite, object, offset, UInt64(length) | (durable ? HostCall.durableBit : 0),
      send: address,
      sendCount: length)
    return try count(reply.result, limit: length, "blockWrite", allowing: .ENOSPC, .EIO)
  }

  /// The same with an array of at most `largestTransfer` bytes.
  public static func blockWrite(
    object: UInt64, offset: UInt64, _ bytes: [UInt8], durable: Bool
  ) throws(Errno) -> Int {
    guard bytes.count <= largestTransfer else { throw .EINVAL }
    // SAFETY: the array lives through the call.
    let reply = unsafe bytes.withUnsafeBytes { (p) in
      HostTransport.exchange(
        .blockWrite, object, offset, UInt64(p.count) | (durable ? HostCall.durableBit : 0),
        send: p.baseAddress, sendCount: p.count)
    }
    return try count(reply.result, limit: bytes.count, "blockWrite", allowing: .ENOSPC, .EIO)
  }

  /// Reads up to `length` bytes of an object to memory at `address`.
  @unsafe public static func blockRead(
    object: UInt64, offset: UInt64, to address: UnsafeMutableRawPointer, length: Int
  ) throws(Errno) -> Int {
    let length = min(length, largestTransfer)
    let reply = HostTransport.exchange(.blockRead, object, offset, UInt64(length))
    let n = try count(reply.result, limit: length, "blockRead", allowing: .EIO)
    // SAFETY: n <= length, and the caller vouches for that many bytes.
    unsafe HostTransport.receive(into: address, count: n)
    return n
  }

  static func received(_ n: Int) -> [UInt8] {
    if n == 0 { return [] }
    // SAFETY: exactly n bytes are initialised.
    return unsafe [UInt8](unsafeUninitializedCapacity: n) { buffer, initialized in
      unsafe HostTransport.receive(into: UnsafeMutableRawPointer(buffer.baseAddress!), count: n)
      initialized = n
    }
  }

  // MARK: Streams

  public static func streamRead(stream: UInt64, into run: PageRun, length: Int) throws(Errno) -> Int
  {
    let length = min(length, largestTransfer, run.byteCount)
    let reply = HostTransport.exchange(.streamRead, stream, UInt64(length))
    let n = try count(reply.result, limit: length, "streamRead", allowing: .EINTR, .EAGAIN, .EIO)
    // SAFETY: n <= length <= the run's size.
    unsafe HostTransport.receive(into: run.base, count: n)
    return n
  }

  /// Writes the first `length` bytes of a run.
  public static func streamWrite(stream: UInt64, from run: PageRun, length: Int) throws(Errno)
    -> Int
  {
    let length = min(length, largestTransfer, run.byteCount)
    let reply = unsafe HostTransport.exchange(
      .streamWrite, stream, UInt64(length), send: UnsafeRawPointer(run.base), sendCount: length)
    return try count(
      reply.result, limit: length, "streamWrite", allowing: .EINTR, .EAGAIN, .EPIPE, .EIO, .ENOSPC)
  }

  public static func streamStatus(stream: UInt64) -> (
    kind: StreamKind, rows: UInt16, columns: UInt16
  ) {
    let reply = HostTransport.exchange(.streamStatus, stream)
    guard reply.result == 0, let kind = StreamKind(rawValue: reply.words.0) else {
      hostLied("streamStatus", "kind")
    }
    return (
      kind, UInt16(truncatingIfNeeded: reply.words.1 >> 16),
      UInt16(truncatingIfNeeded: reply.words.1)
    )
  }

  public struct PollEntry: Sendable {
    public var stream: UInt32
    public var events: UInt16
    public var revents: UInt16 = 0
    public init(stream: UInt32, events: UInt16) {
      self.stream = stream
      self.events = events
    }
  }

  /// Waits for host streams. `timeoutNs` UInt64.max: no timeout. Throws EINTR after a kick.
  public static func poll(_ entries: inout [PollEntry], timeoutNs: UInt64) throws(Errno) -> Int {
    guard entries.count * 8 <= largestTransfer else { throw .EINVAL }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(entries.count * 8)
    for e in entries {
      for i in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: e.stream >> (8 * UInt32(i)))) }
      bytes.append(UInt8(truncatingIfNeeded: e.events))
      bytes.append(UInt8(truncatingIfNeeded: e.events >> 8))
      bytes.append(0)
      bytes.append(0)
    }
    // SAFETY: the array lives through the call.
    let reply = unsafe bytes.withUnsafeBytes { (p) in
      HostTransport.exchange(
        .poll, UInt64(entries.count), timeoutNs, send: p.baseAddress, sendCount: p.count)
    }
    let n = try count(reply.result, limit: entries.count, "poll", allowing: .EINTR)
    let answer = received(entries.count * 8)
    let always: UInt16 = 0x8 | 0x10 | 0x20
    for i in entries.indices {
      let revents = UInt16(answer[i * 8 + 6]) | UInt16(answer[i * 8 + 7]) << 8
      guard revents & ~(entries[i].events | always) == 0 else { hostLied("poll", "revents") }
      entries[i].revents = revents
    }
    return n
  }

  // MARK: Pages

  static func augment(address: UInt64, length: UInt64, copied: Bool = false) -> Bool {
    let reply = HostTransport.exchange(.augment, address, length, copied ? 1 : 0)
    if reply.result == 0 { return true }
    guard reply.result == -Int64(Errno.ENOMEM.rawValue) else { hostLied("augment", "result") }
    return false
  }
  static func restrict(address: UInt64, length: UInt64, permissions: UInt64) {
    let reply = HostTransport.exchange(.restrict, address, length, permissions)
    guard reply.result == 0 else { hostLied("restrict", "result") }
  }
  /// The page tables alone, to what the EPCM has.
  static func mapPermissions(address: UInt64, length: UInt64, permissions: UInt64) {
    restrict(
      address: address, length: length,
      permissions: permissions | PageRestriction.pageTablesOnly)
  }
  /// One kind of change for several ranges (`PageList`). None: no call.
  static func change(_ call: HostCall, _ ranges: [PageRange], _ name: StaticString) {
    var next = 0
    while next < ranges.count {
      let count = min(ranges.count - next, PageList.largestCount)
      if count == 1 {
        let only = ranges[next]
        let reply = HostTransport.exchange(call, only.address, only.length, only.value)
        guard reply.result == 0 else { hostLied(name, "result") }
        return
      }
      var words: [UInt64] = []
      words.reserveCapacity(3 * count)
      for range in ranges[next..<next + count] {
        words.append(range.address)
        words.append(range.length)
        words.append(range.value)
      }
      // SAFETY: the array lives through the call.
      let reply = unsafe words.withUnsafeBytes { (p) in
        HostTransport.exchange(
          call, 0, 0, 0, UInt64(count), send: p.baseAddress, sendCount: p.count)
      }
      guard reply.result == 0 else { hostLied(name, "result") }
      next += count
    }
  }
  static func modifyType(address: UInt64, length: UInt64, type: UInt64) {
    let reply = HostTransport.exchange(.modifyType, address, length, type)
    guard reply.result == 0 else { hostLied("modifyType", "result") }
  }

  // MARK: Quotes

  public enum QuoteAnswer: Sendable {
    case quote([UInt8])
    /// The report was for somebody else; this is the TARGETINFO to make it for.
    case target([UInt8])
  }

  /// A quote over a report that was made for `target`. What comes back is copied, and nothing in it believed.
  public static func quote(report: [UInt8], target: [UInt8]) throws(Errno) -> QuoteAnswer {
    guard report.count == Leaf.reportSize, target.count == Leaf.targetInfoSize else {
      throw .EINVAL
    }
    // SAFETY: the array lives through the call.
    let reply = unsafe (report + target).withUnsafeBytes { (p) in
      HostTransport.exchange(.quote, UInt64(p.count), send: p.baseAddress, sendCount: p.count)
    }
    let n = try count(reply.result, limit: 8192, "quote", allowing: .EAGAIN, .EIO)
    return n == 0 ? .target(received(Leaf.targetInfoSize)) : .quote(received(n))
  }

  // MARK: Development root

  /// One name in a directory object: its `ObjectStatus` record, `ObjectStatus.size` bytes.
  public static func lookup(directory: UInt64, name: [UInt8]) throws(Errno) -> [UInt8] {
    guard !name.isEmpty, name.count <= 255 else { throw .ENAMETOOLONG }
    // SAFETY: the array lives through the call.
    let reply = unsafe name.withUnsafeBytes { (p) in
      HostTransport.exchange(
        .lookup, directory, UInt64(name.count), send: p.baseAddress, sendCount: p.count)
    }
    _ = try count(
      reply.result, limit: Int(UInt32.max), "lookup",
      allowing: .ENOENT, .ENOTDIR, .EACCES, .ENAMETOOLONG, .EIO)
    return received(Int(ObjectStatus.size))
  }

  /// Some directory entries from `cookie` on, as they lie in the data area; empty at the end.
  public static func readdir(directory: UInt64, cookie: UInt64) throws(Errno) -> [UInt8] {
    let reply = HostTransport.exchange(.readdir, directory, cookie)
    let n = try count(reply.result, limit: largestTransfer, "readdir", allowing: .ENOTDIR, .EIO)
    return received(n)
  }

  // MARK: Processor

  public struct CPUIDEntry: Sendable {
    public var leaf: UInt32, subleaf: UInt32
    public var eax: UInt32, ebx: UInt32, ecx: UInt32, edx: UInt32
  }

  /// What was handed over at the first entry: the host's CPUID table, at most 64 entries, and how many
  /// processors it has (1...256). Hints only. Once: the copy that was taken then is used up.
  public static func processor() -> (entries: [CPUIDEntry], processors: Int) {
    let (reply, bytes) = HostTransport.handover()
    guard (0...Int64(Handover.largestEntryCount)).contains(reply.result) else {
      hostLied("first entry", "CPUID count")
    }
    let n = Int(reply.result)
    func word(_ at: Int) -> UInt32 {
      UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16
        | UInt32(bytes[at + 3]) << 24
    }
    var out: [CPUIDEntry] = []
    out.reserveCapacity(n)
    for i in 0..<n {
      let b = i * Handover.entrySize
      out.append(
        CPUIDEntry(
          leaf: word(b), subleaf: word(b + 4), eax: word(b + 8), ebx: word(b + 12),
          ecx: word(b + 16), edx: word(b + 20)))
    }
    return (out, Int(min(max(reply.words.0 & 0xFFFF_FFFF, 1), 256)))
  }

  /// What was handed over at the first entry of the standard streams 0, 1 and 2. An unknown kind is a lie.
  public static func standardStream(_ stream: UInt64) -> StreamKind {
    let (reply, _) = HostTransport.handover()
    guard stream < 3, let kind = StreamKind(rawValue: reply.words.0 >> (32 + 8 * stream) & 0xFF)
    else {
      hostLied("first entry", "stream kind")
    }
    return kind
  }

  /// Whether the host wants this instance to wait for a job, as handed over at the first entry.
  public static func wantsJob() -> Bool { HostTransport.handover().reply.words.0 >> 56 & 1 == 1 }

  /// And whether its keys are to be on the host's disk, sealed.
  public static func wantsJobKeyOnDisk() -> Bool {
    HostTransport.handover().reply.words.0 >> 57 & 1 == 1
  }

  // MARK: Messages

  /// Lines to the developer's terminal, stream 2. The caller has made sure that the configuration allows it.
  public static func log(_ line: [UInt8]) {
    // SAFETY: the array lives through the call.
    unsafe line.withUnsafeBytes { (p) in unsafe log(p) }
  }

  /// A constant line, with its newline; allocates nothing.
  public static func log(_ line: StaticString) {
    // SAFETY: a static string's bytes live as long as the program.
    unsafe log(UnsafeRawBufferPointer(start: line.utf8Start, count: line.utf8CodeUnitCount))
  }

  /// A line that cannot be written is lost; a kick only interrupts it. At most 1 KiB, in at most 16 pieces.
  @unsafe private static func log(_ bytes: UnsafeRawBufferPointer) {
    var rest = unsafe UnsafeRawBufferPointer(rebasing: bytes.prefix(1024))
    for _ in 0..<16 {
      let count = rest.count
      if count == 0 { return }
      let reply = HostTransport.exchange(
        .streamWrite, 2, UInt64(count), send: rest.baseAddress, sendCount: count)
      if reply.result == -Int64(Errno.EINTR.rawValue) { continue }
      guard reply.result >= -4095, reply.result <= Int64(count) else {
        hostLied("streamWrite", "result")
      }
      if reply.result <= 0 { return }
      unsafe rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(Int(reply.result)))
    }
  }

  #if CLOISTER_ENCLAVE
    static func panicExit(_ message: StaticString, code: UInt64) -> Never {
      die("cloister: enclave panic: ", message, "", code)
    }
    static func lied(_ call: StaticString, _ field: StaticString) -> Never {
      die("cloister: enclave stopped: the host lied: ", call, field, 2)
    }

    /// Nobody may go on: every entry looks at the dead flag first. The last words are left in the
    /// buffer as a write to stream 2, without payload data, and the thread leaves for good.
    private static func die(
      _ first: StaticString, _ second: StaticString, _ third: StaticString, _ code: UInt64
    ) -> Never {
      cl_set_dead()
      if unsafe cl_block().pointee.host_buffer != 0 {
        var at = 0
        HostTransport.lastWords(first, at: &at)
        HostTransport.lastWords(second, at: &at)
        HostTransport.lastWords(" ", at: &at)
        HostTransport.lastWords(third, at: &at)
        HostTransport.lastWords("       \n", at: &at)
        Backtrace.append(&at)
        HostTransport.write(.streamWrite, 2, UInt64(at))
      }
      cl_leave_dead(code)
    }
  #endif
}
