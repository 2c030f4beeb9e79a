import EnclaveRuntime
import LinuxABI
import Synchronization

/// Copies and ends of memory maps: fork(2), execve(2), exit(2).
extension AddressSpace {
  /// A map with the same mappings, for a child. The caller is the only running thread of the process.
  func copy() -> AddressSpace {
    let child = AddressSpace(room: room)
    child.vmas = vmas
    child.mmapBase = mmapBase
    child.stackTop = stackTop
    child.brkStart = brkStart
    child.brkEnd = brkEnd
    child.stackLimit = stackLimit
    child.dataLimit = dataLimit
    child.totalBytes = totalBytes
    child.origin = self
    return child
  }

  /// One process less uses the map; with the last one its pages go. The calling thread runs in it and is the process's
  /// last one; it has no business with the memory afterwards.
  func drop() {
    guard residency.users.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else {
      return
    }
    writeBack(Self.lowest, Self.highest)
    Family.joinLock.lock()
    isGone = true
    Family.joinLock.unlock()
    lock.lock()
    if residency.isShared.load(ordering: .acquiring), let family {
      family.remove(self)
    } else {
      for vma in vmas { decommit(vma.start, vma.end) }
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
