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
    default: throw .EINVAL
    }
  }
}
