import EnclaveRuntime
import LinuxABI

/// mlock(2) and its family.
///
/// The host decides where enclave pages are, encrypted wherever that is: what can be promised is that the pages are there
/// and that nothing gives them back. Accounting, limits and errors are Linux's.
extension AddressSpace {
  /// - Throws: EPERM: RLIMIT_MEMLOCK is 0; ENOMEM: it is too small, or a part is not mapped or not accessible.
  func lockMemory(_ address: UInt, _ length: UInt, onFault: Bool) throws(Errno) {
    let start = address & ~4095
    let (offsetLength, wraps) = length.addingReportingOverflow(address & 4095)
    lock.lock()
    guard limits.locked > 0 else {
      lock.unlock()
      throw .EPERM
    }
    guard !wraps, let end = Self.endOfRange(start, offsetLength) else {
      lock.unlock()
      throw .EINVAL
    }
    if limits.locked != .max {
      var others: UInt = 0
      for vma in vmas where vma.isLocked {
        let from = max(vma.start, start)
        let to = min(vma.end, end)
        others += vma.end - vma.start - (from < to ? to - from : 0)
      }
      guard others <= limits.locked, end - start <= limits.locked - others else {
        lock.unlock()
        throw .ENOMEM
      }
    }
    let isWhole = setLocked(start, end, true)
    lock.unlock()
    guard isWhole else { throw .ENOMEM }
    if !onFault { try populateLocked(start, end) }
  }

  /// munlock(2).
  func unlockMemory(_ address: UInt, _ length: UInt) throws(Errno) {
    let start = address & ~4095
    let (offsetLength, wraps) = length.addingReportingOverflow(address & 4095)
    guard !wraps, let end = Self.endOfRange(start, offsetLength) else { throw .EINVAL }
    guard lock.withLock({ setLocked(start, end, false) }) else { throw .ENOMEM }
  }

  /// mlockall(2). Flags: MCL_CURRENT 1, MCL_FUTURE 2, MCL_ONFAULT 4.
  func lockAll(_ flags: UInt) throws(Errno) {
    guard flags != 0, flags & ~7 == 0, flags != 4 else { throw .EINVAL }
    lock.lock()
    guard limits.locked > 0 else {
      lock.unlock()
      throw .EPERM
    }
    guard flags & 1 == 0 || totalBytes <= limits.locked else {
      lock.unlock()
      throw .ENOMEM
    }
    locksFuture = flags & 2 != 0
    locksOnFault = flags & 4 != 0
    var ranges: [(UInt, UInt)] = []
    if flags & 1 != 0 {
      for i in vmas.indices { vmas[i].isLocked = true }
      if flags & 4 == 0 {
        for vma in vmas where !vma.protection.isEmpty { ranges.append((vma.start, vma.end)) }
      }
    }
    lock.unlock()
    // As in Linux, what cannot be populated is no error here.
    for (start, end) in ranges { _ = populate(start, end, access: .PROT_READ) }
  }

  /// munlockall(2).
  func unlockAll() {
    lock.lock()
    locksFuture = false
    locksOnFault = false
    for i in vmas.indices { vmas[i].isLocked = false }
    if let first = vmas.first, let last = vmas.last { mergeAround(first.start, last.end) }
    lock.unlock()
  }

  /// Whether a new mapping may be locked: EAGAIN beyond the limit (mmap(2)). The lock is held.
  func mayLock(_ bytes: UInt) -> Bool {
    if limits.locked == .max { return true }
    let now = lockedBytes
    return now <= limits.locked && bytes <= limits.locked - now
  }

  /// False: there is a hole; what lies before it has changed. The lock is held.
  private func setLocked(_ start: UInt, _ end: UInt, _ locked: Bool) -> Bool {
    split(at: start)
    split(at: end)
    var at = start
    var i = index(above: start)
    while at < end {
      guard i < vmas.count, vmas[i].start <= at else {
        mergeAround(start, end)
        return false
      }
      vmas[i].isLocked = locked
      at = vmas[i].end
      i += 1
    }
    mergeAround(start, end)
    return true
  }

  private func populateLocked(_ start: UInt, _ end: UInt) throws(Errno) {
    switch populate(start, end, access: .PROT_READ, isStrict: true) {
    case .resolved: break
    case .outOfMemory: throw .EAGAIN
    case .notMapped, .notAllowed, .beyondFile: throw .ENOMEM
    }
  }
}
