import EnclaveRuntime
import LinuxABI

/// What lies below the overlay: a file, directory or link that the program did not make (overlayfs: lower).
///
/// The tree above holds names and changes; this gives what was there before. Two kinds: `HostObject`
/// (development root, unverified) and `VerifiedObject` (a signed payload).
class LowerObject: @unchecked Sendable {
  var mode: UInt32 = 0
  var nlink: UInt32 = 1
  var uid: UInt32 = 0
  var gid: UInt32 = 0
  /// Bytes of content.
  var size: UInt64 = 0
  /// Inode number.
  var inode: UInt64 = 0
  var rdev: UInt64 = 0
  var mtimeNs: Int64 = 0
  var ctimeNs: Int64 = 0
  var atimeNs: Int64 = 0

  init() {}

  final var isDirectory: Bool { mode & FileMode.S_IFMT == FileMode.S_IFDIR }

  // MARK: Directories

  /// Names that are missing are worth remembering: asking again costs a host call.
  var remembersMissing: Bool { true }
  /// The object of a name; nil: there is none.
  func lookup(_ name: [UInt8]) throws(Errno) -> LowerObject? { throw .ENOTDIR }
  /// Every name: the name, its `d_type` and its inode number (0: not known yet).
  func forEachName(
    _ body: (_ name: [UInt8], _ type: UInt8, _ inode: UInt64) -> Void
  ) throws(Errno) { throw .ENOTDIR }

  // MARK: Content

  /// Blocks of 4096 bytes that the content takes; nil: there are no holes that anybody knows of. Used like `size`.
  final var blockCount: UInt64?
  /// Data from `offset` on, a page's: where they begin, not before `offset`, and the hole behind them; nil: only a hole is
  /// left.
  func extent(from offset: UInt64) throws(Errno) -> (start: UInt64, end: UInt64)? {
    (offset, .max)
  }

  /// Content read for the first time is worth keeping, however large the file is: it was verified.
  var keepsFirstReading: Bool { false }

  /// Content is read in pieces of that many bytes, a power of two from 4096 to 128 KiB.
  var pieceSize: Int { 4096 }
  /// Bytes at `offset`, at most `length`, to `runOffset` of a run; fewer only at the end. `offset` is a
  /// multiple of `pieceSize`, and `length` reaches to the end of a piece or of the file.
  func read(
    offset: UInt64, into run: PageRun, at runOffset: Int, length: Int
  ) throws(Errno) -> Int { throw .EIO }
  /// The other way, for the kinds that take changes: whole pages.
  func write(offset: UInt64, from run: PageRun, at runOffset: Int, length: Int) throws(Errno) {
    throw .EROFS
  }
  /// Content from `size` on is gone, or the file ends in zeros.
  func setSize(_ size: UInt64) throws(Errno) { throw .EROFS }
  func readLink() throws(Errno) -> [UInt8] { throw .EINVAL }
  /// The table of system-call sites that belongs to the file.
  func siteTable() throws(Errno) -> [UInt8]? { nil }

  func makeInode(in fileSystem: FileSystem) -> Inode {
    let inode: Inode
    switch mode & FileMode.S_IFMT {
    case FileMode.S_IFDIR:
      return DirectoryInode(fileSystem, mode: mode, uid: uid, gid: gid, lower: self)
    case FileMode.S_IFREG:
      inode = RegularInode(fileSystem, mode: mode, uid: uid, gid: gid, lower: self)
    case FileMode.S_IFLNK:
      inode = SymlinkInode(fileSystem, lower: self)
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
}
