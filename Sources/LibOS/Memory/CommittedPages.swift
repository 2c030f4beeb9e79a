import EnclaveRuntime

/// Which user pages of the enclave are committed (have an EPC page). The kernel's own record, never the
/// host's: EACCEPT is executed only for pages that are not in it.
///
/// The bits of a range are guarded by the lock of the address space that owns it; eight pages (one byte) never
/// belong to two processes that run at the same time. `growthLock` guards the making of maps only.
enum CommittedPages {
  /// One bit a page, one run of 32 KiB for each GiB that was ever touched; behind them 512 bits, one for each 2 MiB in
  /// which a page may be committed, so that large reservations are looked through quickly.
  nonisolated(unsafe) private static var maps = [PageRun?](repeating: nil, count: 1024)
  private static let growthLock = Lock()

  private static func map(_ address: UInt, create: Bool) -> PageRun? {
    let i = Int(address >> 30) & 1023
    if let run = unsafe maps[i] { return run }
    if !create { return nil }
    growthLock.lock()
    defer { growthLock.unlock() }
    if let run = unsafe maps[i] { return run }
    let run = PageRun(pageCount: 9)
    unsafe maps[i] = run
    return run
  }

  static func contains(_ address: UInt) -> Bool {
    guard let run = map(address, create: false) else { return false }
    let page = Int((address >> 12) & 0x3FFFF)
    return run[page >> 3] & (1 << UInt8(page & 7)) != 0
  }

  /// False: no memory for the record itself.
  static func set(_ start: UInt, _ end: UInt, _ committed: Bool) -> Bool {
    var at = start
    while at < end {
      guard let run = map(at, create: committed) else {
        if committed { return false }
        at = min(end, (at | 0x3FFF_FFFF) + 1)
        continue
      }
      let until = min(end, (at | 0x1F_FFFF) + 1)
      set(run, at, until, committed)
      at = until
    }
    return true
  }

  /// Within 2 MiB.
  private static func set(_ run: PageRun, _ start: UInt, _ end: UInt, _ committed: Bool) {
    var page = Int((start >> 12) & 0x3FFFF)
    let block = page >> 9
    let last = page + Int((end - start) >> 12)
    while page < last {
      if page & 7 == 0, last - page >= 8 {
        run[page >> 3] = committed ? 0xFF : 0
        page += 8
      } else {
        let bit = UInt8(1) << UInt8(page & 7)
        if committed { run[page >> 3] |= bit } else { run[page >> 3] &= ~bit }
        page += 1
      }
    }
    let mark = UInt8(1) << UInt8(block & 7)
    let at = summary + (block >> 3)
    // Eight blocks are 16 MiB, a chunk, and so one process's (`UserChunks`); the chunks of `fixed` are smaller, and its
    // blocks are not used.
    if PageChange.isFixed { return }
    if committed {
      run[at] |= mark
    } else if run.isFilled64(block << 6, with: 0) {
      run[at] &= ~mark
    }
  }

  /// Where the bits of the blocks begin.
  private static let summary = 8 << 12

  /// The first address of [at, (GiB's end)) at or behind the start of a block, in whose block a page may be committed.
  private static func skip(_ run: PageRun, _ at: UInt) -> UInt {
    var block = Int((at >> 21) & 511)
    while block < 512 {
      let byte = run[summary + (block >> 3)] >> UInt8(block & 7)
      if byte != 0 { return (at & ~0x3FFF_FFFF) + (UInt(block + byte.trailingZeroBitCount) << 21) }
      block = (block | 7) + 1
    }
    return (at | 0x3FFF_FFFF) + 1
  }

  /// Bytes of committed pages in [start, end).
  static func count(_ start: UInt, _ end: UInt) -> UInt {
    var total: UInt = 0
    var at = start
    while let (from, to) = next(at, end, committed: true) {
      total += to - from
      at = to
    }
    return total
  }

  /// The first stretch of pages in [start, end) whose state is `committed`; nil when there is none.
  static func next(_ start: UInt, _ end: UInt, committed: Bool) -> (UInt, UInt)? {
    var at = start
    while at < end, contains(at) != committed { at = step(at, end, !committed) }
    if at >= end { return nil }
    let from = at
    while at < end, contains(at) == committed { at = step(at, end, committed) }
    return (from, min(at, end))
  }

  /// One page on, or eight or 512 when a whole byte or 64 of the map have that state, or a GiB that has no map.
  private static func step(_ at: UInt, _ end: UInt, _ state: Bool) -> UInt {
    guard let run = map(at, create: false) else { return min(end, (at | 0x3FFF_FFFF) + 1) }
    let page = Int((at >> 12) & 0x3FFFF)
    if page & 511 == 0 {
      if !state, !PageChange.isFixed {
        let next = skip(run, at)
        if next > at { return min(end, next) }
      }
      if run.isFilled64(page >> 3, with: state ? .max : 0) { return min(end, at + (512 << 12)) }
    }
    if page & 7 == 0, run[page >> 3] == (state ? 0xFF : 0) { return min(end, at + (8 << 12)) }
    return at + 4096
  }
}
