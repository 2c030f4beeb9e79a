import EnclaveRuntime
import LinuxABI
import Synchronization

/// One watch: which queue wants to hear what of an inode. `mask` is guarded by the inode's lock.
final class InotifyWatch: @unchecked Sendable {
  let queue: InotifyQueue
  let inode: Inode
  let descriptor: Int32
  var mask: InotifyEvents

  init(_ queue: InotifyQueue, _ inode: Inode, _ descriptor: Int32, _ mask: InotifyEvents) {
    self.queue = queue
    self.inode = inode
    self.descriptor = descriptor
    self.mask = mask
  }
}

/// An inotify instance behind its descriptor: the watches and the events not read yet.
///
/// `lock` guards `events` and `bytes`, and is the innermost: events come in with directory and inode
/// locks released, but a close may happen anywhere. `watchLock` guards `watches` and comes before inode
/// locks. The cycle queue, watch, inode, queue is broken by `close`, when the descriptor goes.
final class InotifyQueue: @unchecked Sendable {
  struct Event {
    var descriptor: Int32
    var mask: InotifyEvents
    var cookie: UInt32
    var name: [UInt8]
    /// `struct inotify_event` with its name, which is padded to whole multiples of the structure.
    var byteCount: Int { 16 + (name.isEmpty ? 0 : (name.count + 1 + 15) & ~15) }
  }

  private let lock = Lock()
  private var events: [Event] = []
  /// Events before this index have been read.
  private var first = 0
  private var byteTotal = 0
  private let watchLock = Lock()
  private var watches: [InotifyWatch] = []
  private var lastDescriptor: Int32 = 0
  let waitQueue = WaitQueue()

  /// max_queued_events and max_user_watches of /proc/sys/fs/inotify.
  static var mostEvents: Int { 16384 }
  static var mostWatches: Int { 65536 }

  // MARK: Watches

  /// inotify_add_watch(2): a new watch, or a new mask for the one there is.
  func watch(_ inode: Inode, _ wanted: InotifyEvents) throws(Errno) -> Int32 {
    watchLock.lock()
    defer { watchLock.unlock() }
    let kept: InotifyEvents = [.all, .IN_ONESHOT, .IN_EXCL_UNLINK]
    let mask = wanted.intersection(kept)
    if let old = find(inode) {
      if wanted.contains(.IN_MASK_CREATE) { throw .EEXIST }
      inode.lock.lock()
      old.mask = wanted.contains(.IN_MASK_ADD) ? old.mask.union(mask) : mask
      inode.lock.unlock()
      return old.descriptor
    }
    guard watches.count < Self.mostWatches, lastDescriptor < .max else { throw .ENOSPC }
    lastDescriptor += 1
    let made = InotifyWatch(self, inode, lastDescriptor, mask)
    watches.append(made)
    inode.lock.lock()
    if inode.watches == nil { inode.watches = InotifyWatches() }
    inode.watches?.list.append(made)
    inode.lock.unlock()
    Inotify.watchCount.add(1, ordering: .sequentiallyConsistent)
    return made.descriptor
  }

  private func find(_ inode: Inode) -> InotifyWatch? {
    inode.lock.lock()
    defer { inode.lock.unlock() }
    guard let list = inode.watches?.list else { return nil }
    for w in list where w.queue === self { return w }
    return nil
  }

  /// inotify_rm_watch(2). The last event of a watch is IN_IGNORED.
  func unwatch(_ descriptor: Int32) throws(Errno) {
    watchLock.lock()
    guard let index = index(of: descriptor) else {
      watchLock.unlock()
      throw .EINVAL
    }
    let gone = watches.remove(at: index)
    detach(gone)
    watchLock.unlock()
    add(Event(descriptor: descriptor, mask: .IN_IGNORED, cookie: 0, name: []))
  }

  /// The same for a watch whose inode has gone or that was for one event only.
  func forget(_ watch: InotifyWatch) {
    do throws(Errno) { try unwatch(watch.descriptor) } catch {}
  }

