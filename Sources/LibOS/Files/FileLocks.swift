import EnclaveRuntime
import LinuxABI
import Synchronization

/// The advisory locks on one inode: record locks of processes (fcntl(2), F_SETLK) and of open file
/// descriptions (F_OFD_SETLK), and whole-file locks (flock(2)). The two families do not see each other.
///
/// `FileLocks.lock`, one for all inodes, guards everything, so that deadlocks of processes can be found
/// (EDEADLK). Lock calls are rare; waiters sleep on their inode's queue.
final class FileLocks: @unchecked Sendable {
  static let lock = Lock()

  /// A locked stretch of bytes, `end` included.
  struct Record {
    var start: UInt64
    var end: UInt64
    var isWrite: Bool
    /// Who has it: a descriptor table (process) or an open file description.
    var owner: UInt
    /// The open file description it was asked for through, for /proc/PID/fdinfo.
    var file: UInt
    /// For F_GETLK; -1 for descriptions.
    var pid: Int32
  }

  private(set) var records: [Record] = []
  private(set) var wholeFile: [(owner: UInt, isExclusive: Bool)] = []
  /// F_SETLEASE.
  var leases: [Lease] = []
  let queue = WaitQueue()

  /// Who waits for whom, for EDEADLK.
  nonisolated(unsafe) private static var waiting: [(waiter: UInt, holder: UInt)] = []

  init() {}

  static func of(_ inode: Inode) -> FileLocks {
    inode.lock.lock()
    defer { inode.lock.unlock() }
    if let table = inode.lockTable { return table }
    let made = FileLocks()
    inode.lockTable = made
    inode.hasLocks.store(true, ordering: .releasing)
    return made
  }

  /// Drops everything that `owner` holds on `inode` (close(2), exit).
  static func release(owner: UInt, of inode: Inode) {
    guard inode.hasLocks.load(ordering: .acquiring) else { return }
    let table = of(inode)
    lock.lock()
    let before = table.records.count + table.wholeFile.count + table.leases.count
    table.records.removeAll { $0.owner == owner }
    table.wholeFile.removeAll { $0.owner == owner }
    table.leases.removeAll { $0.file == owner }
    let changed = table.records.count + table.wholeFile.count + table.leases.count != before
    lock.unlock()
    if changed { table.queue.wakeAll() }
  }

  private func conflict(_ wanted: Record) -> Record? {
    var first: Record?
    for r in records
    where r.owner != wanted.owner && (r.isWrite || wanted.isWrite) && r.start <= wanted.end
      && wanted.start <= r.end
    {
      if let f = first, f.start <= r.start { continue }
      first = r
    }
    return first
  }

  /// F_GETLK: what is in the way.
  func test(_ wanted: Record) -> Record? {
    Self.lock.lock()
    defer { Self.lock.unlock() }
    return conflict(wanted)
  }

  /// F_OFD_GETLK with F_UNLCK: what the asker itself holds in the range.
  func own(_ range: Record) -> Record? {
    Self.lock.lock()
    defer { Self.lock.unlock() }
    return records.first {
      $0.owner == range.owner && $0.start <= range.end && range.start <= $0.end
    }
  }

  /// F_SETLK, F_SETLKW. EAGAIN when something is in the way and `wait` is false.
  func set(_ wanted: Record, wait: Bool, detectDeadlock: Bool) throws(Errno) {
    try queue.wait { () throws(Errno) -> Bool? in
      Self.lock.lock()
      defer { Self.lock.unlock() }
      unsafe Self.waiting.removeAll { $0.waiter == wanted.owner }
      guard let holder = conflict(wanted) else {
        replace(wanted)
        return true
      }
      if !wait { throw .EAGAIN }
      if detectDeadlock {
        if Self.reaches(holder.owner, wanted.owner) { throw .EDEADLOCK }
        unsafe Self.waiting.append((wanted.owner, holder.owner))
      }
      return nil
    } onGiveUp: {
      Self.lock.lock()
      unsafe Self.waiting.removeAll { $0.waiter == wanted.owner }
      Self.lock.unlock()
    }
    queue.wakeAll()
  }

  /// Does `from` wait, over any number of holders, for `target`?
  private static func reaches(_ from: UInt, _ target: UInt) -> Bool {
    var at = from
    for _ in 0..<64 {
      if at == target { return true }
      guard let next = unsafe waiting.first(where: { $0.waiter == at }) else { return false }
      at = next.holder
    }
    return false
  }

  /// Cuts the owner's records out of the range, then adds the new one, merged with its neighbours.
  private func replace(_ wanted: Record) {
    cut(wanted)
    var new = wanted
    records.removeAll { r in
      guard r.owner == new.owner, r.isWrite == new.isWrite else { return false }
      let touches =
        (r.end != .max && r.end + 1 == new.start) || (new.end != .max && new.end + 1 == r.start)
        || (r.start <= new.end && new.start <= r.end)
      if touches {
        new.start = min(new.start, r.start)
        new.end = max(new.end, r.end)
      }
      return touches
    }
    records.append(new)
  }

  private func cut(_ range: Record) {
    var kept: [Record] = []
    kept.reserveCapacity(records.count + 1)
    for r in records {
      guard r.owner == range.owner, r.start <= range.end, range.start <= r.end else {
        kept.append(r)
        continue
      }
      if r.start < range.start {
        var left = r
        left.end = range.start - 1
        kept.append(left)
      }
      if r.end > range.end {
        var right = r
        right.start = range.end + 1
        kept.append(right)
      }
    }
    records = kept
  }

  /// F_UNLCK.
  func unset(_ range: Record) {
    Self.lock.lock()
    cut(range)
    Self.lock.unlock()
    queue.wakeAll()
  }

  /// flock(2). Converting lets the old lock go first, as Linux does.
  func setWhole(owner: UInt, exclusive: Bool, wait: Bool) throws(Errno) {
    Self.lock.lock()
    if let i = wholeFile.firstIndex(where: { $0.owner == owner }) {
      if wholeFile[i].isExclusive == exclusive {
        Self.lock.unlock()
        return
      }
      wholeFile.remove(at: i)
      Self.lock.unlock()
      queue.wakeAll()
    } else {
      Self.lock.unlock()
    }
    _ = try queue.wait { () throws(Errno) -> Bool? in
      Self.lock.lock()
      defer { Self.lock.unlock() }
      for l in wholeFile where l.owner != owner && (l.isExclusive || exclusive) {
        if !wait { throw .EAGAIN }
        return nil
      }
      if !wholeFile.contains(where: { $0.owner == owner }) { wholeFile.append((owner, exclusive)) }
      return true
    }
  }

  func unsetWhole(owner: UInt) {
    Self.lock.lock()
    wholeFile.removeAll { $0.owner == owner }
    Self.lock.unlock()
    queue.wakeAll()
  }
}

extension WaitQueue {
  /// `wait`, with something to do when it ends by an error.
  func wait(
    _ attempt: () throws(Errno) -> Bool?, onGiveUp: () -> Void
  ) throws(Errno) {
    do throws(Errno) { _ = try wait(attempt) } catch {
      onGiveUp()
      throw error
    }
  }
}
