import EnclaveRuntime
import LinuxABI
import PayloadFormat

extension AddressSpace {
  /// Prepares the sites of file content that is about to become executable: finds room for the stubs within
  /// ±2 GiB, writes them, and returns the patches. nil: nothing to rewrite (the sites, if any, take the trap).
  ///
  /// The lock is NOT held: file content is read. `place` is the address of file offset `offset`.
  func prepareRewriting(
    _ object: MappedObject, place: UInt, offset: UInt64, length: UInt
  ) -> RewrittenObject? {
    var table: [UInt8]?
    do throws(Errno) { table = try object.siteTable() } catch { return nil }
    guard let table, let sites = SiteTable.decode(table), !sites.isEmpty else { return nil }
    var relevant = 0
    for site in sites
    where site.fileOffset >= offset
      && site.fileOffset + UInt64(site.length) <= offset + UInt64(length)
    {
      relevant += 1
    }
    if relevant == 0 { return nil }
    let room = (UInt(relevant * RewrittenObject.largestStub) + 4095) & ~4095

    lock.lock()
    guard let stubBase = stubGap(room, near: place, length: length) else {
      lock.unlock()
      return nil
    }
    insert(
      VMA(
        start: stubBase, end: stubBase + room, protection: [.PROT_READ, .PROT_EXEC], kind: .stubs))
    lock.unlock()

    let reader = WindowReader(object)
    guard
      let plan = RewrittenObject.plan(
        sites: sites, address: place, offset: offset, length: length, stubBase: stubBase,
        readFile: { (at, count) in reader.bytes(at, count) })
    else {
      KernelLog.line(
        "a system-call site table does not fit its file; the file's calls take the trap")
      lock.lock()
      removeRange(stubBase, stubBase + room)
      lock.unlock()
      return nil
    }
    let used = (UInt(plan.stubs.count) + 4095) & ~4095
    lock.lock()
    defer { lock.unlock() }
    if used < room { removeRange(stubBase + used, stubBase + room) }
    guard used > 0, CommittedPages.set(stubBase, stubBase + used, true) else { return nil }
    guard let code = PageRun(pageCount: Int(used >> 12)) else {
      _ = CommittedPages.set(stubBase, stubBase + used, false)
      removeRange(stubBase, stubBase + used)
      return nil
    }
    KernelCopy.store(code.address, plan.stubs, from: 0, count: plan.stubs.count)
    let all = FilledStretch(
      end: stubBase + used, protection: [.PROT_READ, .PROT_EXEC],
      content: [PagePiece(run: code, from: 0, at: 0, count: code.byteCount)], rewritten: nil)
    guard FilledPages.commit(stubBase, [all]) else {
      _ = CommittedPages.set(stubBase, stubBase + used, false)
      removeRange(stubBase, stubBase + used)
      return nil
    }
    let rewritten = RewrittenObject(patches: plan.patches, sites: plan.sites)
    split(at: stubBase)
    split(at: stubBase + used)
    if let i = find(stubBase) { vmas[i].rewritten = rewritten }
    return rewritten
  }

  /// Room for stubs within reach of `jmp rel32`: below the mapping first, then above.
  private func stubGap(_ room: UInt, near place: UInt, length: UInt) -> UInt? {
    let reach: UInt = (2 << 30) - (64 << 20)
    let bottom = place + length > reach ? max(Self.lowest, place + length - reach) : Self.lowest
    if let found = gap(room, below: place, above: bottom) { return found }
    return gap(room, below: min(Self.highest, place + reach), above: place + length)
  }
}

/// Reads small pieces of a file through a window of 64 KiB.
final class WindowReader {
  private let object: MappedObject
  private let run: PageRun?
  private var start: UInt64 = 0
  private var count = 0

  init(_ object: MappedObject) {
    self.object = object
    run = PageRun(pageCount: 16)
  }

  func bytes(_ at: UInt64, _ n: Int) -> [UInt8]? {
    guard let run, n <= run.byteCount else { return nil }
    if at < start || at + UInt64(n) > start + UInt64(count) {
      start = at
      count = 0
      while count < run.byteCount {
        var buffer = run.buffer(count, count: run.byteCount - count)
        var got = 0
        do throws(Errno) { got = try object.read(&buffer, offset: start + UInt64(count)) } catch {
          return nil
        }
        if got == 0 { break }
        count += got
      }
    }
    guard at + UInt64(n) <= start + UInt64(count) else { return nil }
    return run.bytes(Int(at - start), count: n)
  }
}
