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
