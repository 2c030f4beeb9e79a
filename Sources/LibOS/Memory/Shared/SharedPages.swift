import EnclaveRuntime
import LinuxABI

/// Pages that several mappings of one object show (MAP_SHARED).
///
/// An EPC page has one linear address, so a page of a shared object cannot simply appear at two. It
/// migrates instead: a page is either *writable* at exactly one address, its home, where its content is, or
/// there are any number of read-only copies beside the object's own (memory with a coherence protocol works
/// the same way). A mapping without the right kind of page faults, and the fault brings it. The kernel's own
/// reads and writes of the object first collect what is at home in user memory.
///
/// A *view* is all mappings with the same distance between address and offset, in whatever process: members
/// of a family have theirs in common, and splits and merges of mappings do not matter. Pages of shared
/// mappings are recorded here and not in `CommittedPages`.
///
/// `lock` guards everything. It comes after the memory map's lock and before the inode's.
///
/// Profile `fixed`, where no page faults: every mapping is filled when it is made and stored when it goes; the
/// kernel's reads and writes see one mapping and are seen by it, two mappings do not see each other.
final class SharedPages: @unchecked Sendable {
  let lock = Lock()
  private var views: [View] = []
  /// Stores without a fault matter (times of a file, sparse pages); otherwise what may be written is at once.
  private let tracksWrites: Bool

  init(tracksWrites: Bool) { self.tracksWrites = tracksWrites }

  deinit {
    for view in views {
      for (key, word) in view.words {
        forEachRun(word.present) { (first, last) in
          release(view, key << 6 + UInt64(first), key << 6 + UInt64(last))
        }
      }
    }
  }

  private struct View {
    /// The address of the object's first page, which need not be mapped; wraps around.
    let base: UInt
    /// By page number / 64.
    var words: [UInt64: Word] = [:]

    func address(_ page: UInt64) -> UInt { base &+ UInt(page << 12) }
  }

  /// 64 pages of a view.
  private struct Word {
    var present: UInt64 = 0
    var writable: UInt64 = 0
    var executable: UInt64 = 0

    func protection(_ bit: UInt64) -> Protection {
      var p: Protection = .PROT_READ
      if writable & bit != 0 { p.insert(.PROT_WRITE) }
      if executable & bit != 0 { p.insert(.PROT_EXEC) }
      return p
    }
  }

  private static let window: UInt64 = 16

  // MARK: Faults

  /// Makes page `page` of the object, at `address` in mapping `vma`, fit for an access. Called with the
  /// memory map's lock held.
  func access(
    _ page: UInt64, at address: UInt, _ vma: VMA, _ access: Protection, _ backing: any SharedBacking
  ) -> FaultResult {
    lock.lock()
    defer { lock.unlock() }
    let pageCount = (backing.sharedSize + 4095) >> 12
    if page >= pageCount { return .beyondFile }
    let base = address &- UInt(page << 12)
    let v = view(base)
    let canWrite = vma.protection.contains(.PROT_WRITE)
    let write = access.contains(.PROT_WRITE) || (canWrite && (!tracksWrites || PageChange.isFixed))
    let bit: UInt64 = 1 << (page & 63)
    let word = views[v].words[page >> 6] ?? Word()

    if word.present & bit != 0 {
      let has = word.protection(bit)
      var needs = has
      if write, !has.contains(.PROT_WRITE) {
        guard backing.reserveShared(page << 12) else { return .beyondFile }
        leaveOthers(page, v, exclusive: true, backing)
        needs.insert(.PROT_WRITE)
      }
      if access.contains(.PROT_EXEC) { needs.insert(.PROT_EXEC) }
      // Otherwise another thread was faster.
      if needs != has {
        PageChange.protect(views[v].address(page), 4096, from: has, to: needs)
        if needs.contains(.PROT_WRITE) { backing.releaseShared(page << 12, count: 4096) }
        mark(v, page, page, needs)
      }
      return .resolved
    }

    if write {
      guard backing.reserveShared(page << 12) else { return .beyondFile }
    }
    leaveOthers(page, v, exclusive: write, backing)
    // With it its neighbours that are nowhere yet.
    var first = page
    var last = page
    let lowest = max(page & ~(Self.window - 1), vma.offset >> 12)
    let highest = min(
      min(page | (Self.window - 1), pageCount - 1), (vma.offset >> 12) + UInt64(vma.count >> 12) - 1
    )
    while first > lowest, !isAnywhere(first - 1) { first -= 1 }
    while last < highest, !isAnywhere(last + 1) { last += 1 }
    if !bring(v, first, last, vma, write: write, backing) {
      guard first != last, bring(v, page, page, vma, write: write, backing) else {
        return .outOfMemory
      }
    }
    return .resolved
  }

