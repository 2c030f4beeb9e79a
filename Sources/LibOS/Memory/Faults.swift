import EnclaveRuntime
import LinuxABI

/// How an access to an address ends (sigaction(2), si_code of SIGSEGV and SIGBUS).
enum FaultResult {
  case resolved
  /// SEGV_MAPERR: nothing is mapped there.
  case notMapped
  /// SEGV_ACCERR: the mapping does not allow it.
  case notAllowed
  /// BUS_ADRERR: beyond the end of the mapped file.
  case beyondFile
  /// The enclave has no memory left.
  case outOfMemory
}

extension AddressSpace {
  static let smallestWindow: UInt = 64 << 10
  static let largestWindow: UInt = 2 << 20
  static let fileWindow: UInt = 256 << 10
  /// What stays free below a mapping that grows (Linux: stack_guard_gap, 256 pages).
  static let growGuard: UInt = 256 << 12

  /// Commits what is needed for an access to `address`. Page faults and the kernel's own copies end here.
  /// When memory is short, clean pages of the page cache go first.
  func fault(_ address: UInt, access: Protection) -> FaultResult {
    let result = tryFault(address, access: access)
    guard case .outOfMemory = result, PageCache.dropAll() else { return result }
    return tryFault(address, access: access)
  }

  private func tryFault(_ address: UInt, access: Protection) -> FaultResult {
    // Memory is short: one page and no more.
    var isTight = false
    while true {
      lock.lock()
      var found = find(address)
      if found == nil { found = grow(to: address) }
      guard let i = found else {
        lock.unlock()
        return .notMapped
      }
      let vma = vmas[i]
      guard access.isSubset(of: vma.effective), !vma.protection.isEmpty else {
        lock.unlock()
        return .notAllowed
      }
      let page = address & ~4095
      if vma.isShared, let object = vma.object, object.shared != nil {
        return faultShared(vma, object, page, access)
      }
      if CommittedPages.contains(page) {
        // Another thread was faster, or the permissions changed while the fault was on its way.
        lock.unlock()
        return .resolved
      }
      guard let object = vma.object else {
        let result = commitAnonymous(i, page)
        lock.unlock()
        return result
      }
      // Reading on from where the last window ended takes pieces that can be large pages of the host's.
      let isSequential = vma.faultWindow > 0 && vma.faultEnd == page
      let size = isSequential ? Self.largestWindow : Self.fileWindow
      // The text of most libraries is small, and most of it is touched by the time a program runs: one piece.
      let isSmallText =
        vma.protection.contains(.PROT_EXEC) && vma.end - vma.start <= Self.largestWindow
      var (from, to) =
        isTight
        ? (page, page + 4096)
        : isSmallText ? hole(vma.start, vma.end, page) : window(vma, page, size, size)
      lock.unlock()

      let offset = vma.offset + UInt64(from - vma.start)
      let end = (object.size + 4095) & ~4095
      if offset + UInt64(page - from) >= end { return .beyondFile }
      // What the window has beyond the end of the file stays without pages.
      if offset + UInt64(to - from) > end { to = from + UInt(end - offset) }
      let content: [PagePiece]
      do throws(Errno) {
        content = try Self.content(of: object, offset, Int(to - from))
      } catch {
        if error == .ENOMEM, !isTight {
          isTight = true
          continue
        }
        return error == .ENOMEM ? .outOfMemory : .beyondFile
      }

      lock.lock()
      // The map may have changed meanwhile: only if it still says the same is the content right.
      if let j = find(page), vmas[j].object === object, vmas[j].start <= from, vmas[j].end >= to,
        vmas[j].offset + UInt64(from - vmas[j].start) == offset,
        CommittedPages.next(from, to, committed: true) == nil
      {
        let ok = commitFile(vmas[j], from, to, content)
        vmas[j].faultEnd = to
        vmas[j].faultWindow = size
        lock.unlock()
        if ok { return .resolved }
        if isTight { return .outOfMemory }
        isTight = true
        continue
      }
      lock.unlock()
    }
  }

  /// The uncommitted pages around `page` to commit at once: aligned to `size`, within the mapping.
  private func window(_ vma: VMA, _ page: UInt, _ size: UInt, _ alignment: UInt) -> (UInt, UInt) {
    let from = max(vma.start, page & ~(alignment - 1))
    var to = min(vma.end, from + size)
    if page >= to { to = min(vma.end, page + 4096) }
    return hole(from, to, page)
  }

  /// The uncommitted pages of [from, to) around `page`.
  private func hole(_ from: UInt, _ to: UInt, _ page: UInt) -> (UInt, UInt) {
    var (from, to) = (from, to)
    var at = page
    while at > from, !CommittedPages.contains(at - 4096) { at -= 4096 }
    from = at
    at = page + 4096
    while at < to, !CommittedPages.contains(at) { at += 4096 }
    to = min(to, at)
    return (from, to)
  }

