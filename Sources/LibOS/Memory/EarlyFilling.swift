import EnclaveRuntime

/// File content of processes with several threads, in place before a thread can see it.
///
/// A page that a fault brings is there, zero, from EACCEPT until its content is copied in; another thread that touches
/// it meanwhile does not fault and reads zeros. So the content of file mappings comes when they are made, or when the
/// second thread starts, before anybody else knows the address. What remains lazy, and so open to that race, are mappings
/// above `largestEarlyFilling` and shared pages that move between addresses; EACCEPTCOPY (SDM Vol. 3D) closes it.
extension AddressSpace {
  static let largestEarlyFilling: UInt = 256 << 20

  func isFilledEarly(_ vma: VMA) -> Bool {
    guard let object = vma.object, !vma.protection.isEmpty, !PageChange.isFixed else {
      return false
    }
    // Anonymous shared memory and other objects without an end start as zeros.
    return vma.end - vma.start <= Self.largestEarlyFilling && object.size < 1 << 40
  }

  /// Before a second thread starts; only the caller runs in the map.
  func becomeThreaded() {
    lock.lock()
    if isThreaded {
      lock.unlock()
      return
    }
    isThreaded = true
    let wanted = vmas.filter { isFilledEarly($0) }
    lock.unlock()
    for vma in wanted { _ = populate(vma.start, vma.end, access: .PROT_READ) }
  }
}