  private func bring(
    _ v: Int, _ first: UInt64, _ last: UInt64, _ vma: VMA, write: Bool, _ backing: any SharedBacking
  ) -> Bool {
    let address = views[v].address(first)
    let count = Int(last - first + 1) << 12
    guard let staging = PageRun(pageCount: count >> 12) else { return false }
    backing.loadShared(first << 12, into: staging.address, count: count)
    var protection = vma.effective
    if !write { protection.remove(.PROT_WRITE) }
    // Rewritten instructions are in this copy only, and a copy that cannot be written is never stored.
    let rewritten = vma.protection.contains(.PROT_WRITE) ? nil : vma.rewritten
    let content = [PagePiece(run: staging, from: 0, at: 0, count: count)]
    let all = FilledStretch(
      end: address + UInt(count), protection: protection, content: content, rewritten: rewritten)
    guard FilledPages.commit(address, [all]) else { return false }
    if write { backing.releaseShared(first << 12, count: count) }
    mark(v, first, last, protection)
    return true
  }

  /// Takes a page from the other views: all of them, or only the right to write.
  private func leaveOthers(_ page: UInt64, _ v: Int, exclusive: Bool, _ backing: any SharedBacking)
  {
    // Nothing faults, so nothing can be taken away and come back.
    if PageChange.isFixed { return }
    let bit: UInt64 = 1 << (page & 63)
    for other in views.indices where other != v {
      guard let word = views[other].words[page >> 6], word.present & bit != 0 else { continue }
      if word.writable & bit != 0 { store(other, page, page, backing) }
      if exclusive { drop(other, page, page) }
    }
  }

  // MARK: What the kernel does with the object itself

  /// Before the kernel reads [offset, offset + count): the object has the content.
  func collect(_ offset: UInt64, _ count: UInt64, _ backing: any SharedBacking) {
    lock.lock()
    defer { lock.unlock() }
    collectLocked(offset, count, backing)
  }

  func collectLocked(_ offset: UInt64, _ count: UInt64, _ backing: any SharedBacking) {
    for v in views.indices {
      forEachRun(v, offset, count, { $0.writable }) { (first, last) in
        store(v, first, last, backing)
      }
    }
  }

  /// Around a write of the kernel's; `lock` is held throughout. Nobody has the pages meanwhile.
  func beginWrite(_ offset: UInt64, _ count: UInt64, _ backing: any SharedBacking) {
    collectLocked(offset, count, backing)
    if PageChange.isFixed { return }
    discardLocked(offset, count)
  }

  func endWrite(_ offset: UInt64, _ count: UInt64, _ backing: any SharedBacking) {
    guard PageChange.isFixed else { return }
    for v in views.indices {
      forEachRun(v, offset, count, { $0.present }) { (first, last) in
        backing.loadShared(
          first << 12, into: views[v].address(first), count: Int(last - first + 1) << 12)
      }
    }
  }

  /// The pages that lie in [offset, offset + count) are gone: truncation, punched holes. `lock` is held.
  func discardLocked(_ offset: UInt64, _ count: UInt64) {
    for v in views.indices {
      forEachRun(v, offset, count, { $0.present }) { (first, last) in drop(v, first, last) }
    }
  }

  // MARK: The end of mappings

  /// A mapping of object bytes [offset, offset + count) at `address` goes, or its permissions change.
  func leave(address: UInt, offset: UInt64, count: UInt64, _ backing: any SharedBacking) {
    lock.lock()
    defer { lock.unlock() }
    let base = address &- UInt(offset)
    guard let v = views.firstIndex(where: { $0.base == base }) else { return }
    forEachRun(v, offset, count, { $0.writable }) { (first, last) in store(v, first, last, backing)
    }
    forEachRun(v, offset, count, { $0.present }) { (first, last) in drop(v, first, last) }
    if views[v].words.isEmpty { views.remove(at: v) }
  }

