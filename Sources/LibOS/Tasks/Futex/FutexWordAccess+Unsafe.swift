import CEnclave
import EnclaveRuntime
import LinuxABI

/// Atomic access to futex words. The address was checked to be an aligned word of user space.
enum FutexWordAccess {
  /// nil: the page is not there (or may not be read). Does not bring it in, so it may run under a lock.
  static func loadNoFault(_ address: UInt) -> UInt32? {
    var value: UInt32 = 0
    // SAFETY: a user address; the routine survives faults.
    let failed = unsafe cl_load_user32(UnsafePointer<UInt32>(bitPattern: address)!, &value)
    return failed == 0 ? value : nil
  }

  /// Compare and exchange; the value found, or nil if the page is not there.
  static func exchangeNoFault(_ address: UInt, expected: UInt32, desired: UInt32) -> UInt32? {
    var expected = expected
    // SAFETY: as above.
    let failed = unsafe cl_cas_user32(
      UnsafeMutablePointer<UInt32>(bitPattern: address)!, &expected, desired)
    return failed == 0 ? expected : nil
  }

  static func load(_ address: UInt) throws(Errno) -> UInt32 {
    while true {
      if let value = loadNoFault(address) { return value }
      _ = try UserMemory.read(address, as: UInt32.self)
    }
  }

  /// Compare and exchange that brings the page in. The value found.
  static func exchange(_ address: UInt, expected: UInt32, desired: UInt32) throws(Errno) -> UInt32 {
    while true {
      if let seen = exchangeNoFault(address, expected: expected, desired: desired) { return seen }
      try makeWritable(address)
    }
  }

  /// Brings the page in for writing without changing the word, or throws EFAULT.
  static func makeWritable(_ address: UInt) throws(Errno) {
    guard unsafe UserMemory.faultIn(address, true) else { throw .EFAULT }
  }
}
