import EnclaveRuntime
import HostInterface
import LinuxABI

/// An object of the development root as the host described it once (`ObjectStatus`). The host may say
/// what it likes about sizes and owners: such a root is insecure by name. Its words are only bounded.
final class HostObject: @unchecked Sendable {
  let index: UInt64
  let mode: UInt32
  let nlink: UInt32
  let uid: UInt32
  let gid: UInt32
  let size: UInt64
  let inode: UInt64
  let rdev: UInt64
  let mtimeNs: Int64
  let ctimeNs: Int64
  let atimeNs: Int64

  /// A root of a mount: its status is not asked for.
  init(rootIndex: UInt64) {
    index = rootIndex
    mode = FileMode.S_IFDIR | 0o755
    nlink = 2
    uid = 0
    gid = 0
    size = 4096
    inode = 2
    rdev = 0
    let now = Inode.now()
    mtimeNs = now
    ctimeNs = now
    atimeNs = now
  }

  init(status bytes: [UInt8]) {
    guard bytes.count == Int(ObjectStatus.size) else { hostLied("lookup", "status") }
    index = bytes.loadLittleEndian64(0)
    mode = bytes.loadLittleEndian32(8) & 0o177777
    nlink = Swift.max(1, bytes.loadLittleEndian32(12))
    uid = bytes.loadLittleEndian32(16)
    gid = bytes.loadLittleEndian32(20)
    size = bytes.loadLittleEndian64(24)
    inode = bytes.loadLittleEndian64(32)
    rdev = bytes.loadLittleEndian64(48)
    mtimeNs = Int64(bitPattern: bytes.loadLittleEndian64(56))
    ctimeNs = Int64(bitPattern: bytes.loadLittleEndian64(64))
    atimeNs = Int64(bitPattern: bytes.loadLittleEndian64(72))
    guard size < 1 << 62, index < BlockObject.sitesOffset else { hostLied("lookup", "status") }
  }

  static func lookup(directory: UInt64, name: [UInt8]) throws(Errno) -> HostObject {
    HostObject(status: try Host.lookup(directory: directory, name: name))
  }

  func makeInode(in fileSystem: FileSystem) -> Inode {
    let inode: Inode
    switch mode & FileMode.S_IFMT {
    case FileMode.S_IFDIR:
      return DirectoryInode(fileSystem, mode: mode, uid: uid, gid: gid, host: self)
    case FileMode.S_IFREG:
      inode = RegularInode(fileSystem, mode: mode, uid: uid, gid: gid, host: self)
    case FileMode.S_IFLNK:
      inode = SymlinkInode(fileSystem, host: self)
    default:
      inode = SpecialInode(
        fileSystem, mode: mode, uid: uid, gid: gid, rdev: rdev, number: self.inode)
    }
    inode.nlink = nlink
    inode.atimeNs = atimeNs
    inode.mtimeNs = mtimeNs
    inode.ctimeNs = ctimeNs
    inode.btimeNs = ctimeNs
    return inode
  }

  /// A whole small object (a link's target), at most `limit` bytes.
  func readAll(limit: Int) throws(Errno) -> [UInt8] {
    var out: [UInt8] = []
    while out.count < limit {
      let piece = try Host.blockRead(
        object: index, offset: UInt64(out.count), length: min(limit - out.count, 4096))
      if piece.isEmpty { break }
      out.append(contentsOf: piece)
    }
    return out
  }

  func siteTable() throws(Errno) -> [UInt8]? {
    var out: [UInt8] = []
    while out.count < 64 << 20 {
      let piece = try Host.blockRead(
        object: index + BlockObject.sitesOffset, offset: UInt64(out.count),
        length: Host.largestTransfer)
      if piece.isEmpty { break }
      out.append(contentsOf: piece)
    }
    return out.isEmpty ? nil : out
  }
}
