import EnclaveRuntime
import LinuxABI

/// The inotify watches on one inode.
final class InotifyWatches: @unchecked Sendable {
  init() {}
}
