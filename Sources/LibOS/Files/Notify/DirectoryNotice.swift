import EnclaveRuntime
import LinuxABI
import Synchronization

/// One F_NOTIFY of fcntl(2): a signal when something in a directory changes (dnotify).
///
/// It lies in the inode's `InotifyWatches`, guarded by the inode's lock.
final class DirectoryNotice: @unchecked Sendable {
  let owner: FileOwner
  /// The description it belongs to; it ends when that goes.
  let file: UInt
  let fd: Int32
  var mask: UInt32

  static var DN_ACCESS: UInt32 { 1 }
  static var DN_MODIFY: UInt32 { 2 }
  static var DN_CREATE: UInt32 { 4 }
  static var DN_DELETE: UInt32 { 8 }
  static var DN_RENAME: UInt32 { 16 }
  static var DN_ATTRIB: UInt32 { 32 }
  static var DN_MULTISHOT: UInt32 { 1 << 31 }
  static var all: UInt32 { 63 }

  init(_ owner: FileOwner, file: UInt, fd: Int32, mask: UInt32) {
    self.owner = owner
    self.file = file
    self.fd = fd
    self.mask = mask
  }

  /// The bits that stand for an event of a child.
  static func bits(_ events: InotifyEvents, renamedWithin: Bool) -> UInt32 {
    var bits: UInt32 = renamedWithin ? DN_RENAME : 0
    if events.contains(.IN_ACCESS) { bits |= DN_ACCESS }
    if events.contains(.IN_MODIFY) { bits |= DN_MODIFY }
    if !events.isDisjoint(with: [.IN_CREATE, .IN_MOVED_TO]) { bits |= DN_CREATE }
    if !events.isDisjoint(with: [.IN_DELETE, .IN_MOVED_FROM]) { bits |= DN_DELETE }
    if events.contains(.IN_ATTRIB) { bits |= DN_ATTRIB }
    return bits
  }
}

extension File {
  /// F_NOTIFY. Asking again adds bits; asking for none ends it. ENOTDIR: only directories are watched.
  func notify(_ task: Task, _ fd: Int32, _ mask: UInt32) throws(Errno) -> Int {
    guard inode.isDirectory else { throw .ENOTDIR }
    let events = mask & DirectoryNotice.all
    if events == 0 {
      endNotices()
      return 0
    }
    owner.setIfNobody(task.process)
    let id = UInt(bitPattern: ObjectIdentifier(self))
    inode.lock.lock()
    defer { inode.lock.unlock() }
    if inode.watches == nil { inode.watches = InotifyWatches() }
    if let old = inode.watches?.notices.first(where: { $0.file == id }) {
      old.mask |= events | mask & DirectoryNotice.DN_MULTISHOT
      return 0
    }
    inode.watches?.notices.append(
      DirectoryNotice(
        owner, file: id, fd: fd, mask: events | mask & DirectoryNotice.DN_MULTISHOT))
    hasNotices = true
    Inotify.watchCount.add(1, ordering: .sequentiallyConsistent)
    return 0
  }

  /// The description goes, or wants no more.
  func endNotices() {
    let id = UInt(bitPattern: ObjectIdentifier(self))
    inode.lock.lock()
    if let at = inode.watches?.notices.firstIndex(where: { $0.file == id }) {
      inode.watches?.notices.remove(at: at)
      Inotify.watchCount.subtract(1, ordering: .sequentiallyConsistent)
    }
    inode.lock.unlock()
  }
}
