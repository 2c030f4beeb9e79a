import EnclaveRuntime
import LinuxABI
import SealedVolume
import Synchronization

/// A mounted sealed volume (Docs/Volume.md).
///
/// The tree in memory has Linux's semantics, as for every other file system here; this keeps the volume in step with it.
/// What changed is noted (`noteChange`, `noteName`) and handed down by `commit`, which fsync(2), sync(2) and the
/// end of the run call, and which is atomic. Content goes down earlier, when a file is closed or has much of it dirty,
/// so that memory stays bounded; it counts with the next commit.
///
/// Locks: `commitLock` (one commit at a time), then directories and inodes, then `volumeLock` (the volume itself), then
/// the host channel. `listLock` guards the lists of what changed and is held for a few instructions.
final class VolumeFileSystem: FileSystem, @unchecked Sendable {
  private let volume: SealedVolume
  private let volumeLock = Lock()
  private let commitLock = Lock()
  private let listLock = Lock()
  private var changed: [Inode] = []
  /// Inodes whose last name and last user are gone.
  private var gone: [UInt64] = []
  /// The first damage that was met, for the log: once.
  private let hasComplained = Atomic<Bool>(false)

  static let CLOISTER_MAGIC: UInt64 = 0x434C_564F

  /// Its place in the measured configuration; nil: it is a job's input or output, and the host is told nothing of its
  /// states.
  private let index: Int?
  /// The last commit that the host was told of. Guarded by `commitLock`.
  private var publishedSequence: UInt64 = 0

  init(_ volume: SealedVolume, index: Int?) {
    self.volume = volume
    self.index = index
    super.init(
      type: "cloister", source: "volume", magic: Self.CLOISTER_MAGIC, isReadOnly: volume.isReadOnly,
      isPersistent: !volume.isReadOnly)
  }

  /// Runs `body` with the volume to itself.
  func withVolume<R>(_ body: (SealedVolume) throws(VolumeError) -> R) throws(Errno) -> R {
    volumeLock.lock()
    defer { volumeLock.unlock() }
    do throws(VolumeError) { return try body(volume) } catch { throw errno(error) }
  }

  private func errno(_ error: VolumeError) -> Errno {
    switch error {
    case .noSpace: return .ENOSPC
    case .noMemory: return .ENOMEM
    case .readOnly: return .EROFS
    case .notFound: return .ENOENT
    case .nameTooLong: return .ENAMETOOLONG
    case .fileTooLarge: return .EFBIG
    case .damaged, .io:
      if !hasComplained.exchange(true, ordering: .relaxed) {
        VolumeMessages.complain(mountPoint, error)
      }
      JobDamage.stop(
        index != nil
          ? "a volume is not what was sealed; there is no result"
          : isPersistent
            ? "the output was changed while it was written; there is no result"
            : "the input is not the one that its owner sealed; there is no result")
      return .EIO
    default: return .EIO
    }
  }

  // MARK: New files

  override func newInodeNumber() -> UInt64 {
    if !isPersistent { return super.newInodeNumber() }
    // Mounting has prepared the volume for writing: nothing but counting is left to do.
    guard let number = try? withVolume({ (v) throws(VolumeError) in try v.allocateInode() }) else {
      panic("no inode number")
    }
    return number
  }

  override func newLower(mode: UInt32) -> LowerObject? {
    if !isPersistent { return nil }
    let node = VolumeNode(self, newInodeNumber(), nil)
    if mode & FileMode.S_IFMT == FileMode.S_IFDIR { node.size = 4096 }
    return node
  }

  /// `volumeLock` held: a new file's record, before content can go below it. The commit fills in the rest; should it never
  /// come, the file has no name and no links, and is given back.
  func ensureRecord(_ number: UInt64, mode: UInt32) throws(VolumeError) {
    if try volume.inode(number) != nil { return }
    var record = VolumeInode()
    record.mode = mode
    record.nlink = 0
    try volume.setInode(number, record)
  }

  // MARK: What changed

  override func noteChange(_ inode: Inode) {
    if inode.isListed.exchange(true, ordering: .acquiringAndReleasing) { return }
    listLock.lock()
    changed.append(inode)
    listLock.unlock()
  }

  override func inodeIsGone(_ number: UInt64) {
    listLock.lock()
    gone.append(number)
    listLock.unlock()
  }

  // MARK: Committing

  override func commit() throws(Errno) {
    guard isPersistent else { return }
    commitLock.lock()
    defer { commitLock.unlock() }
    // What changes while the first round hands down belongs to the same commit, so that names and files agree.
    var round = 0
    while round < 4 {
      listLock.lock()
      let list = changed
      let dead = gone
      changed = []
      gone = []
      listLock.unlock()
      if list.isEmpty && dead.isEmpty { break }
      for number in dead {
        try withVolume { (v) throws(VolumeError) in
          if try v.inode(number) != nil { try v.freeInode(number) }
        }
      }
      for (i, inode) in list.enumerated() {
        inode.isListed.store(false, ordering: .releasing)
        do throws(Errno) { try handDown(inode) } catch {
          // It stays to be done.
          for rest in list[i...] { noteChange(rest) }
          throw error
        }
      }
      round += 1
    }
    try withVolume { (v) throws(VolumeError) in try v.commit() }
    publishRoot()
  }

