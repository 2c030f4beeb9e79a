import EnclaveRuntime
import LinuxABI

/// Working directory, root and umask (shared with CLONE_FS). `lock` guards all three.
final class FileSystemContext: @unchecked Sendable {
  private let lock = Lock()
  private var rootDentry: Dentry?
  private var workingDirectory: Dentry?
  private var mask: UInt32 = 0o022

  /// At the root of the tree.
  init() {}

  /// fork(2): a copy of its own.
  init(copying other: FileSystemContext) {
    other.lock.lock()
    rootDentry = other.rootDentry
    workingDirectory = other.workingDirectory
    mask = other.mask
    other.lock.unlock()
  }

  var root: Dentry {
    lock.lock()
    defer { lock.unlock() }
    return rootDentry ?? Namespace.root
  }
  var cwd: Dentry {
    lock.lock()
    defer { lock.unlock() }
    return workingDirectory ?? rootDentry ?? Namespace.root
  }
  var umask: UInt32 { lock.withLock { mask } }

  func setRoot(_ dentry: Dentry) { lock.withLock { rootDentry = dentry } }
  func setCwd(_ dentry: Dentry) {
    lock.lock()
    let old = workingDirectory
    workingDirectory = dentry
    lock.unlock()
    _ = old
  }
  func setUmask(_ new: UInt32) -> UInt32 {
    lock.withLock {
      let old = mask
      mask = new & 0o777
      return old
    }
  }
}
