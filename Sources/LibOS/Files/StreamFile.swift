import EnclaveRuntime
import HostInterface
import LinuxABI

/// A standard stream of the host process.
///
/// The host says what kind of stream it is, once; a lie changes how a program buffers, no more. What is
/// read is the host's word, what is written the host sees: streams are outside by nature.
final class StreamFile: File, @unchecked Sendable {
  private let input: UInt64
  private let output: UInt64
  private let kind: StreamKind
  /// One reader and one writer at a time; each guards its run.
  private let reading = SlowLock()
  private let writing = SlowLock()
  private var readRun: PageRun?
  private var writeRun: PageRun?
  /// Bytes read from the host that the program's memory could not take.
  private var leftOver = 0..<0

  convenience init(stream: UInt64) {
    self.init(
      input: stream, output: stream, kind: Host.standardStream(stream), flags: .O_RDWR)
  }

  init(input: UInt64, output: UInt64, kind: StreamKind, flags: OpenFlags) {
    self.input = input
    self.output = output
    self.kind = kind
    let inode = StreamInode(kind, input, output)
    var name: [UInt8] = []
    switch kind {
    case .pipe, .socket:
      name.append(kind == .pipe ? "pipe:[" : "socket:[")
      name.append(decimal: UInt(inode.number))
      name.append(0x5D)
    case .terminal: name.append("/dev/pts/0")
    case .null: name.append("/dev/null")
    case .file: name.append("/dev/stdstream")
    }
    super.init(Dentry(inode, name: name, parent: nil), flags: flags)
  }

  private static var pieceSize: Int { 64 << 10 }

  override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard offset == nil else { throw .ESPIPE }
    if buffer.remaining == 0 { return 0 }
    if isNonblocking && leftOver.isEmpty { try checkReady(input, .POLLIN) }
    try reading.take()
    defer { reading.give() }
    let wanted = min(buffer.remaining, Self.pieceSize)
    if (readRun?.byteCount ?? 0) < wanted && leftOver.isEmpty {
      readRun = PageRun(pageCount: wanted <= 4096 ? 1 : Self.pieceSize >> 12)
    }
    guard let run = readRun else { throw .ENOMEM }
    if leftOver.isEmpty {
      let n = try repeated { () throws(Errno) -> Int in
        try Host.streamRead(stream: input, into: run, length: wanted)
      }
      leftOver = 0..<n
    }
    let moved = try run.copyOut(
      leftOver.lowerBound, count: min(leftOver.count, buffer.remaining), to: &buffer)
    leftOver = (leftOver.lowerBound + moved)..<leftOver.upperBound
    return moved
  }

  override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard offset == nil else { throw .ESPIPE }
    if buffer.remaining == 0 { return 0 }
    if isNonblocking { try checkReady(output, .POLLOUT) }
    try writing.take()
    defer { writing.give() }
    var done = 0
    while buffer.remaining > 0 {
      let wanted = min(buffer.remaining, Self.pieceSize)
      if (writeRun?.byteCount ?? 0) < wanted {
        writeRun = PageRun(pageCount: wanted <= 4096 ? 1 : Self.pieceSize >> 12)
      }
      guard let run = writeRun else { throw .ENOMEM }
      do throws(Errno) {
        let n = try run.copyIn(0, count: wanted, from: &buffer)
        var sent = 0
        while sent < n {
          let more = try repeated { () throws(Errno) -> Int in
            try Host.streamWrite(stream: output, from: run, length: n - sent)
          }
          // A host that takes nothing and says so forever is not waited for.
          if more == 0 { throw .EIO }
          sent += more
          done += more
          if sent < n { run.copy(0, from: run, more, count: n - sent) }
        }
        if n < wanted { break }
      } catch {
        if error == .EPIPE { Task.current.raiseSIGPIPE() }
        if done > 0 { return done }
        throw error
      }
    }
    return done
  }

  /// Repeats a host call that a kick interrupted, unless a signal wants to be handled. Other members of the
  /// process's family run while it takes.
  private func repeated(_ call: () throws(Errno) -> Int) throws(Errno) -> Int {
    while true {
      do throws(Errno) {
        return try HostEnd.repeated(mayWait: true, hasTimeout: false, call)
      } catch {
        guard error == .EAGAIN, !isNonblocking else { throw error }
        // The host's descriptor does not block: wait until it is ready.
        var entries = [
          Host.PollEntry(stream: UInt32(truncatingIfNeeded: input), events: 1),
          Host.PollEntry(stream: UInt32(truncatingIfNeeded: output), events: 4),
        ]
        PollWaiter.askHost(&entries, deadlineNs: Clock.monotonicNs() + 100_000_000)
      }
    }
  }

  private func checkReady(_ stream: UInt64, _ events: PollEvents) throws(Errno) {
    var entries = [
      Host.PollEntry(
        stream: UInt32(truncatingIfNeeded: stream),
        events: UInt16(truncatingIfNeeded: events.rawValue))
    ]
    if try Host.poll(&entries, timeoutNs: 0) == 0 { throw .EAGAIN }
  }

  /// Only for callers that do not ask the host themselves (see `hostStream`).
  override func poll() -> PollEvents { .always }
  override var hostStream: UInt64? { isReadable ? input : output }
  override var canPoll: Bool { kind != .file }

  override func seek(_ offset: Int, _ whence: Int32) throws(Errno) -> Int {
    if kind == .null { return 0 }
    throw .ESPIPE
  }

  override func ioctl(_ task: Task, _ request: UInt32, _ argument: UInt) throws(Errno) -> Int {
    guard kind == .terminal else { throw .ENOTTY }
    return try Terminal.shared.ioctl(task, request, argument, stream: input)
  }
  override func fsync() throws(Errno) {
    if kind != .file { throw .EINVAL }
  }
}

/// What fstat(2) says of a standard stream; opening it again (/dev/stdout) gives the same stream.
final class StreamInode: Inode, @unchecked Sendable {
  private let input: UInt64
  private let output: UInt64
  private let kind: StreamKind
  init(_ kind: StreamKind, _ input: UInt64, _ output: UInt64) {
    self.kind = kind
    self.input = input
    self.output = output
    let mode: UInt32
    var rdev: UInt64 = 0
    switch kind {
    case .pipe: mode = FileMode.S_IFIFO | 0o600
    case .socket: mode = FileMode.S_IFSOCK | 0o777
    case .file: mode = FileMode.S_IFREG | 0o644
    case .terminal:
      mode = FileMode.S_IFCHR | 0o620
      rdev = DeviceNumber.make(136, 0)
    case .null:
      mode = FileMode.S_IFCHR | 0o666
      rdev = DeviceNumber.make(1, 3)
    }
    super.init(Namespace.anonymousFileSystem, mode: mode, rdev: rdev)
  }
  override func open(_ dentry: Dentry, flags: OpenFlags) throws(Errno) -> File {
    StreamFile(input: input, output: output, kind: kind, flags: flags)
  }
}
