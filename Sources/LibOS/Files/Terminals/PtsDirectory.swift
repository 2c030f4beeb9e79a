import EnclaveRuntime
import LinuxABI

/// /dev/pts: the slaves that exist, and ptmx.
final class PtsDirectory: ProcDirectory, @unchecked Sendable {
  private let ptmx: SpecialInode

  init(_ fileSystem: FileSystem) {
    ptmx = SpecialInode(
      fileSystem, mode: FileMode.S_IFCHR | 0o666, rdev: DeviceNumber.make(5, 2), number: 2)
    super.init(fileSystem, mode: 0o755)
  }

  /// The slaves' inodes: ownership and times stay as long as the terminal does. Guarded by `lock`.
  private var slaves: [(terminal: PseudoTerminal, inode: SlaveInode)] = []

  override func find(_ name: Name) -> Inode? {
    if name.matches("ptmx") { return ptmx }
    guard let number = name.number, let terminal = PseudoTerminals.find(number) else { return nil }
    return slave(terminal)
  }

  private func slave(_ terminal: PseudoTerminal) -> SlaveInode {
    lock.lock()
    defer { lock.unlock() }
    slaves.removeAll { $0.terminal.isHungUp }
    if let known = slaves.first(where: { $0.terminal === terminal }) { return known.inode }
    let credentials = Task.current.fileCredentials
    let made = SlaveInode(
      terminal, fileSystem, mode: FileMode.S_IFCHR | 0o620, uid: credentials.fsuid, gid: 5)
    slaves.append((terminal, made))
    return made
  }

  override func names() -> [(name: [UInt8], type: UInt8)] {
    var out: [(name: [UInt8], type: UInt8)] = [([UInt8](staticString: "ptmx"), 2)]
    for n in PseudoTerminals.numbers {
      var name: [UInt8] = []
      name.append(decimal: n)
      out.append((name, 2))
    }
    return out
  }

  static func dentry(_ number: Int) throws(Errno) -> Dentry {
    guard let directory = unsafe PseudoTerminals.directory else { throw .EIO }
    var name: [UInt8] = []
    name.append(decimal: number)
    guard let found = try directory.inode.lookup(Name(name), in: directory) else { throw .EIO }
    return found
  }
}

/// The node of a slave.
final class SlaveInode: Inode, @unchecked Sendable {
  private let terminal: PseudoTerminal

  init(_ terminal: PseudoTerminal, _ fs: FileSystem, mode: UInt32, uid: UInt32, gid: UInt32) {
    self.terminal = terminal
    super.init(
      fs, mode: mode, uid: uid, gid: gid,
      rdev: DeviceNumber.make(136 + UInt64(terminal.number >> 8), UInt64(terminal.number & 255)),
      number: UInt64(terminal.number + 3))
  }

  override func open(_ dentry: Dentry, flags: OpenFlags) throws(Errno) -> File {
    try PseudoTerminalSlave.open(terminal, Task.current, flags: flags, dentry: dentry)
  }
}
