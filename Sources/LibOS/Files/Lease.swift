import EnclaveRuntime
import LinuxABI
import Synchronization

/// Leases (fcntl(2), F_SETLEASE): a holder is told by signal before somebody else opens or truncates the
/// file, who waits until the holder has given way or 45 seconds are over. Guarded by `FileLocks.lock`.
struct Lease {
  /// The description it was taken through.
  let file: UInt
  let owner: FileOwner
  let fd: Int32
  var isWrite: Bool
  /// Being broken: what may stay of it, and until when (CLOCK_MONOTONIC, ns).
  var breaksTo: Kind?
  var deadlineNs: UInt64 = 0

  enum Kind: Int { case read = 0, write, none }

  /// /proc/sys/fs/lease-break-time, in nanoseconds.
  static var breakTimeNs: UInt64 { 45_000_000_000 }
}

extension File {
  /// F_GETLEASE: F_RDLCK, F_WRLCK or F_UNLCK; a broken one answers what it shall become.
  func lease() -> Int {
    guard inode.hasLocks.load(ordering: .acquiring) else { return Lease.Kind.none.rawValue }
    let table = FileLocks.of(inode)
    let id = UInt(bitPattern: ObjectIdentifier(self))
    FileLocks.lock.lock()
    defer { FileLocks.lock.unlock() }
    guard let found = table.leases.first(where: { $0.file == id }) else {
      return Lease.Kind.none.rawValue
    }
    return (found.breaksTo ?? (found.isWrite ? .write : .read)).rawValue
  }

  /// F_SETLEASE. EAGAIN: somebody has the file open in a way that the lease would forbid.
  func setLease(_ task: Task, _ fd: Int32, _ kind: Int) throws(Errno) {
    guard let kind = Lease.Kind(rawValue: kind), let regular = inode as? RegularInode else {
      throw .EINVAL
    }
    let credentials = task.fileCredentials
    guard credentials.isPrivileged || credentials.fsuid == inode.uid else { throw .EACCES }
    let table = FileLocks.of(inode)
    let id = UInt(bitPattern: ObjectIdentifier(self))
    FileLocks.lock.lock()
    defer {
      FileLocks.lock.unlock()
      table.queue.wakeAll()
    }
    let mine = table.leases.firstIndex { $0.file == id }
    if kind == .none {
      guard let mine else { throw .EAGAIN }
      table.leases.remove(at: mine)
      return
    }
    let writers = regular.writerCount.load(ordering: .sequentiallyConsistent)
    let readers = regular.readerCount.load(ordering: .sequentiallyConsistent)
    if kind == .read {
      if writers > 0 { throw .EAGAIN }
    } else if writers != (isWritable ? 1 : 0) || readers != (isWritable ? 0 : 1) {
      throw .EAGAIN
    }
    for other in table.leases where other.file != id {
      if kind == .write || other.isWrite || other.breaksTo != nil { throw .EAGAIN }
    }
    if let mine {
      table.leases[mine].isWrite = kind == .write
      if table.leases[mine].breaksTo == kind { table.leases[mine].breaksTo = nil }
      return
    }
    owner.setIfNobody(task.process)
    mayHoldLocks.store(true, ordering: .relaxed)
    table.leases.append(Lease(file: id, owner: owner, fd: fd, isWrite: kind == .write))
  }
}

extension Inode {
  /// Before an open or a truncate: asks holders of leases to give way. EAGAIN at once if `nonblocking`.
  func breakLeases(forWriting: Bool, nonblocking: Bool) throws(Errno) {
    guard hasLocks.load(ordering: .acquiring) else { return }
    let table = FileLocks.of(self)
    var told: [(FileOwner, Int32)] = []
    FileLocks.lock.lock()
    var deadline: UInt64 = 0
    for i in table.leases.indices where forWriting || table.leases[i].isWrite {
      let wanted: Lease.Kind = forWriting ? .none : .read
      if table.leases[i].breaksTo == nil {
        told.append((table.leases[i].owner, table.leases[i].fd))
        table.leases[i].deadlineNs = Clock.monotonicNs() + Lease.breakTimeNs
        table.leases[i].breaksTo = wanted
      } else if forWriting {
        table.leases[i].breaksTo = wanted
      }
      deadline = max(deadline, table.leases[i].deadlineNs)
    }
    FileLocks.lock.unlock()
    if deadline == 0 { return }
    for (owner, fd) in told { owner.tell(.POLL_MSG, fd: fd) }
    if nonblocking { throw .EAGAIN }
    do throws(Errno) {
      _ = try table.queue.wait(deadlineNs: deadline) { () throws(Errno) -> Bool? in
        FileLocks.lock.lock()
        defer { FileLocks.lock.unlock() }
        for l in table.leases where forWriting || l.isWrite { return nil }
        return true
      }
    } catch {
      guard error == .ETIMEDOUT else { throw error }
      // The holder had its time.
      FileLocks.lock.lock()
      if forWriting {
        table.leases.removeAll()
      } else {
        for i in table.leases.indices {
          table.leases[i].isWrite = false
          table.leases[i].breaksTo = nil
        }
      }
      FileLocks.lock.unlock()
      table.queue.wakeAll()
    }
  }
}