  private func commitAnonymous(_ i: Int, _ page: UInt) -> FaultResult {
    let vma = vmas[i]
    var size = Self.smallestWindow
    if vma.faultEnd == page, vma.faultWindow > 0 {
      size = min(vma.faultWindow * 2, Self.largestWindow)
    }
    var (from, to) = window(vma, page, size, Self.smallestWindow)
    // Large windows end at a boundary, so that the next one can be a large page of the host's.
    if to - from == Self.largestWindow { to = max(page + 4096, to & ~(Self.largestWindow - 1)) }
    if !commit(vma, from, to) {
      (from, to) = (page, page + 4096)
      guard commit(vma, from, to) else { return .outOfMemory }
    }
    vmas[i].faultEnd = to
    vmas[i].faultWindow = size
    return .resolved
  }

  private func commit(_ vma: VMA, _ from: UInt, _ to: UInt) -> Bool {
    let isReadWrite = vma.effective == [.PROT_READ, .PROT_WRITE]
    guard isReadWrite else { return commitFile(vma, from, to, []) }
    guard CommittedPages.set(from, to, true) else { return false }
    if PageChange.commit(from, Int(to - from)) { return true }
    _ = CommittedPages.set(from, to, false)
    return false
  }

  /// What a private mapping starts with: the page cache's own pages, or a copy.
  static func content(
    of object: MappedObject, _ offset: UInt64, _ count: Int
  ) throws(Errno) -> [PagePiece] {
    if let pieces = try object.pieces(offset, count) { return pieces }
    guard let staging = PageRun(pageCount: count >> 12) else { throw .ENOMEM }
    var buffer = staging.buffer(0, count: staging.byteCount)
    _ = try object.read(&buffer, offset: offset)
    return [PagePiece(run: staging, from: 0, at: 0, count: count)]
  }

  private func commitFile(_ vma: VMA, _ from: UInt, _ to: UInt, _ content: [PagePiece]) -> Bool {
    guard CommittedPages.set(from, to, true) else { return false }
    let all = FilledStretch(
      end: to, protection: vma.effective, content: content, rewritten: vma.rewritten)
    if FilledPages.commit(from, [all]) { return true }
    _ = CommittedPages.set(from, to, false)
    return false
  }

  /// Profile `fixed`: pages never fault, so everything accessible in [start, end) is committed (cleared, filled
  /// from its file) when it is mapped. Called without the lock.
  func commitIfFixed(_ start: UInt, _ end: UInt) {
    guard PageChange.isFixed else { return }
    var at = start
    while at < end {
      lock.lock()
      let i = index(above: at)
      guard i < vmas.count, vmas[i].start < end else {
        lock.unlock()
        return
      }
      let v = vmas[i]
      lock.unlock()
      if !v.protection.isEmpty {
        _ = populate(max(at, v.start), min(end, v.end), access: .PROT_READ)
      }
      at = v.end
    }
  }

  /// Commits every page of [start, end) now (MAP_POPULATE, the loader). `isStrict`: looks at pages that are there, too.
  func populate(
    _ start: UInt, _ end: UInt, access: Protection, isStrict: Bool = false
  ) -> FaultResult {
    var at = start
    while at < end {
      if isStrict || !CommittedPages.contains(at) {
        // Shared pages are not in that record; a fault on one that is there does nothing.
        let result = fault(at, access: access)
        guard case .resolved = result else { return result }
      }
      at += 4096
    }
    return .resolved
  }

  /// The first address of [start, end) whose mapping does not itself allow `access`; reading of what can only be
  /// written or executed works, but MADV_POPULATE_READ refuses it.
  func firstRefusing(_ access: Protection, _ start: UInt, _ end: UInt) -> UInt {
    lock.withLock {
      var i = index(above: start)
      while i < vmas.count, vmas[i].start < end {
        if !vmas[i].protection.contains(access) { return max(start, vmas[i].start) }
        i += 1
      }
      return end
    }
  }

  /// MAP_GROWSDOWN: extends the stack above `address` down to it.
  private func grow(to address: UInt) -> Int? {
    let i = index(above: address)
    guard i < vmas.count, vmas[i].growsDown else { return nil }
    let start = address & ~4095
    // The guard keeps off what can be accessed; another stack and a guard page of the program's own may be near
    // (expand_downwards()).
    let isClose = i > 0 && !vmas[i - 1].growsDown && !vmas[i - 1].protection.isEmpty
    let below = i > 0 ? vmas[i - 1].end : Self.lowest
    guard start >= below, !isClose || start - below >= Self.growGuard,
      vmas[i].end - start <= stackLimit, mayExpand(vmas[i].start - start, isData: false),
      claim(start, vmas[i].start)
    else { return nil }
    clearOthers(start, vmas[i].start)
    totalBytes += vmas[i].start - start
    vmas[i].start = start
    return i
  }
}
