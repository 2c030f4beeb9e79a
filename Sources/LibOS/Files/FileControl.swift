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
      guard argument <= 1 << 31 else { throw .EINVAL }
      return try end.pipe.setSize(Int(argument))
    case Fcntl.F_GETOWN: return Int(owner.load(ordering: .relaxed))
    case Fcntl.F_SETOWN:
      owner.store(Int32(truncatingIfNeeded: argument), ordering: .relaxed)
      return 0
    case Fcntl.F_GETSIG: return Int(ownerSignal.load(ordering: .relaxed))
    case Fcntl.F_SETSIG:
      guard argument <= 64 else { throw .EINVAL }
      ownerSignal.store(Int32(argument), ordering: .relaxed)
      return 0
    case Fcntl.F_GETLK, Fcntl.F_SETLK, Fcntl.F_SETLKW, Fcntl.F_OFD_GETLK, Fcntl.F_OFD_SETLK,
      Fcntl.F_OFD_SETLKW:
      return try task.recordLock(self, command, argument)
    case Fcntl.F_GETOWN_EX:
      let value = owner.load(ordering: .relaxed)
      try UserMemory.write(Int32(value < 0 ? 2 : 1), to: argument)
      try UserMemory.write(value < 0 ? -value : value, to: argument &+ 4)
      return 0
    case Fcntl.F_SETOWN_EX:
      let type = try UserMemory.read(argument, as: Int32.self)
      let pid = try UserMemory.read(argument &+ 4, as: Int32.self)
      guard type >= 0, type <= 2 else { throw .EINVAL }
      owner.store(type == 2 ? -pid : pid, ordering: .relaxed)
      return 0
    case Fcntl.F_GET_SEALS:
      guard let regular = inode as? RegularInode else { throw .EINVAL }
      guard let seals = regular.lock.withLock({ regular.seals }) else { throw .EINVAL }
      return Int(seals)
    case Fcntl.F_ADD_SEALS: return try addSeals(UInt32(truncatingIfNeeded: argument))
    case Fcntl.F_GETLEASE: return 2
    case Fcntl.F_SETLEASE: throw .EINVAL
    case Fcntl.F_DUPFD_QUERY:
      let other = try task.process.files.get(Int32(truncatingIfNeeded: argument), path: true)
      return other === self ? 1 : 0
    default: throw .EINVAL
    }
  }

  /// memfd_create(2), "File sealing".
  private func addSeals(_ seals: UInt32) throws(Errno) -> Int {
    guard isWritable else { throw .EPERM }
    guard let regular = inode as? RegularInode, seals & ~63 == 0 else { throw .EINVAL }
    regular.writeLock.lock()
    defer { regular.writeLock.unlock() }
    regular.lock.lock()
    defer { regular.lock.unlock() }
    guard let old = regular.seals else { throw .EINVAL }
    if old & Seals.F_SEAL_SEAL != 0 { throw .EPERM }
    if seals & Seals.F_SEAL_WRITE != 0 && regular.writableMappings > 0 { throw .EBUSY }
    var new = old | seals
    if seals & Seals.F_SEAL_EXEC != 0 && regular.mode & 0o111 != 0 {
      // An executable memfd must not change any more.
      new |= Seals.F_SEAL_SHRINK | Seals.F_SEAL_GROW | Seals.F_SEAL_WRITE | Seals.F_SEAL_FUTURE_WRITE
    }
    regular.seals = new
    return 0
  }
}
