import EnclaveRuntime
import LinuxABI

extension VMA {
  /// The page of the object at `address`.
  func objectPage(_ address: UInt) -> UInt64 { (offset + UInt64(address - start)) >> 12 }

  /// A mapping that was taken out of its map gives up its pages. Anonymous memory that nobody else maps is
  /// not worth storing: it goes with its object.
  mutating func leaveShared() {
    guard isShared, var mapped = object, let shared = mapped.shared else { return }
    object = nil
    if mapped is SharedMemory, isKnownUniquelyReferenced(&mapped) { return }
    guard let backing = mapped.sharedBacking else { return }
    shared.leave(address: start, offset: offset, count: UInt64(end - start), backing)
  }

  /// The pages of [from, to) go where they belong; the next access brings them with the mapping's permissions.
  func evictShared(_ from: UInt, _ to: UInt) {
    guard let shared, let backing = object?.sharedBacking else { return }
    shared.leave(
      address: from, offset: offset + UInt64(from - start), count: UInt64(to - from), backing)
  }
}

extension AddressSpace {
  /// A fault in a shared mapping. `lock` is held, and let go.
  func faultShared(
    _ vma: VMA, _ object: MappedObject, _ page: UInt, _ access: Protection
  ) -> FaultResult {
    guard let shared = object.shared, let backing = object.sharedBacking else { return .beyondFile }
    defer { lock.unlock() }
    return shared.access(vma.objectPage(page), at: page, vma, access, backing)
  }

  /// mincore(2).
  func isResident(_ page: UInt) -> Bool {
    lock.lock()
    defer { lock.unlock() }
    if CommittedPages.contains(page) { return true }
    guard let i = find(page), let shared = vmas[i].shared else { return false }
    return shared.isPresent(vmas[i].objectPage(page))
  }
}
