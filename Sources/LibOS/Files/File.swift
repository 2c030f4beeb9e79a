import EnclaveRuntime
import LinuxABI
import Synchronization

/// An open file description (open(2)): what descriptors refer to, and what dup(2) and fork(2) share.
///
/// When the last reference goes (descriptors and system calls in flight), `deinit` of the subclass
/// closes the thing for good. Subclasses override what their kind can do; the rest answers as Linux does.
class File: @unchecked Sendable {
  let dentry: Dentry
  final var inode: Inode { dentry.inode }
  /// Access mode and creation flags, fixed; F_SETFL changes are in `statusFlags`.
  let isReadable: Bool
  let isWritable: Bool
  /// What F_GETFL answers.
  private let statusWord: Atomic<UInt32>
  /// Guards `offset` over a whole read or write of a file with a position (Linux: f_pos_lock).
  let positionLock = Lock()
  var offset: UInt64 = 0
  /// F_SETOWN, F_SETSIG: who gets SIGIO. Made when first asked for; `ownerLock` guards that.
  final var owner: FileOwner {
    File.ownerLock.lock()
    defer { File.ownerLock.unlock() }
    if let madeOwner { return madeOwner }
    let made = FileOwner()
    madeOwner = made
    return made
  }
  private var madeOwner: FileOwner?
  private static let ownerLock = Lock()
  /// O_ASYNC is in force. Guarded by `FileLocks.lock`.
  var asyncNotice: AsyncNotice?
  /// F_NOTIFY was asked for through this description.
  var hasNotices = false
  /// How many descriptors refer to this description.
  private let descriptorCount = Atomic<Int>(0)
  /// Where epoll(7) watches it. Guarded by `EpollLinks`.
  var epollItems: [EpollItem] = []
  /// open(2) made the file (F_CREATED_QUERY).
  var wasCreated = false
  /// It was opened by name, and inotify(7) was told so.
  var tellsInotify = false
  /// Set when a lock was taken through this description, so that closing looks for it.
  let mayHoldLocks = Atomic<Bool>(false)

  /// O_APPEND, O_ASYNC, O_DIRECT, O_NOATIME, O_NONBLOCK can be changed by F_SETFL.
  static var changeable: OpenFlags { [.O_APPEND, .O_ASYNC, .O_DIRECT, .O_NOATIME, .O_NONBLOCK] }

  init(_ dentry: Dentry, flags: OpenFlags) {
    self.dentry = dentry
    isReadable = flags.isReadable
    isWritable = flags.isWritable
    let kept = flags.subtracting([.O_CREAT, .O_EXCL, .O_NOCTTY, .O_TRUNC, .O_CLOEXEC])
    statusWord = Atomic<UInt32>(kept.rawValue)
  }

  /// For objects without a place in the tree: eventfd, epoll, sockets. `name` as /proc/self/fd shows
  /// it, "anon_inode:[eventfd]".
  convenience init(anonymous name: StaticString, flags: OpenFlags, mode: UInt32 = 0o600) {
    let inode = Inode(Namespace.anonymousFileSystem, mode: mode)
    self.init(Dentry(inode, name: [UInt8](staticString: name), parent: nil), flags: flags)
  }

  deinit {
    if tellsInotify && Inotify.isUsed { Inotify.closed(dentry, written: isWritable) }
    if hasNotices { endNotices() }
    if mayHoldLocks.load(ordering: .relaxed) {
      FileLocks.release(owner: UInt(bitPattern: ObjectIdentifier(self)), of: inode)
    }
  }

  final var statusFlags: OpenFlags { OpenFlags(rawValue: statusWord.load(ordering: .relaxed)) }
  final var isNonblocking: Bool { statusFlags.contains(.O_NONBLOCK) }
  final var isPath: Bool { statusFlags.contains(.O_PATH) }

  final func changeStatusFlags(_ new: OpenFlags) {
    let kept = statusFlags.subtracting(File.changeable)
    statusWord.store(
      kept.union(new.intersection(File.changeable)).rawValue, ordering: .relaxed)
  }

  /// inotify(7): somebody has opened it. O_PATH opens nothing.
  @inline(__always) final func tellOpened() {
    tellsInotify = true
    Inotify.opened(dentry)
  }

  /// A descriptor refers to it from now on (or a message that carries one).
  final func gainDescriptor() { descriptorCount.add(1, ordering: .relaxed) }
  /// One less. With the last it leaves every epoll(7) interest list.
  final func loseDescriptor() {
    if descriptorCount.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
      EpollLinks.forget(self)
      if statusFlags.contains(.O_ASYNC) { setAsync(false, fd: -1) }
    }
  }

  // MARK: What a kind of file can do

  /// The file has a position that read and write move (not a pipe, not a terminal).
  var hasPosition: Bool { false }

  /// Reads at `at`, or at the position (which the caller holds locked), or from the stream.
  func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int { throw .EINVAL }
  func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int { throw .EINVAL }

  /// Without a position: ESPIPE for streams, and nothing at all for the kernel's own objects, such as
  /// eventfd(2) (noop_llseek).
  func seek(_ offset: Int, _ whence: Int32) throws(Errno) -> Int {
    if inode.type == FileMode.S_IFIFO || inode.type == FileMode.S_IFSOCK { throw .ESPIPE }
    return 0
  }

  /// What poll(2) answers now. `waitQueue` is woken when that may have changed; nil: it never does.
  func poll() -> PollEvents { .always }
  var waitQueue: WaitQueue? { nil }
  /// The host stream behind the file, if readiness is only known by asking the host (`Host.poll`).
  var hostStream: UInt64? { nil }
  /// The file has one or may get one (a socket that connects). With a `waitQueue` as well, it is ready when
  /// either side says so.
  var mayHaveHostStream: Bool { hostStream != nil }
  /// What the host's answer means for this file; by default just what it says.
  func hostEvents(_ events: PollEvents) -> PollEvents { events }
  /// For edge-triggered epoll(7) on a host stream; nil: every look at it is news.
  var hostReadiness: HostReadiness? { nil }
  /// epoll(7) refuses files that are always ready (EPERM): regular files and directories.
  var canPoll: Bool { waitQueue != nil || hostStream != nil }

  func stat() -> Stat { inode.stat() }

  func ioctl(_ task: Task, _ request: UInt32, _ argument: UInt) throws(Errno) -> Int {
    throw .ENOTTY
  }

  func readDirectory(_ emit: (DirectoryEntry) -> Bool) throws(Errno) { throw .ENOTDIR }

  func truncate(to size: UInt64) throws(Errno) { throw .EINVAL }
  func fsync() throws(Errno) { throw .EINVAL }
  func fallocate(_ mode: UInt32, _ offset: UInt64, _ length: UInt64) throws(Errno) {
    throw .ENODEV
  }

  /// The descriptor was closed (close(2), dup2(2), exec): POSIX locks of the process go (fcntl(2)).
  final func descriptorClosed(in table: FileTable) {
    if inode.hasLocks.load(ordering: .acquiring) {
      FileLocks.release(owner: UInt(bitPattern: ObjectIdentifier(table)), of: inode)
    }
  }

  /// The inode whose content mmap(2) maps. Throws ENODEV for files that cannot be mapped.
  func mappableInode() throws(Errno) -> Inode { throw .ENODEV }

  /// Lines that fdinfo has beyond `pos`, `flags` and `mnt_id`.
  func describe(_ out: inout [UInt8]) {}
}

/// A file opened with O_PATH: a place in the tree and nothing else.
final class PathFile: File, @unchecked Sendable {}
