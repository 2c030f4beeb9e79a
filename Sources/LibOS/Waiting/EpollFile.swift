import EnclaveRuntime
import LinuxABI

/// The descriptor of an epoll instance.
final class EpollFile: File, @unchecked Sendable {
  let instance = EpollInstance()

  init() {
    let inode = Inode(Namespace.anonymousFileSystem, mode: 0o600)
    super.init(
      Dentry(inode, name: [UInt8](staticString: "anon_inode:[eventpoll]"), parent: nil),
      flags: .O_RDWR)
  }

  deinit { instance.close() }

  /// `tfd` lines of /proc/PID/fdinfo (proc_pid_fdinfo(5)).
  override func describe(_ out: inout [UInt8]) {
    for item in instance.list() {
      out.append("tfd: ")
      out.append(decimal: UInt(item.fd), width: 8)
      out.append(" events: ")
      out.append(paddedHex: UInt(item.events), width: 8)
      out.append(" data: ")
      out.append(paddedHex: UInt(item.data), width: 16)
      out.append("  pos:")
      out.append(decimal: UInt(item.file.offset))
      out.append(" ino:")
      out.append(hex: UInt(item.file.inode.number))
      out.append(" sdev:")
      out.append(hex: UInt(item.file.inode.fileSystem.device))
      out.append(0x0A)
    }
  }

  override func poll() -> PollEvents { instance.poll() }
  override var waitQueue: WaitQueue? { instance.queue }

  /// Throws ELOOP if watching `other` would make a cycle or a chain of more than five instances.
  func checkNesting(_ other: EpollFile) throws(Errno) {
    if Self.depth(other.instance, looking: instance, 1) > 4 { throw .ELOOP }
  }

  /// Length of the longest chain below, 99 if `target` is in it.
  private static func depth(_ at: EpollInstance, looking target: EpollInstance, _ level: Int) -> Int
  {
    if at === target { return 99 }
    if level > 5 { return level }
    var most = level
    for nested in at.nestedInstances() {
      most = max(most, depth(nested, looking: target, level + 1))
    }
    return most
  }
}
