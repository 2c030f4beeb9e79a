import EnclaveRuntime
import HostInterface
import LinuxABI

/// A directory in memory, with or without a directory of the lower layer behind it.
///
/// This one tree is the overlay: names of the lower layer are looked up once and kept; what the program
/// makes, changes or removes happens here and never reaches it (a removed name stays as a whiteout).
///
/// `tableLock` guards `table`, `isDead` and `isComplete`. It comes before every inode's `lock`. Two of
/// them are taken only by rename (which holds `Namespace.renameLock`, ancestor first) and rmdir (parent first).
final class DirectoryInode: Inode, @unchecked Sendable {
  let tableLock = Lock()
  var table = DirectoryTable()
  /// Names that mean something else than the persistent file system below knows. Guarded by `tableLock`.
  var changedNames: [[UInt8]] = []
  /// Removed: nothing can be made in it any more.
  var isDead = false
  /// The directory behind this one.
  let lower: LowerObject?
  /// A lower directory counts its size in whole blocks; tmpfs has none (stat(2), st_blocks).
  override var blocks: UInt64 { lower == nil ? 0 : (size + 4095) / 4096 * 8 }
  /// Every name of the lower layer is in the table, so a name that is not there does not exist.
  private var isComplete: Bool
  private var misses = 0

  init(
    _ fileSystem: FileSystem, mode: UInt32, uid: UInt32 = 0, gid: UInt32 = 0,
    lower: LowerObject? = nil
  ) {
    let isNew = lower == nil
    let lower = lower ?? fileSystem.newLower(mode: FileMode.S_IFDIR)
    self.lower = lower
    isComplete = isNew
    super.init(
      fileSystem, mode: mode & ~FileMode.S_IFMT | FileMode.S_IFDIR, uid: uid, gid: gid,
      number: lower.map { $0.inode })
    nlink = 2
    if let lower, !isNew {
      nlink = max(2, lower.nlink)
      atimeNs = lower.atimeNs
      mtimeNs = lower.mtimeNs
      ctimeNs = lower.ctimeNs
      btimeNs = lower.ctimeNs
    }
  }

  override var size: UInt64 {
    // tmpfs: BOGO_DIRENT_SIZE (20) for each entry, `.` and `..` included.
    if let lower { return lower.size }
    return UInt64(table.liveCount + 2) * 20
  }
  override var lockedSize: UInt64 { size }

  override func lookup(_ name: Name, in parent: Dentry) throws(Errno) -> Dentry? {
    tableLock.lock()
    defer { tableLock.unlock() }
    return try lockedLookup(name, in: parent)
  }

  /// `lookup` while `tableLock` is held.
  func lockedLookup(_ name: Name, in parent: Dentry) throws(Errno) -> Dentry? {
    if name.count > 255 { throw .ENAMETOOLONG }
    if let index = table.find(name) {
      switch table.state(index) {
      case .present: return table.dentry(index)
      case .negative, .hole: return nil
      case .unloaded: break
      }
    } else if isComplete {
      return nil
    }
    return try load(name, in: parent)
  }

  /// Asks the lower layer. A directory of the host in which names are missed again and again is read as a whole.
  private func load(_ name: Name, in parent: Dentry) throws(Errno) -> Dentry? {
    guard let lower else { return nil }
    let bytes = name.array
    if bytes.count > 255 { throw .ENAMETOOLONG }
    if let object = try lower.lookup(bytes) {
      let dentry = Dentry(object.makeInode(in: fileSystem), name: bytes, parent: parent)
      if let index = table.find(name) {
        table.set(index, .present, dentry: dentry)
      } else {
        table.add(bytes, hash: name.hash, state: .present, dentry: dentry)
      }
      return dentry
    }
    if let index = table.find(name) {
      table.set(index, .negative, dentry: nil)
    } else if lower.remembersMissing {
      misses += 1
      if misses == 3 || table.negativeCount > 4096 { try? loadNames() }
      if !isComplete { table.add(bytes, hash: name.hash, state: .negative, dentry: nil) }
    }
    return nil
  }

