import EnclaveRuntime
import LinuxABI

/// What a futex word is: two calls mean the same futex exactly if their keys are equal.
///
/// An EPC page has one address in the whole enclave, so a word of memory that processes share is known by
/// its address alone. A private one is the address in one process's memory: members of a family
/// use the same addresses for different memory. As in Linux, a private key never equals a shared one.
struct FutexKey: Equatable {
  /// Identity of the address space; 0: memory shared between processes.
  var space: UInt
  var address: UInt
  var isPrivate: Bool

  @inline(__always) static func == (a: FutexKey, b: FutexKey) -> Bool {
    a.address == b.address && a.space == b.space && a.isPrivate == b.isPrivate
  }

  /// - Throws: EINVAL for a word that is not aligned, EFAULT for one that cannot be user memory.
  init(_ address: UInt, isPrivate: Bool, in process: Process) throws(Errno) {
    guard address & 3 == 0 else { throw .EINVAL }
    try UserMemory.check(address, 4)
    self.address = address
    self.isPrivate = isPrivate
    space = isPrivate ? process.memory.futexSpace : process.memory.futexSpace(shared: address)
  }

  var bucket: Int {
    let hash = (address >> 2 ^ space) &* 0x9E37_79B9_7F4A_7C15
    return Int(hash >> 56)
  }
}

extension AddressSpace {
  /// Identity of this memory map for private futexes.
  var futexSpace: UInt { AddressIdentity.of(self) }
  /// For a futex without FUTEX_PRIVATE_FLAG: 0 if the word lies in a MAP_SHARED mapping.
  func futexSpace(shared address: UInt) -> UInt { futexSpace }
}
