import EnclaveRuntime
import LinuxABI
import Synchronization

extension Task {
  /// Commands of membarrier(2), each a bit.
  private enum Membarrier {
    static let GLOBAL: UInt32 = 1
    static let GLOBAL_EXPEDITED: UInt32 = 2
    static let REGISTER_GLOBAL_EXPEDITED: UInt32 = 4
    static let PRIVATE_EXPEDITED: UInt32 = 8
    static let REGISTER_PRIVATE_EXPEDITED: UInt32 = 16
    static let PRIVATE_EXPEDITED_SYNC_CORE: UInt32 = 32
    static let REGISTER_PRIVATE_EXPEDITED_SYNC_CORE: UInt32 = 64
    /// Without the rseq kinds: there is no rseq(2).
    static let all: UInt32 = 127
  }

  /// `membarrier(int cmd, unsigned int flags, int cpu_id);`
  ///
  /// - Throws: EINVAL for an unknown command, EPERM for a private one that was not registered.
  func sys_membarrier(_ command: Int32, flags: UInt32) throws(Errno) -> Int {
    guard flags == 0 else { throw .EINVAL }
    if command == 0 { return Int(Membarrier.all) }
    let bit = UInt32(bitPattern: command)
    switch bit {
    case Membarrier.REGISTER_GLOBAL_EXPEDITED, Membarrier.REGISTER_PRIVATE_EXPEDITED,
      Membarrier.REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
      _ = process.barrierRegistered.bitwiseOr(bit, ordering: .relaxed)
      return 0
    case Membarrier.PRIVATE_EXPEDITED, Membarrier.PRIVATE_EXPEDITED_SYNC_CORE:
      // The registration is the next bit.
      guard process.barrierRegistered.load(ordering: .relaxed) & bit << 1 != 0 else { throw .EPERM }
      process.membarrier(from: self)
      return 0
    case Membarrier.GLOBAL, Membarrier.GLOBAL_EXPEDITED:
      for other in TaskTable.shared.allProcesses() { other.membarrier(from: self) }
      return 0
    default: throw .EINVAL
    }
  }
}
