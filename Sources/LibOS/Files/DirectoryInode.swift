import EnclaveRuntime
import HostInterface
import LinuxABI

/// A directory in memory, with or without a directory of the development root behind it.
///
/// This one tree is the overlay: names of the host are looked up once and kept, positive and negative;
/// what the program makes, changes or removes happens here and never reaches the host.
///
/// `tableLock` guards `table`, `isDead` and `isComplete`. It comes before every inode's `lock`. Two of
/// them are taken only by rename (which holds `Namespace.renameLock`, ancestor first) and rmdir (parent first).
final class DirectoryInode: Inode, @unchecked Sendable {
  let tableLock = Lock()
  var table = DirectoryTable()
  /// Removed: nothing can be made in it any more.
  var isDead = false
  /// The host's directory behind this one.
  let host: HostObject?
  /// A host directory counts its size in whole blocks; tmpfs has none (stat(2), st_blocks).
  override var blocks: UInt64 { host == nil ? 0 : (size + 4095) / 4096 * 8 }
  /// Every name of the host is in the table, so a name that is not there does not exist.
  private var isComplete: Bool
  private var misses = 0

  init(
    _ fileSystem: FileSystem, mode: UInt32, uid: UInt32 = 0, gid: UInt32 = 0,
    host: HostObject? = nil
  ) {
    self.host = host
    isComplete = host == nil
    super.init(
      fileSystem, mode: mode & ~FileMode.S_IFMT | FileMode.S_IFDIR, uid: uid, gid: gid,
      number: host.map { $0.inode })
    nlink = 2
    if let host {
      nlink = max(2, host.nlink)
      atimeNs = host.atimeNs
      mtimeNs = host.mtimeNs
      ctimeNs = host.ctimeNs
      btimeNs = host.ctimeNs
    }
  }

  override var size: UInt64 {
    // tmpfs: BOGO_DIRENT_SIZE (20) for each entry, `.` and `..` included.
    if let host { return host.size }
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

  /// Asks the host. A directory in which names are missed again and again is read as a whole.
  private func load(_ name: Name, in parent: Dentry) throws(Errno) -> Dentry? {
    guard let host else { return nil }
    let bytes = name.array
    if bytes.count > 255 { throw .ENAMETOOLONG }
    do throws(Errno) {
      let object = try HostObject.lookup(directory: host.index, name: bytes)
      let dentry = Dentry(object.makeInode(in: fileSystem), name: bytes, parent: parent)
      if let index = table.find(name) {
        table.set(index, .present, dentry: dentry)
      } else {
        table.add(bytes, hash: name.hash, state: .present, dentry: dentry)
      }
      return dentry
    } catch {
      guard error == .ENOENT || error == .ENOTDIR else { throw error }
      if let index = table.find(name) {
        table.set(index, .negative, dentry: nil)
      } else {
        misses += 1
        if misses == 3 || table.negativeCount > 4096 { try? loadNames() }
        if !isComplete { table.add(bytes, hash: name.hash, state: .negative, dentry: nil) }
      }
      return nil
    }
  }

  /// Reads the host's directory to its end. `tableLock` is held.
  private func loadNames() throws(Errno) {
    guard let host, !isComplete else { return }
    var cookie: UInt64 = 0
    var total = 0
    while true {
      let bytes = try Host.readdir(directory: host.index, cookie: cookie)
      if bytes.isEmpty { break }
      var at = 0
      while at < bytes.count {
        // {nextCookie u64, type u8, nameLength u8, name}
        guard bytes.count - at >= 10 else { hostLied("readdir", "entry") }
        let length = Int(bytes[at + 9])
        guard length > 0, bytes.count - at - 10 >= length else { hostLied("readdir", "name") }
        cookie = bytes.loadLittleEndian64(at)
        let type = bytes[at + 8]
        let name = [UInt8](bytes[(at + 10)..<(at + 10 + length)])
        at += 10 + length
        for b in name where b == 0 || b == 0x2F { hostLied("readdir", "name") }
        let n = Name(name)
        if n.isDot || n.isDotDot { continue }
        if table.find(n) == nil {
          table.add(name, hash: n.hash, state: .unloaded, type: type, dentry: nil)
        }
      }
      total += 1
      // A host that never ends its listing is not waited for.
      if total > 4096 { throw .EIO }
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
        // The number is not known yet; programs that need it call stat.
        var number: UInt64 = 1
        var type = entry.type
        if type == 0, let d = try lockedLookup(Name(entry.name), in: dentry) {
          number = d.inode.number
          type = d.inode.directoryType
        } else {
          number = UInt64(entry.hash) | 1 << 40
        }
        if !emit(DirectoryEntry(name: entry.name, inode: number, type: type, next: entry.cookie + 1))
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
    if let index = table.find(Name(name, 0, name.count, hash: hash)) {
      table.set(index, .present, dentry: dentry)
    } else {
      table.add(name, hash: hash, state: .present, dentry: dentry)
    }
  }

  /// Takes a name away; where the host still has one behind it, it stays known as missing.
  func removeName(_ name: Name) {
    guard let index = table.find(name) else { return }
    if isComplete { table.remove(index) } else { table.set(index, .negative, dentry: nil) }
  }

  /// No names left. Reads the host's names first.
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