  /// Reads the lower directory to its end. `tableLock` is held.
  private func loadNames() throws(Errno) {
    guard let lower, !isComplete else { return }
    try lower.forEachName { (name, type, inode) in
      let n = Name(name)
      if n.isDot || n.isDotDot { return }
      if table.find(n) == nil {
        table.add(name, hash: n.hash, state: .unloaded, type: type, inode: inode, dentry: nil)
      }
    }
    isComplete = true
  }

  override func readDirectory(
    from cookie: UInt64, in dentry: Dentry, _ emit: (DirectoryEntry) -> Bool
  ) throws(Errno) {
    tableLock.lock()
    defer { tableLock.unlock() }
    try loadNames()
    var index = table.index(atCookie: cookie)
    while index < table.entries.count {
      let entry = table.entries[index]
      index += 1
      switch entry.state {
      case .negative, .hole: continue
      case .unloaded:
        // The host's number is not known yet; programs that need it call stat.
        var number = entry.inode
        var type = entry.type
        if type == 0, let d = try lockedLookup(Name(entry.name), in: dentry) {
          number = d.inode.number
          type = d.inode.directoryType
        } else if number == 0 {
          number = UInt64(entry.hash) | 1 << 40
        }
        if !emit(
          DirectoryEntry(name: entry.name, inode: number, type: type, next: entry.cookie + 1))
        {
          return
        }
      case .present:
        guard let d = entry.dentry else { continue }
        if !emit(
          DirectoryEntry(
            name: entry.name, inode: d.inode.number, type: d.inode.directoryType,
            next: entry.cookie + 1))
        {
          return
        }
      }
    }
  }

  // MARK: Changes; `tableLock` is held and the caller has looked the name up.

  func insert(_ dentry: Dentry, hash: UInt32) {
    insert(dentry, name: dentry.name, hash: hash)
  }

  func insert(_ dentry: Dentry, name: [UInt8], hash: UInt32) {
    noteName(name, dentry.inode)
    if let index = table.find(Name(name, 0, name.count, hash: hash)) {
      table.set(index, .present, dentry: dentry)
    } else {
      table.add(name, hash: hash, state: .present, dentry: dentry)
    }
  }

  private func noteName(_ name: [UInt8], _ inode: Inode?) {
    guard isTracked || fileSystem.isPersistent else { return }
    // A mount point is not part of this file system.
    if let inode, inode.fileSystem !== fileSystem { return }
    changedNames.append(name)
    fileSystem.noteChange(self)
    if let inode {
      inode.isTracked = true
      fileSystem.noteChange(inode)
    }
  }

  /// Takes a name away; where the lower layer still has one, it stays known as missing.
  func removeName(_ name: Name) {
    guard let index = table.find(name) else { return }
    noteName(name.array, nil)
    if isComplete { table.remove(index) } else { table.set(index, .negative, dentry: nil) }
  }

  /// No names left. Reads the lower layer's names first.
  func isEmpty() throws(Errno) -> Bool {
    if table.liveCount > 0 { return false }
    try loadNames()
    return table.liveCount == 0
  }

  override func open(_ dentry: Dentry, flags: OpenFlags) throws(Errno) -> File {
    DirectoryFile(dentry, flags: flags)
  }
}

extension [UInt8] {
  func loadLittleEndian64(_ at: Int) -> UInt64 {
    var v: UInt64 = 0
    var i = 8
    while i > 0 {
      i -= 1
      v = v << 8 | UInt64(self[at + i])
    }
    return v
  }
  func loadLittleEndian32(_ at: Int) -> UInt32 {
    var v: UInt32 = 0
    var i = 4
    while i > 0 {
      i -= 1
      v = v << 8 | UInt32(self[at + i])
    }
    return v
  }
}
