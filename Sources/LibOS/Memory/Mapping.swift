import EnclaveRuntime
import LinuxABI

/// What mmap(2) was asked for, decoded and checked by the handler.
struct MappingRequest {
  var address: UInt = 0
  var length: UInt
  var protection: Protection
  var isShared = false
  var isReadOnlyFile = false
  var isFixed = false
  var mustNotReplace = false
  var growsDown = false
  var isNotReserved = false
  var populate = false
  var isLocked = false
  var kind = VMAKind.plain
  var object: MappedObject?
  var offset: UInt64 = 0
}

extension AddressSpace {
  /// What mmap(2) says of an address that was asked for, before it looks at the file: `map` looks again.
  func checkPlace(_ request: MappingRequest) throws(Errno) {
    guard request.isFixed || request.mustNotReplace else { return }
    let length = (request.length + 4095) & ~4095
    guard request.address <= Self.highest, length <= Self.highest - request.address else {
      throw .ENOMEM
    }
    guard request.address & 4095 == 0 else { throw .EINVAL }
    guard request.address >= Self.lowest else { throw .EPERM }
    if request.mustNotReplace {
      guard lock.withLock({ isFree(request.address, request.address + length) }) else {
        throw .EEXIST
      }
    }
  }

  /// mmap(2). `length` and `address` are page multiples for MAP_FIXED; returns the address.
  func map(_ request: MappingRequest) throws(Errno) -> UInt {
    guard request.length > 0, request.length <= Self.highest else {
      throw request.length == 0 ? .EINVAL : .ENOMEM
    }
    let length = (request.length + 4095) & ~4095
    if request.isCommitted { try Overcommit.check(length) }
    try checkPlace(request)
    if request.isFixed || request.mustNotReplace {
      try arbitrate(request.address, length)
    }
    lock.lock()
    let isData =
      !request.isShared && !request.growsDown && request.protection.contains(.PROT_WRITE)
    let replaced =
      request.isFixed && !request.mustNotReplace
      ? (request.address, request.address + length) : (0, 0)
    guard mayExpand(length, isData: isData, replaced: replaced) else {
      lock.unlock()
      throw .ENOMEM
    }
    if request.isLocked || locksFuture, !mayLock(length) {
      lock.unlock()
      throw .EAGAIN
    }
    let populates = request.populate || (locksFuture && !locksOnFault) || request.isLocked
    var place: UInt = 0
    if request.isFixed || request.mustNotReplace {
      place = request.address
      if request.mustNotReplace, !isFree(place, place + length) {
        lock.unlock()
        throw .EEXIST
      }
      removeRange(place, place + length)
    } else {
      let hint = (request.address + 4095) & ~4095
      if hint >= Self.lowest, hint <= Self.highest, length <= Self.highest - hint,
        isFree(hint, hint + length), claim(hint, hint + length)
      {
        place = hint
      } else if let found = gap(length, below: mmapBase, above: Self.lowest + (4 << 20)) {
        place = found
      } else {
        lock.unlock()
        throw .ENOMEM
      }
    }
    var vma = VMA(start: place, end: place + length, protection: request.protection)
    vma.isShared = request.isShared
    vma.isReadOnlyFile = request.isReadOnlyFile
    vma.growsDown = request.growsDown
    vma.isNotReserved = request.isNotReserved
    vma.isLocked = request.isLocked || locksFuture
    vma.kind = request.kind
    vma.object = request.object
    vma.offset = request.offset
    insert(vma)
    lock.unlock()

    if let object = request.object, request.protection.contains(.PROT_EXEC) {
      rewrite(object, place: place, offset: request.offset, length: length)
    }
    commitIfFixed(place, place + length)
    if populates, !request.protection.isEmpty {
      _ = populate(place, place + length, access: .PROT_READ)
    }
    return place
  }

