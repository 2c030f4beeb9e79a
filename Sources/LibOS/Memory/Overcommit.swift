import LinuxABI

/// Linux's heuristic for promises of memory (Documentation/mm/overcommit-accounting, vm.overcommit_memory = 0).
///
/// "Obvious overcommits of address space are refused": one request for more than all memory there is fails with ENOMEM at
/// once, so that malloc answers NULL; smaller ones are promised, however many. Only what the program may write and
/// nobody else backs counts, and not MAP_NORESERVE. Without swap, all there is is the enclave's memory.
enum Overcommit {
  static func allows(_ bytes: UInt) -> Bool { UInt64(bytes) <= SystemMemory.current.total }

  /// What no machine could give needs no advice to run on a larger one.
  private static var largestSensible: UInt { 1 << 40 }

  /// - Throws: ENOMEM, and says how the enclave gets more memory.
  static func check(_ bytes: UInt) throws(Errno) {
    if allows(bytes) { return }
    if bytes <= largestSensible { OutOfMemory.tell() }
    throw .ENOMEM
  }
}

extension MappingRequest {
  /// Memory is promised with this mapping: private and writable, or anonymous and shared.
  var isCommitted: Bool {
    if isNotReserved { return false }
    return isShared ? object is SharedMemory : protection.contains(.PROT_WRITE)
  }
}

extension VMA {
  var isCommitted: Bool {
    if isNotReserved { return false }
    return isShared ? object is SharedMemory : protection.contains(.PROT_WRITE)
  }

  /// mprotect(2) promises memory when a private mapping becomes writable.
  func becomesCommitted(with new: Protection) -> Bool {
    !isShared && !isNotReserved && new.contains(.PROT_WRITE) && !protection.contains(.PROT_WRITE)
  }
}
