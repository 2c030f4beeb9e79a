import EnclaveRuntime
import LinuxABI

/// eventfd(2): a 64-bit counter that wakes its readers. It lives inside the enclave.
final class Eventfd: File, @unchecked Sendable {
  private let lock = Lock()
  /// Guarded by `lock`.
  private var count: UInt64
  private let isSemaphore: Bool
  private let queue = WaitQueue()
  static let largest = UInt64.max - 1

  init(count: UInt64, isSemaphore: Bool, flags: OpenFlags) {
    self.count = count
    self.isSemaphore = isSemaphore
    let inode = Inode(Namespace.anonymousFileSystem, mode: 0o600)
    super.init(
      Dentry(inode, name: [UInt8](staticString: "anon_inode:[eventfd]"), parent: nil), flags: flags)
  }

  override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard offset == nil else { throw .ESPIPE }
    guard buffer.remaining >= 8 else { throw .EINVAL }
    let nonblocking = isNonblocking
    let value = try queue.wait { () throws(Errno) -> UInt64? in
      lock.lock()
      defer { lock.unlock() }
      if count == 0 {
        if nonblocking { throw .EAGAIN }
        return nil
      }
      let taken = isSemaphore ? 1 : count
      count -= taken
      return taken
    }
    queue.wakeAll(.writable)
    return try buffer.write(value)
  }

  override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard offset == nil else { throw .ESPIPE }
    guard buffer.remaining >= 8 else { throw .EINVAL }
    let value = try buffer.read(as: UInt64.self)
    guard value != .max else { throw .EINVAL }
    let nonblocking = isNonblocking
    _ = try queue.wait { () throws(Errno) -> Bool? in
      lock.lock()
      defer { lock.unlock() }
      if Self.largest - count < value {
        if nonblocking { throw .EAGAIN }
        return nil
      }
      count += value
      return true
    }
    queue.wakeAll(.readable)
    return 8
  }

  override func poll() -> PollEvents {
    lock.lock()
    defer { lock.unlock() }
    var events: PollEvents = []
    // Not in their other spelling (POLLRDNORM), as in Linux.
    if count > 0 { events.insert(.POLLIN) }
    if count < Self.largest { events.insert(.POLLOUT) }
    return events
  }

  override var waitQueue: WaitQueue? { queue }

  override func describe(_ out: inout [UInt8]) {
    lock.lock()
    let value = count
    lock.unlock()
    out.append("eventfd-count: ")
    out.append(paddedHex: UInt(value), width: 16)
    out.append("\neventfd-id: ")
    out.append(decimal: UInt(inode.number))
    out.append("\neventfd-semaphore: ")
    out.append(isSemaphore ? 0x31 : 0x30)
    out.append(0x0A)
  }
}