  /// Plans the rewriting of a file mapping that is or becomes executable, and applies it to pages that are
  /// there already.
  func rewrite(_ object: MappedObject, place: UInt, offset: UInt64, length: UInt) {
    guard let rewritten = prepareRewriting(object, place: place, offset: offset, length: length)
    else {
      return
    }
    lock.lock()
    defer { lock.unlock() }
    split(at: place)
    split(at: place + length)
    var i = index(above: place)
    while i < vmas.count, vmas[i].start < place + length {
      if vmas[i].object === object, vmas[i].offset == offset + UInt64(vmas[i].start - place) {
        vmas[i].rewritten = rewritten
        vmas[i].evictShared(vmas[i].start, vmas[i].end)
        var at = vmas[i].start
        while let (from, to) = CommittedPages.next(at, vmas[i].end, committed: true) {
          PageChange.protect(
            from, Int(to - from), from: vmas[i].effective,
            to: vmas[i].effective.union([.PROT_READ, .PROT_WRITE]))
          rewritten.apply(from, to)
          PageChange.protect(
            from, Int(to - from), from: vmas[i].effective.union([.PROT_READ, .PROT_WRITE]),
            to: vmas[i].effective)
          at = to
        }
      }
      i += 1
    }
  }

  /// munmap(2).
  func unmap(_ address: UInt, _ length: UInt) throws(Errno) {
    guard address & 4095 == 0, length > 0, address <= Self.highest, length <= Self.highest - address
    else { throw .EINVAL }
    let end = address + ((length + 4095) & ~4095)
    lock.withLock { removeRange(address, end) }
  }

  /// mprotect(2).
  func protect(_ address: UInt, _ length: UInt, _ protection: Protection) throws(Errno) {
    try changeProtection(address, length, protection)
    commitIfFixed(address, address + ((length + 4095) & ~4095))
  }

  /// mprotect(2) with PROT_GROWSDOWN: the change begins where the mapping does, which must be one that grows.
  func startOfGrowing(_ address: UInt, _ length: UInt, _ grows: UInt32) throws(Errno) -> UInt {
    lock.lock()
    defer { lock.unlock() }
    let i = index(above: address)
    guard i < vmas.count, vmas[i].start < address + length else { throw .ENOMEM }
    let isDown = grows == 0x0100_0000
    guard isDown || vmas[i].start <= address else { throw .ENOMEM }
    // Nothing grows upwards on this processor.
    guard isDown, vmas[i].growsDown else { throw .EINVAL }
    return min(address, vmas[i].start)
  }

  private func changeProtection(
    _ address: UInt, _ length: UInt, _ protection: Protection
  ) throws(Errno) {
    guard address & 4095 == 0 else { throw .EINVAL }
    if length == 0 { return }
    guard address <= Self.highest, length <= Self.highest - address else { throw .ENOMEM }
    let end = address + ((length + 4095) & ~4095)
    // File content that becomes executable is rewritten before it can run.
    if protection.contains(.PROT_EXEC) {
      while let (object, start, offset, size) = unrewritten(address, end) {
        if let r = prepareRewriting(object, place: start, offset: offset, length: size) {
          attach(r, start, size)
        } else {
          attach(Self.nothingToRewrite, start, size)
        }
      }
    }
    lock.lock()
    defer { lock.unlock() }
    // Linux changes what it can and fails at the first hole.
    detachOthers(address, end)
    var at = address
    split(at: address)
    split(at: end)
    var i = index(above: address)
    while at < end {
      guard i < vmas.count, vmas[i].start <= at else {
        mergeAround(address, end)
        throw .ENOMEM
      }
      if vmas[i].isReadOnlyFile, protection.contains(.PROT_WRITE) {
        mergeAround(address, end)
        throw .EACCES
      }
      if vmas[i].becomesCommitted(with: protection) {
        do throws(Errno) {
          try Overcommit.check(vmas[i].end - vmas[i].start)
          let grows = vmas[i].isData || vmas[i].growsDown ? 0 : vmas[i].end - vmas[i].start
          guard grows == 0 || mayHoldData(grows) else {
            throw Errno.ENOMEM
          }
        } catch {
          mergeAround(address, end)
          throw error
        }
      }
      let old = vmas[i].effective
      vmas[i].protection = protection
      let new = vmas[i].effective
      if old != new {
        vmas[i].evictShared(vmas[i].start, vmas[i].end)
        var page = vmas[i].start
        while let (from, to) = CommittedPages.next(page, vmas[i].end, committed: true) {
          if protection.contains(.PROT_EXEC), let r = vmas[i].rewritten,
            old.isDisjoint(with: .PROT_EXEC),
            r !== Self.nothingToRewrite
          {
            PageChange.protect(
              from, Int(to - from), from: old, to: old.union([.PROT_READ, .PROT_WRITE]))
            r.apply(from, to)
            PageChange.protect(
              from, Int(to - from), from: old.union([.PROT_READ, .PROT_WRITE]), to: new)
          } else {
            PageChange.protect(from, Int(to - from), from: old, to: new)
          }
          page = to
        }
      }
      at = vmas[i].end
      i += 1
    }
    mergeAround(address, end)
  }

