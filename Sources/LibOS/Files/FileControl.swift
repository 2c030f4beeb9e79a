import EnclaveRuntime
import LinuxABI
import Synchronization

extension File {
  /// The commands of fcntl(2) that concern the description, not the descriptor.
  func control(
    _ task: Task, _ fd: Int32, _ command: UInt32, _ argument: UInt
  ) throws(Errno) -> Int {
    switch command {
    case Fcntl.F_GETPIPE_SZ:
      guard let end = self as? PipeEnd else { throw .EBADF }
      return end.pipe.size
    case Fcntl.F_SETPIPE_SZ:
      guard let end = self as? PipeEnd else { throw .EBADF }
      return try end.pipe.setSize(Int(UInt32(truncatingIfNeeded: argument)))
    case Fcntl.F_GETOWN:
      let (kind, id) = owner.current
      return kind == .group ? -Int(id) : Int(id)
    case Fcntl.F_SETOWN:
      let id = Int32(truncatingIfNeeded: argument)
      guard id != .min else { throw .EINVAL }
      try setOwner(id < 0 ? .group : .process, id < 0 ? -id : id)
      return 0
    case Fcntl.F_GETSIG: return Int(owner.signal.load(ordering: .relaxed))
    case Fcntl.F_SETSIG:
      guard argument <= 64 else { throw .EINVAL }
      owner.signal.store(Int32(argument), ordering: .relaxed)
      return 0
    case Fcntl.F_GETLK, Fcntl.F_SETLK, Fcntl.F_SETLKW, Fcntl.F_OFD_GETLK, Fcntl.F_OFD_SETLK,
      Fcntl.F_OFD_SETLKW:
      return try task.recordLock(self, fd, command, argument)
    case Fcntl.F_GETOWN_EX:
      let (kind, id) = owner.current
      try UserMemory.write(
        UInt64(UInt32(kind.rawValue)) | UInt64(UInt32(bitPattern: id)) << 32, to: argument)
      return 0
    case Fcntl.F_SETOWN_EX:
      let word = try UserMemory.read(argument, as: UInt64.self)
      guard let kind = FileOwner.Kind(rawValue: Int32(truncatingIfNeeded: word)) else {
        throw .EINVAL
      }
      try setOwner(kind, Int32(truncatingIfNeeded: word >> 32))
      return 0
    case Fcntl.F_GET_SEALS:
      guard let regular = inode as? RegularInode else { throw .EINVAL }
      if let seals = regular.lock.withLock({ regular.seals }) { return Int(seals) }
      // A file of tmpfs counts as sealed against sealing.
      guard regular.isOfTmpfs else { throw .EINVAL }
      return Int(Seals.F_SEAL_SEAL)
    case Fcntl.F_ADD_SEALS: return try addSeals(UInt32(truncatingIfNeeded: argument))
    case Fcntl.F_GETLEASE: return lease()
    case Fcntl.F_SETLEASE:
      try setLease(task, fd, Int(bitPattern: argument))
      return 0
    case Fcntl.F_NOTIFY: return try notify(task, fd, UInt32(truncatingIfNeeded: argument))
    case Fcntl.F_DUPFD_QUERY:
      let other = try task.process.files.get(Int32(truncatingIfNeeded: argument), path: true)
      return other === self ? 1 : 0
    case Fcntl.F_CREATED_QUERY: return wasCreated ? 1 : 0
    case Fcntl.F_GET_RW_HINT:
      try UserMemory.write(UInt64(inode.writeHint), to: argument)
      return 0
    case Fcntl.F_SET_RW_HINT:
      // RWH_WRITE_LIFE_NOT_SET to RWH_WRITE_LIFE_EXTREME: kept, nothing follows from it.
      guard task.fileCredentials.owns(inode) else { throw .EPERM }
      let hint = try UserMemory.read(argument, as: UInt64.self)
      guard hint <= 5 else { throw .EINVAL }
      inode.writeHint = UInt8(hint)
      return 0
    default: throw .EINVAL
    }
  }

  /// ESRCH when there is nobody of that number; 0 takes the owner away.
  private func setOwner(_ kind: FileOwner.Kind, _ id: Int32) throws(Errno) {
    let table = TaskTable.shared
    switch kind {
    case _ where id == 0: break
    case .thread: if table.task(id) == nil { throw .ESRCH }
    case .process:
      if table.process(id) == nil && table.task(id) == nil && Task.current.process.pid != id {
        throw .ESRCH
      }
    case .group: if table.processes(inGroup: id).isEmpty { throw .ESRCH }
    }
    owner.set(kind, id)
  }

  /// memfd_create(2), "File sealing".
  private func addSeals(_ seals: UInt32) throws(Errno) -> Int {
    guard isWritable else { throw .EPERM }
    guard let regular = inode as? RegularInode, seals & ~63 == 0 else { throw .EINVAL }
    regular.writeLock.lock()
    defer { regular.writeLock.unlock() }
    regular.lock.lock()
    defer { regular.lock.unlock() }
    guard let old = regular.seals else { throw regular.isOfTmpfs ? .EPERM : .EINVAL }
    if old & Seals.F_SEAL_SEAL != 0 { throw .EPERM }
    if seals & Seals.F_SEAL_WRITE != 0 && regular.writableMappings > 0 { throw .EBUSY }
    var new = old | seals
    if seals & Seals.F_SEAL_EXEC != 0 && regular.mode & 0o111 != 0 {
      // An executable memfd must not change any more.
      new |=
        Seals.F_SEAL_SHRINK | Seals.F_SEAL_GROW | Seals.F_SEAL_WRITE | Seals.F_SEAL_FUTURE_WRITE
    }
    regular.seals = new
    return 0
  }
}
