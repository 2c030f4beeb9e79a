import EnclaveRuntime
import LinuxABI

/// A descriptor's end of a pipe or fifo.
final class PipeEnd: File, @unchecked Sendable {
  let pipe: Pipe
  private var other = Pipe.OtherEnd(isPresent: false, opens: 0)

  init(_ pipe: Pipe, _ dentry: Dentry, flags: OpenFlags) {
    self.pipe = pipe
    super.init(dentry, flags: flags)
    other = pipe.opened(read: isReadable, write: isWritable)
  }

  deinit { pipe.closed(read: isReadable, write: isWritable) }

  /// pipe2(2): the read end and the write end.
  static func makePair(flags: OpenFlags, _ task: Task) -> (PipeEnd, PipeEnd) {
    let pipe = Pipe()
    let inode = PipeInode(pipe, task.fileCredentials)
    var name: [UInt8] = []
    name.append("pipe:[")
    name.append(decimal: UInt(inode.number))
    name.append(0x5D)
    let dentry = Dentry(inode, name: name, parent: nil)
    let kept = flags.intersection([.O_NONBLOCK, .O_DIRECT])
    return (
      PipeEnd(pipe, dentry, flags: kept), PipeEnd(pipe, dentry, flags: kept.union(.O_WRONLY))
    )
  }

  /// open(2) of a fifo (fifo(7)), or of a pipe by its name in /proc/PID/fd, which waits for nobody (Linux fifo_open()).
  static func openFifo(_ pipe: Pipe, _ dentry: Dentry, flags: OpenFlags) throws(Errno) -> File {
    if dentry.inode.fileSystem === Namespace.pipeFileSystem {
      return PipeEnd(pipe, dentry, flags: flags)
    }
    let nonblocking = flags.contains(.O_NONBLOCK)
    if flags.isWritable && !flags.isReadable && nonblocking && !pipe.hasReaders { throw .ENXIO }
    let end = PipeEnd(pipe, dentry, flags: flags)
    if !nonblocking && !(flags.isReadable && flags.isWritable) {
      try pipe.waitForOtherEnd(read: flags.isReadable, end.other)
    }
    return end
  }

  override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard offset == nil else { throw .ESPIPE }
    return try pipe.read(&buffer, nonblocking: isNonblocking)
  }
  override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard offset == nil else { throw .ESPIPE }
    let status = statusFlags
    return try pipe.write(
      &buffer, nonblocking: status.contains(.O_NONBLOCK), packet: status.contains(.O_DIRECT))
  }

  override func poll() -> PollEvents { pipe.poll(read: isReadable, write: isWritable) }
  override var waitQueue: WaitQueue? { isReadable ? pipe.readQueue : pipe.writeQueue }

  override func ioctl(_ task: Task, _ request: UInt32, _ argument: UInt) throws(Errno) -> Int {
    guard request == Ioctl.FIONREAD else { throw .ENOTTY }
    try UserMemory.write(Int32(pipe.byteCount), to: argument)
    return 0
  }
}

/// The inode of a pipe of pipe2(2): opening it through /proc/PID/fd gives another end.
final class PipeInode: Inode, @unchecked Sendable {
  let pipe: Pipe
  init(_ pipe: Pipe, _ credentials: FileCredentials) {
    self.pipe = pipe
    super.init(
      Namespace.pipeFileSystem, mode: FileMode.S_IFIFO | 0o600, uid: credentials.fsuid,
      gid: credentials.fsgid)
  }
  override func open(_ dentry: Dentry, flags: OpenFlags) throws(Errno) -> File {
    try PipeEnd.openFifo(pipe, dentry, flags: flags)
  }
}