  /// Watches are in the order of their descriptors.
  private func index(of descriptor: Int32) -> Int? {
    var low = 0
    var high = watches.count
    while low < high {
      let middle = (low + high) / 2
      if watches[middle].descriptor < descriptor { low = middle + 1 } else { high = middle }
    }
    return low < watches.count && watches[low].descriptor == descriptor ? low : nil
  }

  private func detach(_ watch: InotifyWatch) {
    let inode = watch.inode
    inode.lock.lock()
    inode.watches?.list.removeAll { $0 === watch }
    if let left = inode.watches, left.list.isEmpty, left.notices.isEmpty { inode.watches = nil }
    inode.lock.unlock()
    Inotify.watchCount.subtract(1, ordering: .sequentiallyConsistent)
  }

  /// The descriptor has gone, and everything with it.
  func close() {
    watchLock.lock()
    let all = watches
    watches = []
    for w in all { detach(w) }
    watchLock.unlock()
  }

  /// Lines of /proc/PID/fdinfo.
  func describe(_ out: inout [UInt8]) {
    watchLock.lock()
    defer { watchLock.unlock() }
    for w in watches {
      out.append("inotify wd:")
      out.append(hex: UInt(w.descriptor))
      out.append(" ino:")
      out.append(hex: UInt(w.inode.number))
      out.append(" sdev:")
      out.append(hex: UInt(w.inode.fileSystem.device))
      out.append(" mask:")
      out.append(hex: UInt(w.mask.rawValue))
      out.append(" ignored_mask:0\n")
    }
  }

  // MARK: Events

  /// Puts an event at the end. One that says the same as the last is dropped (inotify(7), NOTES).
  func add(_ event: Event) {
    lock.lock()
    let count = events.count - first
    if count > 0, !event.mask.contains(.IN_IGNORED), let last = events.last,
      last.mask == event.mask, last.descriptor == event.descriptor, last.name == event.name
    {
      lock.unlock()
      return
    }
    if count >= Self.mostEvents {
      if let last = events.last, last.mask.contains(.IN_Q_OVERFLOW) {
        lock.unlock()
        return
      }
      append(Event(descriptor: -1, mask: .IN_Q_OVERFLOW, cookie: 0, name: []))
    } else {
      append(event)
    }
    lock.unlock()
    waitQueue.wakeAll(.readable)
  }

  private func append(_ event: Event) {
    events.append(event)
    byteTotal += event.byteCount
  }

  /// Whole events as they fit; nil: there are none yet. EINVAL: not even the first one fits.
  func take(room: Int) throws(Errno) -> [UInt8]? {
    lock.lock()
    defer { lock.unlock() }
    if first == events.count { return nil }
    var out: [UInt8] = []
    while first < events.count {
      let size = events[first].byteCount
      if out.count + size > room { break }
      Self.encode(events[first], &out)
      events[first].name = []
      first += 1
      byteTotal -= size
    }
    if out.isEmpty { throw .EINVAL }
    if first == events.count {
      events.removeAll(keepingCapacity: events.capacity < 256)
      first = 0
    } else if first > 1024 {
      events.removeFirst(first)
      first = 0
    }
    return out
  }

  private static func encode(_ event: Event, _ out: inout [UInt8]) {
    let start = out.count
    out.append(littleEndian: UInt32(bitPattern: event.descriptor))
    out.append(littleEndian: event.mask.rawValue)
    out.append(littleEndian: event.cookie)
    out.append(littleEndian: UInt32(event.byteCount - 16))
    out.append(contentsOf: event.name)
    while out.count - start < event.byteCount { out.append(0) }
  }

  var isEmpty: Bool { lock.withLock { first == events.count } }
  /// FIONREAD.
  var byteCount: Int { lock.withLock { byteTotal } }
}

/// The watches on one inode. Guarded by the inode's lock.
final class InotifyWatches: @unchecked Sendable {
  var list: [InotifyWatch] = []
  /// F_NOTIFY of fcntl(2).
  var notices: [DirectoryNotice] = []
  init() {}
}
