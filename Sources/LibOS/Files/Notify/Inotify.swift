import EnclaveRuntime
import LinuxABI
import Synchronization

/// Where the file system says what happens, for inotify(7). The order of events is that of fsnotify:
/// a directory hears of its children before they hear of themselves.
///
/// Called without directory or inode locks, except where a close happens inside of something else.
/// While nobody watches anything, each of these is one load and a branch.
enum Inotify {
  /// Watches there are in the whole enclave.
  static let watchCount = Atomic<Int>(0)
  private static let nextCookie = Atomic<UInt32>(1)

  @inline(__always) static var isUsed: Bool { watchCount.load(ordering: .relaxed) != 0 }

  // MARK: Names

  static func created(_ parent: Dentry, _ name: Name, isDirectory: Bool) {
    guard isUsed else { return }
    tell(parent.inode, isDirectory ? [.IN_CREATE, .IN_ISDIR] : .IN_CREATE, name: name.array)
  }

  /// link(2): the file has got one more name.
  static func linked(_ inode: Inode) {
    guard isUsed else { return }
    tell(inode, .IN_ATTRIB)
  }

  /// A name has gone. `victim` is let go, so that IN_DELETE_SELF comes now if nobody uses it (d_delete).
  static func removed(_ parent: Dentry, _ name: Name, _ victim: inout Dentry?) {
    guard isUsed else { return }
    let isDirectory = victim?.inode.isDirectory ?? false
    if !isDirectory, let inode = victim?.inode { tell(inode, .IN_ATTRIB) }
    victim = nil
    tell(parent.inode, isDirectory ? [.IN_DELETE, .IN_ISDIR] : .IN_DELETE, name: name.array)
  }

  /// rename(2) has put another file under the name.
  static func replaced(_ victim: Dentry) {
    guard isUsed else { return }
    tell(victim.inode, victim.inode.isDirectory ? [.IN_ATTRIB, .IN_ISDIR] : .IN_ATTRIB)
  }

  /// `replaced`: what was under the new name before hears of it between the two.
  static func moved(
    _ oldParent: Dentry, _ oldName: Name, _ newParent: Dentry, _ newName: Name, _ dentry: Dentry,
    replaced victim: Dentry? = nil
  ) {
    guard isUsed else { return }
    let cookie = nextCookie.add(1, ordering: .relaxed).oldValue
    let kind: InotifyEvents = dentry.inode.isDirectory ? .IN_ISDIR : []
    let within = oldParent.inode === newParent.inode
    tell(
      oldParent.inode, kind.union(.IN_MOVED_FROM), name: oldName.array, cookie: cookie,
      renamedWithin: within)
    tell(
      newParent.inode, kind.union(.IN_MOVED_TO), name: newName.array, cookie: cookie,
      renamedWithin: within)
    if let victim { replaced(victim) }
    tell(dentry.inode, .IN_MOVE_SELF)
  }

  /// The last name and the last user of a file have gone.
  static func deleted(_ inode: Inode) {
    guard isUsed, let watches = watches(of: inode) else { return }
    tell(inode, .IN_DELETE_SELF)
    for w in watches { w.queue.forget(w) }
  }

  // MARK: Content and attributes

  static func modified(_ dentry: Dentry) {
    if isUsed { tellBoth(dentry, .IN_MODIFY) }
  }
  static func accessed(_ dentry: Dentry) {
    if isUsed { tellBoth(dentry, .IN_ACCESS) }
  }
  static func attributesChanged(_ dentry: Dentry) {
    if isUsed { tellBoth(dentry, .IN_ATTRIB) }
  }
  static func opened(_ dentry: Dentry) {
    if isUsed { tellBoth(dentry, .IN_OPEN) }
  }
  static func closed(_ dentry: Dentry, written: Bool) {
    if isUsed { tellBoth(dentry, written ? .IN_CLOSE_WRITE : .IN_CLOSE_NOWRITE) }
  }

  // MARK: Delivery

  /// F_NOTIFY: the signals for a change in a directory.
  private static func signal(_ inode: Inode, _ events: InotifyEvents, _ renamedWithin: Bool) {
    let bits = DirectoryNotice.bits(events, renamedWithin: renamedWithin)
    var told: [DirectoryNotice] = []
    inode.lock.lock()
    if let watches = inode.watches, !watches.notices.isEmpty {
      told = watches.notices.filter { $0.mask & bits != 0 }
      watches.notices.removeAll {
        let ends = $0.mask & bits != 0 && $0.mask & DirectoryNotice.DN_MULTISHOT == 0
        if ends { watchCount.subtract(1, ordering: .sequentiallyConsistent) }
        return ends
      }
    }
    inode.lock.unlock()
    for notice in told { notice.owner.tell(.POLL_MSG, fd: notice.fd) }
  }

  private static func watches(of inode: Inode) -> [InotifyWatch]? {
    inode.lock.lock()
    defer { inode.lock.unlock() }
    return inode.watches?.list
  }

  /// The parent, with the name, then the file itself.
  private static func tellBoth(_ dentry: Dentry, _ event: InotifyEvents) {
    let inode = dentry.inode
    let events: InotifyEvents = inode.isDirectory ? event.union(.IN_ISDIR) : event
    let (parent, name, isGone) = Namespace.lock.withLock {
      (dentry.parent, dentry.name, dentry.isDeleted)
    }
    if let parent { tell(parent.inode, events, name: name, unlinked: isGone) }
    tell(inode, events)
  }

  private static func tell(
    _ inode: Inode, _ events: InotifyEvents, name: [UInt8] = [], cookie: UInt32 = 0,
    unlinked: Bool = false, renamedWithin: Bool = false
  ) {
    if !name.isEmpty { signal(inode, events, renamedWithin) }
    guard let list = watches(of: inode) else { return }
    for w in list where !w.mask.isDisjoint(with: events.intersection(.all)) {
      if unlinked && w.mask.contains(.IN_EXCL_UNLINK) { continue }
      w.queue.add(
        InotifyQueue.Event(
          descriptor: w.descriptor, mask: events.intersection(.told), cookie: cookie, name: name))
      if w.mask.contains(.IN_ONESHOT) { w.queue.forget(w) }
    }
  }
}