  /// mincore(2).
  func isPresent(_ page: UInt64) -> Bool { lock.withLock { isAnywhere(page) } }

  // MARK: Pages (`lock` held)

  private func view(_ base: UInt) -> Int {
    if let i = views.firstIndex(where: { $0.base == base }) { return i }
    views.append(View(base: base))
    return views.count - 1
  }

  private func isAnywhere(_ page: UInt64) -> Bool {
    let bit: UInt64 = 1 << (page & 63)
    for view in views {
      if let word = view.words[page >> 6], word.present & bit != 0 { return true }
    }
    return false
  }

  private func mark(_ v: Int, _ first: UInt64, _ last: UInt64, _ protection: Protection) {
    for page in first...last {
      let bit: UInt64 = 1 << (page & 63)
      var word = views[v].words[page >> 6] ?? Word()
      word.present |= bit
      if protection.contains(.PROT_WRITE) { word.writable |= bit } else { word.writable &= ~bit }
      if protection.contains(.PROT_EXEC) { word.executable |= bit } else { word.executable &= ~bit }
      views[v].words[page >> 6] = word
    }
  }

  /// Content of writable pages into the object; they cannot be written any more. All have the same
  /// permissions.
  private func store(_ v: Int, _ first: UInt64, _ last: UInt64, _ backing: any SharedBacking) {
    let address = views[v].address(first)
    let count = Int(last - first + 1) << 12
    if !PageChange.isFixed {
      // First nobody can write, then the content is taken.
      for page in first...last {
        let has = (views[v].words[page >> 6] ?? Word()).protection(1 << (page & 63))
        PageChange.protect(
          views[v].address(page), 4096, from: has, to: has.subtracting(.PROT_WRITE))
      }
    }
    if !backing.storeShared(first << 12, from: address, count: count) {
      // The content exists nowhere else, and where it is it cannot stay.
      panic("no memory for a page of a shared mapping")
    }
    if PageChange.isFixed { return }
    for page in first...last { views[v].words[page >> 6]?.writable &= ~(1 << (page & 63)) }
  }

  private func drop(_ v: Int, _ first: UInt64, _ last: UInt64) {
    release(views[v], first, last)
    for page in first...last {
      let bit: UInt64 = 1 << (page & 63)
      guard var word = views[v].words[page >> 6] else { continue }
      word.present &= ~bit
      word.writable &= ~bit
      word.executable &= ~bit
      views[v].words[page >> 6] = word.present == 0 ? nil : word
    }
  }

  private func release(_ view: View, _ first: UInt64, _ last: UInt64) {
    PageChange.release(view.address(first), Int(last - first + 1) << 12)
  }

  // MARK: Runs

  /// Stretches of set bits, inclusive bounds.
  private func forEachRun(_ bits: UInt64, _ body: (Int, Int) -> Void) {
    var rest = bits
    while rest != 0 {
      let first = rest.trailingZeroBitCount
      let count = (~(rest >> UInt64(first))).trailingZeroBitCount
      body(first, first + count - 1)
      rest &= count + first >= 64 ? 0 : ~UInt64(0) << UInt64(first + count)
    }
  }

  /// Stretches of pages of [offset, offset + count) whose bit in `bits` is set.
  private func forEachRun(
    _ v: Int, _ offset: UInt64, _ count: UInt64, _ bits: (Word) -> UInt64,
    _ body: (UInt64, UInt64) -> Void
  ) {
    guard count > 0 else { return }
    let first = offset >> 12
    let (end, overflow) = offset.addingReportingOverflow(count - 1)
    let last = (overflow ? .max : end) >> 12
    var keys: [UInt64] = []
    if (last >> 6) - (first >> 6) < UInt64(views[v].words.count) {
      for key in (first >> 6)...(last >> 6) where views[v].words[key] != nil { keys.append(key) }
    } else {
      for key in views[v].words.keys where key >= first >> 6 && key <= last >> 6 {
        keys.append(key)
      }
    }
    for key in keys {
      guard let word = views[v].words[key] else { continue }
      var mask = bits(word)
      if key == first >> 6 { mask &= ~UInt64(0) << (first & 63) }
      if key == last >> 6 { mask &= ~UInt64(0) >> (63 - (last & 63)) }
      forEachRun(mask) { (from, to) in body(key << 6 + UInt64(from), key << 6 + UInt64(to)) }
    }
  }
}
