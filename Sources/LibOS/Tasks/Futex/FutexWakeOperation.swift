import EnclaveRuntime
import LinuxABI

/// The encoded operation of FUTEX_WAKE_OP: op, comparison, and a 12-bit argument of each (futex(2)).
struct FutexWakeOperation {
  private let op: UInt32
  private let comparison: UInt32
  private let operand: UInt32
  private let comparand: Int32

  /// - Throws: ENOSYS for an unknown operation or comparison.
  init(_ encoded: UInt32) throws(Errno) {
    op = encoded >> 28 & 7
    comparison = encoded >> 24 & 15
    guard op <= 4, comparison <= 5 else { throw .ENOSYS }
    // Both arguments are sign-extended from 12 bits.
    var operand = UInt32(bitPattern: Int32(bitPattern: encoded << 8) >> 20)
    // FUTEX_OP_OPARG_SHIFT: the argument is a bit number; Linux masks a wrong one.
    if encoded >> 28 & 8 != 0 { operand = 1 << (operand & 31) }
    self.operand = operand
    comparand = Int32(bitPattern: encoded << 20) >> 20
  }

  /// Changes the word; its old value, or nil if the memory is not there.
  func apply(_ address: UInt) -> UInt32? {
    guard var old = FutexWordAccess.loadNoFault(address) else { return nil }
    while true {
      let new: UInt32 =
        switch op {
        case 0: operand
        case 1: old &+ operand
        case 2: old | operand
        case 3: old & ~operand
        default: old ^ operand
        }
      guard let seen = FutexWordAccess.exchangeNoFault(address, expected: old, desired: new) else {
        return nil
      }
      if seen == old { return old }
      old = seen
    }
  }

  func compares(_ old: UInt32) -> Bool {
    let old = Int32(bitPattern: old)
    return switch comparison {
    case 0: old == comparand
    case 1: old != comparand
    case 2: old < comparand
    case 3: old <= comparand
    case 4: old > comparand
    default: old >= comparand
    }
  }
}
