import EnclaveRuntime
import HostInterface
import LinuxABI

/// An object of the development root as the host described it once (`ObjectStatus`). The host may say
/// what it likes about sizes and owners: such a root is insecure by name. Its words are only bounded.
final class HostObject: LowerObject, @unchecked Sendable {
  let index: UInt64
  private var device: UInt64 = 0

  /// A root of a mount: its status is not asked for.
  init(rootIndex: UInt64) {
    index = rootIndex
    super.init()
    mode = FileMode.S_IFDIR | 0o755
    nlink = 2
    size = 4096
    inode = 2
    let now = Inode.now()
    mtimeNs = now
    ctimeNs = now
    atimeNs = now
  }

  init(status bytes: [UInt8]) {
    guard bytes.count == Int(ObjectStatus.size) else { hostLied("lookup", "status") }
    index = bytes.loadLittleEndian64(0)
    super.init()
    mode = bytes.loadLittleEndian32(8) & 0o177777
    nlink = Swift.max(1, bytes.loadLittleEndian32(12))
    uid = bytes.loadLittleEndian32(16)
    gid = bytes.loadLittleEndian32(20)
    size = bytes.loadLittleEndian64(24)
    inode = bytes.loadLittleEndian64(32)
    device = bytes.loadLittleEndian64(40)
    rdev = bytes.loadLittleEndian64(48)
    mtimeNs = Int64(bitPattern: bytes.loadLittleEndian64(56))
    ctimeNs = Int64(bitPattern: bytes.loadLittleEndian64(64))
    atimeNs = Int64(bitPattern: bytes.loadLittleEndian64(72))
    guard size < 1 << 62, index < BlockObject.sitesOffset else { hostLied("lookup", "status") }
  }

  override func lookup(_ name: [UInt8]) throws(Errno) -> LowerObject? {
    do throws(Errno) {
      return HostObject(status: try Host.lookup(directory: index, name: name))
    } catch {
      if error == .ENOENT || error == .ENOTDIR { return nil }
      throw error
    }
  }

  override func forEachName(
    _ body: (_ name: [UInt8], _ type: UInt8, _ inode: UInt64) -> Void
  ) throws(Errno) {
    var cookie: UInt64 = 0
    var total = 0
    while true {
      let bytes = try Host.readdir(directory: index, cookie: cookie)
      if bytes.isEmpty { return }
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
        body(name, type, 0)
      }
      total += 1
      // A host that never ends its listing is not waited for.
      if total > 4096 { throw .EIO }
    }
  }

  override func makeInode(in fileSystem: FileSystem) -> Inode {
    guard nlink > 1, mode & FileMode.S_IFMT == FileMode.S_IFREG else {
      return super.makeInode(in: fileSystem)
    }
    let key = HostLinks.Key(
      fileSystem: ObjectIdentifier(fileSystem), device: device, inode: inode)
    return HostLinks.inode(key) { super.makeInode(in: fileSystem) }
  }

  override func read(
    offset: UInt64, into run: PageRun, at runOffset: Int, length: Int
  ) throws(Errno) -> Int {
    var done = 0
    while done < length {
      let n = try Host.blockRead(
        object: index, offset: offset + UInt64(done), into: run, at: runOffset + done,
        length: length - done)
      // A file that has become shorter on the host ends in zeros.
      if n == 0 { break }
      TransferCount.fetched(n)
      done += n
    }
    return done
  }

  override func readLink() throws(Errno) -> [UInt8] {
    let bytes = try readAll(limit: 4095)
    for b in bytes where b == 0 { hostLied("blockRead", "link") }
    return bytes
  }

  /// A whole small object (a link's target), at most `limit` bytes.
  private func readAll(limit: Int) throws(Errno) -> [UInt8] {
    var out: [UInt8] = []
    while out.count < limit {
      let piece = try Host.blockRead(
        object: index, offset: UInt64(out.count), length: min(limit - out.count, 4096))
      if piece.isEmpty { break }
      out.append(contentsOf: piece)
    }
    return out
  }

  override func siteTable() throws(Errno) -> [UInt8]? {
    var out: [UInt8] = []
    while out.count < 64 << 20 {
      let piece = try Host.blockRead(
        object: index + BlockObject.sitesOffset, offset: UInt64(out.count),
        length: Host.largestTransfer)
      out.append(contentsOf: piece)
      if piece.count < Host.largestTransfer { break }
    }
    return out.isEmpty ? nil : out
  }
}

/// Files of development roots that have several names: one inode for all of them, so that what is written through one
/// name is read through the others (overlayfs does so with `index=on`).
private enum HostLinks {
  struct Key: Hashable {
    var fileSystem: ObjectIdentifier
    var device: UInt64
    var inode: UInt64
  }

  /// Guards the table.
  private static let lock = Lock()
  nonisolated(unsafe) private static var table: [Key: Inode] = [:]

  static func inode(_ key: Key, _ make: () -> Inode) -> Inode {
    lock.lock()
    defer { lock.unlock() }
    if let known = unsafe table[key] { return known }
    let made = make()
    unsafe table[key] = made
    return made
  }
}