  static let nothingToRewrite = RewrittenObject(patches: [], sites: [])

  /// A file mapping in the range that was never looked at for sites.
  private func unrewritten(_ start: UInt, _ end: UInt) -> (MappedObject, UInt, UInt64, UInt)? {
    lock.lock()
    defer { lock.unlock() }
    var i = index(above: start)
    while i < vmas.count, vmas[i].start < end {
      let v = vmas[i]
      if let object = v.object, v.rewritten == nil {
        let from = max(v.start, start)
        let to = min(v.end, end)
        return (object, from, v.offset + UInt64(from - v.start), to - from)
      }
      i += 1
    }
    return nil
  }

  private func attach(_ r: RewrittenObject, _ start: UInt, _ size: UInt) {
    lock.lock()
    defer { lock.unlock() }
    split(at: start)
    split(at: start + size)
    var i = index(above: start)
    while i < vmas.count, vmas[i].start < start + size {
      if vmas[i].object != nil { vmas[i].rewritten = r }
      i += 1
    }
  }

  /// brk(2): the new break, or the old one when it cannot be.
  func setBreak(_ requested: UInt) -> UInt {
    let before = brkEnd
    let now = moveBreak(requested)
    if now > before { commitIfFixed(before & ~4095, (now + 4095) & ~4095) }
    return now
  }

  private func moveBreak(_ requested: UInt) -> UInt {
    lock.lock()
    defer { lock.unlock() }
    guard requested >= brkStart, requested <= Self.highest else { return brkEnd }
    let old = (brkEnd + 4095) & ~4095
    let new = (requested + 4095) & ~4095
    if new < old {
      removeRange(new, old)
    } else if new > old {
      guard isFree(old, new), mayExpand(new - old, isData: true), Overcommit.allows(new - old),
        !locksFuture || mayLock(new - old), claim(old, new)
      else { return brkEnd }
      var vma = VMA(start: old, end: new, protection: [.PROT_READ, .PROT_WRITE], kind: .heap)
      vma.isLocked = locksFuture
      insert(vma)
    }
    brkEnd = requested
    return requested
  }

  /// mremap(2). An EPC page has one address: moving copies the content.
  func remap(
    _ old: UInt, _ oldLength: UInt, _ newLength: UInt, mayMove: Bool, fixed: UInt?,
    keepOld: Bool = false
  ) throws(Errno) -> UInt {
    let place = try resize(
      old, oldLength, newLength, mayMove: mayMove, fixed: fixed, keepOld: keepOld)
    commitIfFixed(place, place + ((newLength + 4095) & ~4095))
    if keepOld { commitIfFixed(old, old + ((oldLength + 4095) & ~4095)) }
    return place
  }

