import LinuxABI
import Synchronization

/// A mounted file system (Linux: super_block and its only mount). What is mounted is fixed at start.
class FileSystem: @unchecked Sendable {
  let device: UInt64
  let type: StaticString
  let source: StaticString
  /// `f_type` of statfs(2).
  let magic: UInt64
  let isReadOnly: Bool
  /// Changes are kept beyond the run (a sealed volume).
  let isPersistent: Bool
  /// Absolute path of the mount point; set once, when it is mounted.
  var mountPoint: [UInt8] = []
  let mountId: Int
  /// Most pages that regular files may have here (tmpfs(5), size); 0: no bound of its own.
  let pageLimit: Int
  private let pageCount = Atomic<Int>(0)

  private let nextInode: Atomic<UInt64>
  private static let nextDevice = Atomic<UInt64>(0x20)
  private static let nextMount = Atomic<Int>(20)

  init(
    type: StaticString, source: StaticString, magic: UInt64, isReadOnly: Bool = false,
    isPersistent: Bool = false, pageLimit: Int = 0
  ) {
    self.type = type
    self.source = source
    self.magic = magic
    self.isReadOnly = isReadOnly
    self.isPersistent = isPersistent
    self.pageLimit = pageLimit
    device = DeviceNumber.make(0, Self.nextDevice.add(1, ordering: .relaxed).oldValue)
    mountId = Self.nextMount.add(1, ordering: .relaxed).oldValue
    nextInode = Atomic<UInt64>(2)
  }

  // MARK: Space

  /// Pages of files that nothing below could give again: counted here and for all file systems together.
  func takePages(_ count: Int) {
    TmpfsSpace.take(count)
    pageCount.add(count, ordering: .relaxed)
  }
  func givePages(_ count: Int) {
    if count == 0 { return }
    TmpfsSpace.give(count)
    pageCount.subtract(count, ordering: .relaxed)
  }
  func hasRoom(_ pages: Int) -> Bool { TmpfsSpace.hasRoom(pages) && hasOwnRoom(pages) }
  /// Whether the bound of this file system alone leaves room.
  func hasOwnRoom(_ pages: Int) -> Bool {
    pageLimit == 0 || pageCount.load(ordering: .relaxed) + pages <= pageLimit
  }
  /// For statfs(2): pages in all, and those in use.
  var space: (limit: UInt64, used: UInt64) {
    pageLimit != 0
      ? (UInt64(pageLimit), UInt64(max(0, pageCount.load(ordering: .relaxed))))
      : (
        UInt64(max(0, TmpfsSpace.limit.load(ordering: .relaxed))),
        UInt64(max(0, TmpfsSpace.used.load(ordering: .relaxed)))
      )
  }

  func newInodeNumber() -> UInt64 { nextInode.add(1, ordering: .relaxed).oldValue }

  // MARK: Persistent file systems

  /// What lies below a new file or directory.
  func newLower(mode: UInt32) -> LowerObject? { nil }
  /// An inode is not what it was. Called with its `lock` held.
  func noteChange(_ inode: Inode) {}
  /// An inode without names has lost its last user.
  func inodeIsGone(_ number: UInt64) {}
  /// fsync(2): what changed is on the medium when this returns.
  func commit() throws(Errno) {}

  static let TMPFS_MAGIC: UInt64 = 0x0102_1994
  static let PROC_SUPER_MAGIC: UInt64 = 0x9FA0
  static let SYSFS_MAGIC: UInt64 = 0x6265_6572
  static let DEVPTS_SUPER_MAGIC: UInt64 = 0x1CD1
  static let OVERLAYFS_SUPER_MAGIC: UInt64 = 0x794C_7630
  static let PIPEFS_MAGIC: UInt64 = 0x5049_5045
  static let ANON_INODE_FS_MAGIC: UInt64 = 0x0904_1934
  static let EXT4_SUPER_MAGIC: UInt64 = 0xEF53
}
