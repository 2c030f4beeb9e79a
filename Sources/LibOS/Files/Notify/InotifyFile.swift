import EnclaveRuntime
import LinuxABI

/// The descriptor of an inotify instance (inotify_init(2)).
final class InotifyFile: File, @unchecked Sendable {
  let queue = InotifyQueue()

  init(flags: OpenFlags) {
    let inode = Inode(Namespace.anonymousFileSystem, mode: 0o600)
    super.init(
      Dentry(inode, name: [UInt8](staticString: "anon_inode:inotify"), parent: nil), flags: flags)
  }

  deinit { queue.close() }

  override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard offset == nil else { throw .ESPIPE }
    let nonblocking = isNonblocking
    let room = buffer.remaining
    let queue = queue
    let bytes = try queue.waitQueue.wait { () throws(Errno) -> [UInt8]? in
      if let bytes = try queue.take(room: room) { return bytes }
      if nonblocking { throw .EAGAIN }
      return nil
    }
    return try buffer.write(bytes)
  }

  override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    throw .EBADF
  }

  override func poll() -> PollEvents { queue.isEmpty ? [] : .readable }
  override var waitQueue: WaitQueue? { queue.waitQueue }

  override func ioctl(_ task: Task, _ request: UInt32, _ argument: UInt) throws(Errno) -> Int {
    guard request == Ioctl.FIONREAD else { throw .ENOTTY }
    try UserMemory.write(Int32(truncatingIfNeeded: queue.byteCount), to: argument)
    return 0
  }

  override func describe(_ out: inout [UInt8]) { queue.describe(&out) }
}