  private func resize(
    _ old: UInt, _ oldLength: UInt, _ newLength: UInt, mayMove: Bool, fixed: UInt?,
    keepOld: Bool = false
  ) throws(Errno) -> UInt {
    guard old & 4095 == 0, newLength > 0, newLength <= Self.highest else { throw .EINVAL }
    let oldSize = (oldLength + 4095) & ~4095
    let newSize = (newLength + 4095) & ~4095
    if let fixed {
      guard fixed & 4095 == 0, fixed <= Self.highest, newSize <= Self.highest - fixed,
        old <= Self.highest, oldSize <= Self.highest - old,
        fixed + newSize <= old || old + oldSize <= fixed
      else { throw .EINVAL }
      guard fixed >= Self.lowest else { throw .EPERM }
      try arbitrate(fixed, newSize)
    }
    lock.lock()
    defer { lock.unlock() }
    guard old <= Self.highest, let i = find(old) else { throw .EFAULT }
    if fixed == nil, !keepOld, newSize <= oldSize {
      // Only what is cut off matters, whatever else lies in the range.
      guard oldSize <= Self.highest - old else { throw .EINVAL }
      if newSize < oldSize { removeRange(old + newSize, old + oldSize) }
      return old
    }
    // Length 0: a second mapping of what is shared (mremap(2)).
    if oldSize == 0, !vmas[i].isShared { throw .EINVAL }
    guard oldSize <= vmas[i].end - old else { throw .EFAULT }
    if newSize > oldSize {
      if vmas[i].isCommitted { try Overcommit.check(newSize - oldSize) }
      if vmas[i].isLocked, !mayLock(newSize - oldSize) { throw .EAGAIN }
      guard mayExpand(newSize - oldSize, isData: vmas[i].isData) else { throw .ENOMEM }
    }
    if keepOld, !mayExpand(newSize, isData: vmas[i].isData) { throw .ENOMEM }
    if fixed == nil, oldSize > 0, !keepOld {
      if vmas[i].end == old + oldSize, old + newSize <= Self.highest,
        isFree(old + oldSize, old + newSize), claim(old + oldSize, old + newSize)
      {
        var more = vmas[i].part(old, old + oldSize)
        more.start = old + oldSize
        more.end = old + newSize
        if more.object != nil { more.offset += UInt64(oldSize) }
        insert(more)
        return old
      }
    }
    guard mayMove else { throw .ENOMEM }
    var place: UInt
    if let fixed {
      place = fixed
      removeRange(place, place + newSize)
      clearOthers(place, place + newSize)
    } else {
      guard let found = gap(newSize, below: mmapBase, above: Self.lowest + (4 << 20)) else {
        throw .ENOMEM
      }
      place = found
      clearOthers(place, place + newSize)
    }
    guard let j = find(old) else { throw .EFAULT }
    var moved = vmas[j].part(old, min(vmas[j].end, old + max(oldSize, 4096)))
    moved.start = place
    moved.end = place + newSize
    // Copy what is there.
    let keep = min(oldSize, newSize)
    let effective = moved.effective
    var at = old
    while let (from, to) = CommittedPages.next(at, old + keep, committed: true) {
      let target = place + (from - old)
      let count = Int(to - from)
      // Nobody writes to the old pages any more, and nobody sees the new ones before they have everything.
      PageChange.protect(from, count, from: effective, to: .PROT_READ)
      guard CommittedPages.set(target, target + (to - from), true),
        PageChange.commit(
          target, count, as: effective.union(.PROT_READ), from: { old + ($0 - place) })
      else {
        PageChange.protect(from, count, from: .PROT_READ, to: effective)
        _ = CommittedPages.set(target, target + (to - from), false)
        decommit(place, place + newSize)
        throw .ENOMEM
      }
      if effective.isEmpty { PageChange.protect(target, count, from: .PROT_READ, to: []) }
      at = to
    }
    // (Linux: what stays is not locked any more, nor the rest of its mapping.)
    if keepOld { vmas[j].isLocked = false }
    let left = vmas[j].part(old, old + oldSize)
    if oldSize > 0 { removeRange(old, old + oldSize) }
    if keepOld { insert(left) }
    insert(moved, isClear: true)
    return place
  }

