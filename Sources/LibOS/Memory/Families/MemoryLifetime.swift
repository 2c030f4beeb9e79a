import EnclaveRuntime
import LinuxABI
import Synchronization

/// Copies and ends of memory maps: fork(2), execve(2), exit(2).
extension AddressSpace {
  /// A map with the same mappings, for a child. The caller is the only running thread of the process.
  func copy() -> AddressSpace {
    let child = AddressSpace(room: room)
    child.vmas = vmas
    // Locks of memory are not inherited (mlock(2)).
    for i in child.vmas.indices { child.vmas[i].isLocked = false }
    child.mmapBase = mmapBase
    child.stackTop = stackTop
    child.auxiliaryVector = auxiliaryVector
    child.brkStart = brkStart
    child.brkEnd = brkEnd
    child.stackLimit = stackLimit
    child.limits = limits
    child.totalBytes = totalBytes
    child.origin = self
    return child
  }

  /// Sets what a child shall not inherit (MADV_DONTFORK and its like).
  ///
  /// - Throws: EINVAL for MADV_WIPEONFORK of memory that is shared or of a file, ENOMEM for a hole.
  func advise(_ address: UInt, _ length: UInt, onFork advice: MemoryAdvice) throws(Errno) {
    guard let end = Self.endOfRange(address, length) else { throw .EINVAL }
    lock.lock()
    defer { lock.unlock() }
    split(at: address)
    split(at: end)
    defer { mergeAround(address, end) }
    try forEachIndex(address, end) { (i) throws(Errno) in
      switch advice {
      case .MADV_DONTFORK: vmas[i].isDroppedInChild = true
      case .MADV_DOFORK: vmas[i].isDroppedInChild = false
      case .MADV_WIPEONFORK:
        guard !vmas[i].isShared, vmas[i].object == nil else { throw .EINVAL }
        vmas[i].isWipedInChild = true
      default: vmas[i].isWipedInChild = false  // MADV_KEEPONFORK
      }
    }
  }

  /// In a child that has not run yet and whose pages are in place: what it does not inherit goes.
  func dropUninherited() {
    lock.lock()
    for vma in vmas where vma.isDroppedInChild { removeRange(vma.start, vma.end) }
    let wiped = vmas.filter { $0.isWipedInChild }
    for vma in wiped { decommit(vma.start, vma.end) }
    lock.unlock()
    for vma in wiped { commitIfFixed(vma.start, vma.end) }
  }

  /// Ranges of mappings that touch each other: fewer page changes than mapping by mapping.
  func forEachStretch(_ body: (UInt, UInt) -> Void) {
    var i = 0
    while i < vmas.count {
      let start = vmas[i].start
      var end = vmas[i].end
      i += 1
      while i < vmas.count, vmas[i].start == end {
        end = vmas[i].end
        i += 1
      }
      body(start, end)
    }
  }

  /// One process less uses the map; with the last one its pages go. The calling thread runs in it and is the process's
  /// last one; it has no business with the memory afterwards.
  func drop() {
    guard residency.users.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else {
      return
    }
    Family.joinLock.lock()
    isGone = true
    Family.joinLock.unlock()
    lock.lock()
    // While this process is still resident: the others' maps do not change.
    for i in vmas.indices where vmas[i].isShared && !isSharedInPlace(vmas[i]) {
      vmas[i].leaveShared()
    }
    if residency.isShared.load(ordering: .acquiring), let family {
      family.remove(self)
    } else {
      var gone: [PageRange] = []
      forEachStretch { (start, end) in Self.collectCommitted(start, end, &gone) }
      Self.release(gone)
    }
    let old = vmas
    vmas = []
    totalBytes = 0
    residency.isShared.store(false, ordering: .sequentiallyConsistent)
    lock.unlock()
    room = AddressRoom.none
    origin = nil
    _ = consume old
    Graveyard.bury(self)
  }
}

extension AddressSpace {
  /// Another member of the family shows the same shared object at the same place: its pages can stay.
  private func isSharedInPlace(_ vma: VMA) -> Bool {
    guard vma.isShared, let family else { return false }
    family.lock.lock()
    defer { family.lock.unlock() }
    for member in family.members where member !== self {
      if let i = member.find(vma.start), member.vmas[i].end >= vma.end, member.vmas[i].isShared,
        member.vmas[i].object === vma.object,
        member.vmas[i].offset + UInt64(vma.start - member.vmas[i].start) == vma.offset
      {
        return true
      }
    }
    return false
  }
}

/// Maps that are over, kept for a while: somebody may just be looking at a process's memory (/proc, a family's
/// interruption) while that process exchanges it. Guarded by `lock`, innermost.
private enum Graveyard {
  private static let lock = SpinLock()
  nonisolated(unsafe) private static var graves = [AddressSpace?](repeating: nil, count: 64)
  nonisolated(unsafe) private static var next = 0

  static func bury(_ space: AddressSpace) {
    lock.lock()
    let old = unsafe graves[next]
    unsafe graves[next] = space
    unsafe next = (next + 1) & 63
    lock.unlock()
    _ = consume old
  }
}
