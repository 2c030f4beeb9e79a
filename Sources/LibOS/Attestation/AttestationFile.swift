import EnclaveRuntime
import LinuxABI

/// A file of `/dev/attestation`, with the semantics of Gramine's pseudo-files:
///
/// - what is read is made when the file is opened, and stays the same for that descriptor;
/// - each write hands its bytes over at once, whatever the position, and replaces what the descriptor reads;
/// - the files that can be written begin empty for each descriptor, but for keys.
final class AttestationInode: Inode, @unchecked Sendable {
  typealias Load = (Process) throws(Errno) -> [UInt8]
  typealias Save = (Process, [UInt8]) throws(Errno) -> Void
  private let load: Load
  private let save: Save?

  init(_ fileSystem: FileSystem, save: Save? = nil, load: @escaping Load) {
    self.load = load
    self.save = save
    super.init(fileSystem, mode: FileMode.S_IFREG | (save == nil ? 0o444 : 0o666))
  }

  override func open(_ dentry: Dentry, flags: OpenFlags) throws(Errno) -> File {
    if flags.isWritable && save == nil { throw .EACCES }
    let content = flags.isReadable ? try load(Task.current.process) : []
    return AttestationFile(dentry, content, save, flags: flags)
  }

  /// O_TRUNC and truncate(2) change nothing but what a descriptor reads.
  override func truncate(to size: UInt64) throws(Errno) {
    if save == nil { throw .EACCES }
  }
}

final class AttestationFile: File, @unchecked Sendable {
  /// More than any of these files takes; the rest of a longer write is ignored, as Gramine does.
  private static let largestWrite = 4096
  private let save: AttestationInode.Save?
  /// Guards `content`.
  private let lock = Lock()
  private var content: [UInt8]

  init(_ dentry: Dentry, _ content: [UInt8], _ save: AttestationInode.Save?, flags: OpenFlags) {
    self.content = content
    self.save = save
    super.init(dentry, flags: flags)
  }

  override var hasPosition: Bool { true }

  override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    let bytes = lock.withLock { content }
    let start = offset ?? self.offset
    guard start < UInt64(bytes.count) else { return 0 }
    let n = try buffer.write(bytes, from: Int(start))
    if offset == nil { self.offset = start + UInt64(n) }
    return n
  }

  override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard let save else { throw .EACCES }
    let count = buffer.remaining
    let bytes = try buffer.read(count: min(count, Self.largestWrite))
    try save(Task.current.process, bytes)
    lock.withLock { content = bytes }
    if offset == nil { self.offset = UInt64(count) }
    return count
  }

  override func truncate(to size: UInt64) throws(Errno) {
    guard save != nil else { throw .EACCES }
    guard size <= UInt64(Self.largestWrite) else { throw .EFBIG }
    lock.withLock {
      if content.count > Int(size) { content.removeLast(content.count - Int(size)) }
      while content.count < Int(size) { content.append(0) }
    }
  }

  override func seek(_ offset: Int, _ whence: Int32) throws(Errno) -> Int {
    let base: Int
    switch whence {
    case 0: base = 0
    case 1: base = Int(self.offset)
    case 2: base = lock.withLock { content.count }
    default: throw .EINVAL
    }
    let (sum, overflow) = base.addingReportingOverflow(offset)
    guard !overflow, sum >= 0 else { throw .EINVAL }
    self.offset = UInt64(sum)
    return sum
  }
}
