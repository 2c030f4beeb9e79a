import EnclaveRuntime
import LinuxABI

extension AddressSpace {
  /// Before something is put at an address that the program (or its ELF file) names: takes the room. No lock is held.
  ///
  /// - Throws: ENOMEM while processes cannot take turns in the same addresses.
  func arbitrate(_ start: UInt, _ length: UInt) throws(Errno) {
    guard start >= Self.lowest, start <= Self.highest, length <= Self.highest - start else { return }
    guard claim(start, start + length) else { throw .ENOMEM }
  }
}
