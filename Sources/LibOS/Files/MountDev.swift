import LinuxABI

extension Namespace {
  /// /dev: the devices every program may expect, pts and shm, and the links to /proc/self/fd.
  static func mountDev(_ root: Dentry) {
    let fs = FileSystem(type: "tmpfs", source: "devtmpfs", magic: FileSystem.TMPFS_MAGIC)
    let dev = DirectoryInode(fs, mode: 0o755)
    mount(dev, at: [UInt8](staticString: "/dev"))
    let devices: [(StaticString, UInt64, UInt64)] = [
      ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9),
      ("tty", 5, 0), ("ptmx", 5, 2),
    ]
    guard let dentry = find("dev", in: root) else { return }
    for (name, major, minor) in devices {
      add(
        SpecialInode(
          fs, mode: FileMode.S_IFCHR | 0o666, rdev: DeviceNumber.make(major, minor)), name,
        in: dentry)
    }
    let links: [(StaticString, StaticString)] = [
      ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
      ("stderr", "/proc/self/fd/2"),
    ]
    for (name, target) in links {
      add(SymlinkInode(fs, target: [UInt8](staticString: target), uid: 0, gid: 0), name, in: dentry)
    }
    addAttestation(fs, in: dentry)
    let shm = FileSystem(type: "tmpfs", source: "shm", magic: FileSystem.TMPFS_MAGIC)
    mount(DirectoryInode(shm, mode: 0o1777), at: [UInt8](staticString: "/dev/shm"))
    let pts = FileSystem(type: "devpts", source: "devpts", magic: FileSystem.DEVPTS_SUPER_MAGIC)
    mount(PtsDirectory(pts), at: [UInt8](staticString: "/dev/pts"))
    unsafe PseudoTerminals.directory = find("pts", in: dentry)
  }

  static func find(_ name: StaticString, in directory: Dentry) -> Dentry? {
    do throws(Errno) { return try directory.inode.lookup(Name(name), in: directory) } catch {
      return nil
    }
  }

  /// Adds a name at start, before anybody else looks.
  @discardableResult
  static func add(_ inode: Inode, _ name: StaticString, in parent: Dentry) -> Dentry {
    let name = Name(name)
    let dentry = Dentry(inode, name: name.array, parent: parent)
    if let directory = parent.inode as? DirectoryInode { directory.insert(dentry, hash: name.hash) }
    return dentry
  }
}
