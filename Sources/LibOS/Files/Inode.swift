import EnclaveRuntime
import LinuxABI
import Synchronization

/// A file object (Linux: inode): attributes, and what its kind can do.
///
/// `lock` guards the attributes, and the content's bookkeeping in subclasses. It is never held over a
/// copy from or to user memory, so that a page fault on a mapped file may take it.
class Inode: @unchecked Sendable {
  let fileSystem: FileSystem
  let number: UInt64
  let lock = Lock()
  /// Type and permission bits; the type never changes.
  final var mode: UInt32
  final var uid: UInt32
  final var gid: UInt32
  final var nlink: UInt32 = 1
  final let rdev: UInt64
  /// How long what is written will live, as F_SET_RW_HINT has it.
  final var writeHint: UInt8 = 0
  /// Nanoseconds since the epoch.
  final var atimeNs: Int64
  final var mtimeNs: Int64
  final var ctimeNs: Int64 {
    // Whatever changes an inode sets its change time, so this is where a persistent file system learns of it.
    didSet { if isTracked { fileSystem.noteChange(self) } }
  }
  final var btimeNs: Int64
  /// Extended attributes, the last name first. Guarded by `lock`.
  final var attributes: [ExtendedAttribute] = []
  /// Record locks and flocks, made when first needed. Guarded by `lock`.
  final var lockTable: FileLocks?
  /// `lockTable` was made: closing has to look at it.
  final let hasLocks = Atomic<Bool>(false)
  /// Changes are told to a persistent file system. Set once the inode is complete.
  final var isTracked = false
  /// It is in the file system's list of what changed.
  final let isListed = Atomic<Bool>(false)
  /// inotify watches on this inode. Guarded by `lock`.
  final var watches: InotifyWatches?

  init(
    _ fileSystem: FileSystem, mode: UInt32, uid: UInt32 = 0, gid: UInt32 = 0, rdev: UInt64 = 0,
    number: UInt64? = nil
  ) {
    self.fileSystem = fileSystem
    self.number = number ?? fileSystem.newInodeNumber()
    self.mode = mode
    self.uid = uid
    self.gid = gid
    self.rdev = rdev
    let now = Inode.now()
    atimeNs = now
    mtimeNs = now
    ctimeNs = now
    btimeNs = now
  }

  deinit { if isTracked && nlink == 0 { fileSystem.inodeIsGone(number) } }

  @inline(__always) static func now() -> Int64 { Int64(bitPattern: Clock.realtimeNs()) }

  final var type: UInt32 { mode & FileMode.S_IFMT }
  final var isDirectory: Bool { mode & FileMode.S_IFMT == FileMode.S_IFDIR }
  final var isRegular: Bool { mode & FileMode.S_IFMT == FileMode.S_IFREG }
  final var isSymlink: Bool { mode & FileMode.S_IFMT == FileMode.S_IFLNK }
  /// `d_type` of getdents64(2).
  final var directoryType: UInt8 { UInt8(truncatingIfNeeded: type >> 12) }

  /// Bytes of content.
  var size: UInt64 { 0 }
  /// 512-byte blocks in use. Called with `lock` held.
  var blocks: UInt64 { 0 }
  var blockSize: Int64 { 4096 }

  func stat() -> Stat {
    var s = Stat()
    lock.lock()
    s.mode = mode
    s.uid = uid
    s.gid = gid
    s.nlink = UInt64(nlink)
    s.atime = FileTime(ns: atimeNs)
    s.mtime = FileTime(ns: mtimeNs)
    s.ctime = FileTime(ns: ctimeNs)
    s.blocks = Int64(blocks)
    s.size = Int64(bitPattern: lockedSize)
    lock.unlock()
    s.dev = fileSystem.device
    s.ino = number
    s.rdev = rdev
    s.blksize = blockSize
    return s
  }

  /// `size` while `lock` is held.
  var lockedSize: UInt64 { size }

  // MARK: Directories

  /// The dentry of `name`, nil if there is none.
  func lookup(_ name: Name, in parent: Dentry) throws(Errno) -> Dentry? { throw .ENOTDIR }

  /// Hands out entries from `cookie` on, `emit(name, inode number, d_type, next cookie)`, until it
  /// returns false. Cookies 0 and 1 are `.` and `..`, given by the caller of this method.
  func readDirectory(
    from cookie: UInt64, in dentry: Dentry, _ emit: (DirectoryEntry) -> Bool
  ) throws(Errno) {
    throw .ENOTDIR
  }

  // MARK: Symbolic links

  func readLink(_ task: Task) throws(Errno) -> [UInt8] { throw .EINVAL }
  /// Where a magic link of /proc leads without looking at its text; nil: an ordinary link.
  func magicTarget(_ task: Task) throws(Errno) -> Dentry? { nil }

  // MARK: Opening

  /// A new open file description. Permissions have been checked; O_TRUNC has been done.
  func open(_ dentry: Dentry, flags: OpenFlags) throws(Errno) -> File { throw .ENXIO }

  // MARK: Content

  func truncate(to size: UInt64) throws(Errno) {
    throw isDirectory ? .EISDIR : .EINVAL
  }

  /// Copies file content `offset ..< offset + count` to memory at `address` and fills with zeros past
  /// the end of the file. Returns the number of bytes that came from the file.
  func readPages(offset: UInt64, into address: UInt, count: Int) throws(Errno) -> Int {
    throw .ENODEV
  }

  /// The other way, for shared mappings that write back: never past the end of the file.
  func writePages(offset: UInt64, from address: UInt, count: Int) throws(Errno) -> Int {
    throw .ENODEV
  }

  /// The table of system-call sites that came with the file, nil when it has none (`SiteTable`).
  func siteTable() throws(Errno) -> [UInt8]? { nil }

  // MARK: Times

  /// Access time as `relatime` keeps it (mount(2), MS_RELATIME).
  final func touchAccessTime() {
    let now = Inode.now()
    lock.lock()
    if atimeNs <= mtimeNs || atimeNs <= ctimeNs || now - atimeNs > 86_400_000_000_000 {
      atimeNs = now
    }
    lock.unlock()
  }
  final func touchModification() {
    let now = Inode.now()
    lock.lock()
    mtimeNs = now
    ctimeNs = now
    lock.unlock()
  }
  final func touchChange() {
    let now = Inode.now()
    lock.lock()
    ctimeNs = now
    lock.unlock()
  }
}

/// One entry of a directory as readDirectory hands it out.
struct DirectoryEntry {
  var name: [UInt8]
  var inode: UInt64
  var type: UInt8
  /// Where to go on after this entry.
  var next: UInt64
}

struct ExtendedAttribute {
  var name: [UInt8]
  var value: [UInt8]
}
