import LinuxABI

/// A directory whose names are fixed at start, and stay when root tries to remove them.
final class AttestationDirectory: Inode, @unchecked Sendable {
  /// Changed only before anybody else looks.
  private var entries: [Dentry] = []

  init(_ fileSystem: FileSystem) {
    super.init(fileSystem, mode: FileMode.S_IFDIR | 0o555)
    nlink = 2
  }

  /// Adds a name at start.
  @discardableResult
  func add(_ inode: Inode, _ name: StaticString, in parent: Dentry) -> Dentry {
    let dentry = Dentry(inode, name: [UInt8](staticString: name), parent: parent)
    entries.append(dentry)
    if inode.isDirectory { nlink += 1 }
    return dentry
  }

  override func lookup(_ name: Name, in parent: Dentry) throws(Errno) -> Dentry? {
    let wanted = name.array
    for entry in entries where entry.name == wanted { return entry }
    return nil
  }

  override func readDirectory(
    from cookie: UInt64, in dentry: Dentry, _ emit: (DirectoryEntry) -> Bool
  ) throws(Errno) {
    var index: UInt64 = 2
    for entry in entries {
      if index >= cookie {
        let record = DirectoryEntry(
          name: entry.name, inode: entry.inode.number, type: entry.inode.directoryType,
          next: index + 1)
        if !emit(record) { return }
      }
      index += 1
    }
  }

  override func open(_ dentry: Dentry, flags: OpenFlags) throws(Errno) -> File {
    DirectoryFile(dentry, flags: flags)
  }
}