  /// madvise(2), MADV_DONTNEED: content is gone; anonymous memory reads as zeros, files are read anew.
  func discard(_ address: UInt, _ length: UInt, evenLocked: Bool = false) throws(Errno) {
    try forEachMapping(address, length) { (vma, from, to) throws(Errno) in
      if vma.isLocked, !evenLocked { throw .EINVAL }
      decommit(from, to)
      // A heap that shrank at its top grows again from there: still in large pieces.
      if let i = find(from), vmas[i].faultEnd > from, vmas[i].faultEnd <= to {
        vmas[i].faultEnd = from
      }
    }
    commitIfFixed(address, address + ((length + 4095) & ~4095))
  }

  /// madvise(2), MADV_REMOVE: the objects' pages go, not only this mapping's. EINVAL: not a mapping of an object that
  /// has them; EACCES: not shared, or can never be written.
  func punch(_ address: UInt, _ length: UInt) throws(Errno) {
    guard let end = Self.endOfRange(address, length) else { throw .EINVAL }
    var at = address
    var hole = false
    while at < end {
      lock.lock()
      let i = index(above: at)
      let vma = i < vmas.count && vmas[i].start < end ? vmas[i] : nil
      lock.unlock()
      guard let vma else { throw .ENOMEM }
      if vma.start > at { hole = true }
      guard let object = vma.object else { throw .EINVAL }
      if vma.isLocked { throw .EINVAL }
      guard vma.isShared, !vma.isReadOnlyFile else { throw .EACCES }
      let from = max(at, vma.start)
      at = min(vma.end, end)
      // Without the map's lock: the object's is taken.
      try object.punch(vma.offset + UInt64(from - vma.start), UInt64(at - from))
    }
    if hole { throw .ENOMEM }
  }

  /// The end of [address, address + length), rounded up to pages; nil when it wraps around.
  static func endOfRange(_ address: UInt, _ length: UInt) -> UInt? {
    let (end, wraps) = address.addingReportingOverflow(length)
    return wraps || end > UInt.max - 4095 ? nil : (end + 4095) & ~4095
  }

  /// Runs `body` over the mapped parts of a range; ENOMEM afterwards when there was a hole.
  func forEach(_ address: UInt, _ length: UInt, _ body: (UInt, UInt) -> Void) throws(Errno) {
    try forEachMapping(address, length) { (_, from, to) in body(from, to) }
  }

  /// The same with the mapping; what `body` throws ends it.
  ///
  /// - Throws: EINVAL when the address is no page's or the range wraps around.
  func forEachMapping(
    _ address: UInt, _ length: UInt, _ body: (VMA, UInt, UInt) throws(Errno) -> Void
  ) throws(Errno) {
    guard address & 4095 == 0, let end = Self.endOfRange(address, length) else { throw .EINVAL }
    lock.lock()
    defer { lock.unlock() }
    try forEachIndex(address, end) { (i) throws(Errno) in
      try body(vmas[i], max(vmas[i].start, address), min(vmas[i].end, end))
    }
  }

  /// The same by index in `vmas`, of which `body` may change all but the number and the bounds. The lock is held.
  func forEachIndex(
    _ start: UInt, _ end: UInt, _ body: (Int) throws(Errno) -> Void
  ) throws(Errno) {
    var at = start
    var hole = false
    var i = index(above: start)
    while at < end, i < vmas.count, vmas[i].start < end {
      if vmas[i].start > at { hole = true }
      try body(i)
      at = vmas[i].end
      i += 1
    }
    if hole || at < end { throw .ENOMEM }
  }
}
