import LinuxABI

extension Namespace {
  /// /sys: empty but for what programs read (see `SysTree`).
  static func mountSys(_ root: Dentry) {
    let fs = FileSystem(type: "sysfs", source: "sysfs", magic: FileSystem.SYSFS_MAGIC)
    mount(DirectoryInode(fs, mode: 0o555), at: [UInt8](staticString: "/sys"))
  }
}