  /// `commitLock` held, or nobody else there yet: lets the user keep the root.
  func publishRoot() {
    guard let index, let root = try? withVolume({ (v) throws(VolumeError) in v.root }),
      root.sequence != publishedSequence
    else { return }
    publishedSequence = root.sequence
    HostVolume.publish(root, index: index)
  }

  /// The last commit: nothing is written or committed after it. Returns the state that stays.
  func commitForGood() throws(Errno) -> (root: VolumeRoot, superblock: [UInt8]) {
    try commit()
    // Both are kept: whoever else still writes waits until the enclave has ended.
    commitLock.lock()
    volumeLock.lock()
    // What others wrote since belongs to no state, but is not left behind half either.
    do throws(VolumeError) { try volume.settle() } catch { throw errno(error) }
    return (volume.root, volume.superblock)
  }

  private func handDown(_ inode: Inode) throws(Errno) {
    if let regular = inode as? RegularInode { try regular.writeBackAll() }
    inode.lock.lock()
    var record = VolumeInode()
    record.mode = inode.mode
    record.nlink = inode.nlink
    record.uid = inode.uid
    record.gid = inode.gid
    record.rdev = inode.rdev
    record.atimeNs = inode.atimeNs
    record.mtimeNs = inode.mtimeNs
    record.ctimeNs = inode.ctimeNs
    record.btimeNs = inode.btimeNs
    let attributes = inode.attributes
    inode.lock.unlock()
    try withVolume { (v) throws(VolumeError) in try v.setInode(inode.number, record) }
    if let link = inode as? SymlinkInode, let target = link.newTarget {
      try withVolume { (v) throws(VolumeError) in
        if try v.inode(inode.number)?.size == 0 { try v.replaceAll(inode.number, target) }
      }
    }
    try writeAttributes(inode.number, attributes)
    if let directory = inode as? DirectoryInode { try handDownNames(directory) }
  }

  private func handDownNames(_ directory: DirectoryInode) throws(Errno) {
    directory.tableLock.lock()
    defer { directory.tableLock.unlock() }
    let names = directory.changedNames
    var done = 0
    // What could not be handed down is still to be.
    defer { directory.changedNames.removeFirst(done) }
    for bytes in names {
      let name = Name(bytes)
      var target: Inode?
      if let index = directory.table.find(name), directory.table.state(index) == .present {
        target = directory.table.dentry(index)?.inode
      }
      try withVolume { (v) throws(VolumeError) in
        if let target {
          // A name never leads to nothing, even when its file's own turn comes later.
          try ensureRecord(target.number, mode: target.mode)
          try v.setEntry(
            directory.number,
            VolumeEntry(name: bytes, inode: target.number, type: target.directoryType))
        } else {
          try v.removeEntry(directory.number, bytes)
        }
      }
      done += 1
    }
  }

  // MARK: Extended attributes

  static func attributes(
    of number: UInt64, in volume: SealedVolume
  ) throws(VolumeError) -> [ExtendedAttribute] {
    var out: [ExtendedAttribute] = []
    for a in try volume.attributes(of: number) {
      out.append(ExtendedAttribute(name: a.name, value: a.value))
    }
    return out
  }

  private func writeAttributes(_ number: UInt64, _ list: [ExtendedAttribute]) throws(Errno) {
    var new: [VolumeAttribute] = []
    for a in list { new.append(VolumeAttribute(name: a.name, value: a.value)) }
    try withVolume { (v) throws(VolumeError) in try v.setAttributes(number, new) }
  }

  /// The root directory.
  var rootNode: VolumeNode? { node(VolumeFormat.rootInode) }

  /// A file by its number; nil: there is none, or it cannot be read.
  func node(_ number: UInt64) -> VolumeNode? {
    let found = try? withVolume { (v) throws(VolumeError) -> VolumeNode? in
      guard let record = try v.inode(number) else { return nil }
      return VolumeNode(
        self, number, record, attributes: try Self.attributes(of: number, in: v))
    }
    return found ?? nil
  }
}

extension VolumeError {
  /// `text`, with the numbers that help.
  var sentence: [UInt8] {
    var out = KernelLog.bytes(text)
    if case .rolledBack(let found, let expected) = self {
      out += KernelLog.bytes(" (commit ") + KernelLog.decimal(Int(truncatingIfNeeded: found))
      out += KernelLog.bytes(" is there, commit ")
      out += KernelLog.decimal(Int(truncatingIfNeeded: expected))
      out += KernelLog.bytes(" was expected)")
    }
    return out
  }
}

/// Lines that say what is wrong with a volume. The host knows its mount point, and did the damage.
enum VolumeMessages {
  static func complain(_ path: [UInt8], _ error: VolumeError) {
    Host.log(
      KernelLog.bytes("cloister: volume ") + path + KernelLog.bytes(": ")
        + error.sentence + [0x0A])
  }
}
