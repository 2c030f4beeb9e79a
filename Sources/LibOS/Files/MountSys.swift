import LinuxABI

extension Namespace {
  /// /sys: what programs read (see `SysTree`).
  static func mountSys(_ root: Dentry) {
    let fs = FileSystem(type: "sysfs", source: "sysfs", magic: FileSystem.SYSFS_MAGIC)
    mount(ProcFixedDirectory(fs, SysTree.entries), at: [UInt8](staticString: "/sys"))
  }
}
