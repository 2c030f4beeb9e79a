import LinuxABI

extension Namespace {
  static func mountProc(_ root: Dentry) {
    let fs = FileSystem(type: "proc", source: "proc", magic: FileSystem.PROC_SUPER_MAGIC)
    mount(ProcRoot(fs), at: [UInt8](staticString: "/proc"))
  }
}
