import EnclaveRuntime
import LinuxABI

/// inotify(7).
enum Inotify {
  static func created(_ parent: Dentry, _ name: Name, isDirectory: Bool) {}
  static func removed(_ parent: Dentry, _ name: Name, _ victim: Dentry) {}
  static func replaced(_ victim: Dentry) {}
  static func moved(
    _ oldParent: Dentry, _ oldName: Name, _ newParent: Dentry, _ newName: Name, _ dentry: Dentry
  ) {}
  static func modified(_ dentry: Dentry) {}
  static func attributesChanged(_ dentry: Dentry) {}
}
