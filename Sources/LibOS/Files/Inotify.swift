import EnclaveRuntime
import LinuxABI

/// inotify(7).
enum Inotify {
  static func created(_ parent: Dentry, _ name: [UInt8], isDirectory: Bool) {}
  static func modified(_ dentry: Dentry) {}
}
