import EnclaveRuntime
import LinuxABI

/// What a futex word is: two calls mean the same futex exactly if their keys are equal.
///
/// A word in a shared mapping is known by the object and the offset in it, wherever it is mapped; any other by
/// the memory map and its address. As in Linux, a key of FUTEX_PRIVATE_FLAG never equals another.
struct FutexKey: Equatable {
  /// Identity of the memory map, or of the shared object.
  var space: UInt
  /// Address in the memory map, or offset in the shared object.
  var place: UInt
  /// Where the caller's process has the word.
  var address: UInt
  var isPrivate: Bool

  @inline(__always) static func == (a: FutexKey, b: FutexKey) -> Bool {
    a.place == b.place && a.space == b.space && a.isPrivate == b.isPrivate
  }

  /// - Throws: EINVAL for a word that is not aligned, EFAULT for one that cannot be user memory.
  init(_ address: UInt, isPrivate: Bool, in process: Process) throws(Errno) {
    guard address & 3 == 0 else { throw .EINVAL }
    try UserMemory.check(address, 4)
    self.isPrivate = isPrivate
    self.address = address
    if !isPrivate, let (object, offset) = try process.memory.sharedWord(address) {
      space = object
      place = offset
    } else {
      space = process.memory.futexSpace
      place = address
    }
  }

  var bucket: Int {
    let hash = (place >> 2 ^ space) &* 0x9E37_79B9_7F4A_7C15
    return Int(hash >> 56)
  }
}

extension AddressSpace {
  /// Identity of this memory map for private futexes.
  var futexSpace: UInt { AddressIdentity.of(self) }
  /// Identity of the shared object that is mapped at `address`, and the offset in it; nil: private memory.
  ///
  /// - Throws: EFAULT for what is not mapped, cannot be read, or is anonymous and can never change (Linux
  ///   get_futex_key()).
  func sharedWord(_ address: UInt) throws(Errno) -> (object: UInt, offset: UInt)? {
    lock.lock()
    defer { lock.unlock() }
    guard let i = find(address), !vmas[i].protection.isEmpty else { throw .EFAULT }
    if vmas[i].object == nil, !vmas[i].protection.contains(.PROT_WRITE) { throw .EFAULT }
    guard let shared = vmas[i].shared else { return nil }
    return (AddressIdentity.of(shared), UInt(vmas[i].offset) + (address - vmas[i].start))
  }
}
