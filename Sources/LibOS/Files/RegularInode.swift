import EnclaveRuntime
import HostInterface
import LinuxABI
import Synchronization

/// A regular file in memory, with or without a file of the lower layer behind it.
///
/// Content lies in chunks of 64 KiB (128 KiB over a lower file), each a page run that holds the pages
/// present; a page that is not present is a hole, or still below in the lower layer up to `lowerSize`. This is
/// also the page cache: chunks of a lower file that nobody has written are dropped when the cache is full. Reading in a
/// row brings in whole chunks, anything else the pages that are asked for (`load`).
///
/// `lock` guards the chunk tables and sizes and is never held over a copy from or to user memory: a
/// copy holds the run itself. `writeLock` (Linux: i_rwsem) makes writes, appends and truncation take turns.
final class RegularInode: Inode, SharedBacking, @unchecked Sendable {
  let writeLock = Lock()

  struct Chunk {
    var run: PageRun?
    /// Bit i: page i has content.
    var present: UInt32 = 0
    /// Bit i: page i was written, the lower layer does not have it. Present and not dirty without one:
    /// fallocate(2) reserved it, SEEK_DATA still calls it a hole.
    var dirty: UInt32 = 0
  }
  struct FarChunk {
    var index: UInt64
    var chunk: Chunk
  }

  private let chunkShift: UInt64
  private var chunkSize: UInt64 { 1 << chunkShift }
  private var pagesPerChunk: Int { 1 << Int(chunkShift - 12) }
  /// Chunks 0 ..< nearLimit, as far as needed.
  private var near: [Chunk] = []
  /// Chunks beyond, sorted (sparse files of terabytes).
  private var far: [FarChunk] = []
  private static let nearLimit: UInt64 = 1 << 16

  private var byteCount: UInt64
  private let lower: LowerObject?
  /// Content below this that is not present comes from the lower layer.
  private var lowerSize: UInt64
  private var pageTotal = 0
  /// An O_TMPFILE that linkat(2) may give a name.
  var isLinkable = false
  /// Open descriptions that may write, and that only read (F_SETLEASE).
  let writerCount = Atomic<Int>(0)
  let readerCount = Atomic<Int>(0)
  /// Programs that run from it: nobody may write to it (execve(2), ETXTBSY).
  let programCount = Atomic<Int>(0)
  /// F_ADD_SEALS (memfd); nil: not sealable. Guarded by `lock`.
  var seals: UInt32?
  /// Shared mappings that may write. Guarded by `lock`.
  var writableMappings = 0
  /// Pages that MAP_SHARED mappings have; made with the first one. Set with `writeLock` held.
  private(set) var sharedPages: SharedPages?
  private var firstReads = FirstReads()
  /// Runs of whole chunks that made way, for the next ones: fresh memory is the dearest part of writing a large file.
  private var spareRuns: [PageRun] = []
  private var siteTableLoaded = false
  private var sites: [UInt8]?

  init(
    _ fileSystem: FileSystem, mode: UInt32, uid: UInt32 = 0, gid: UInt32 = 0,
    lower: LowerObject? = nil
  ) {
    let lower = lower ?? fileSystem.newLower(mode: FileMode.S_IFREG)
    self.lower = lower
    byteCount = lower?.size ?? 0
    lowerSize = lower?.size ?? 0
    chunkShift = lower == nil ? 16 : 17
    super.init(
      fileSystem, mode: mode & ~FileMode.S_IFMT | FileMode.S_IFREG, uid: uid, gid: gid,
      number: lower.map { $0.inode })
  }

  deinit { fileSystem.givePages(pageTotal) }

  override var size: UInt64 { lock.withLock { byteCount } }
  override var lockedSize: UInt64 { byteCount }
  override var blocks: UInt64 {
    // Whole blocks of 4 KiB, as disk file systems count (stat(2), st_blocks).
    if lowerSize > 0 { return (byteCount + 4095) / 4096 * 8 }
    return UInt64(pageTotal) * 8
  }

  // MARK: Chunk tables (`lock` held)

  private func chunk(_ index: UInt64) -> Chunk {
    if index < UInt64(near.count) { return near[Int(index)] }
    if index < Self.nearLimit { return Chunk() }
    let at = farIndex(index)
    if at < far.count && far[at].index == index { return far[at].chunk }
    return Chunk()
  }

  private func farIndex(_ index: UInt64) -> Int {
    var low = 0
    var high = far.count
    while low < high {
      let middle = (low + high) / 2
      if far[middle].index < index { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Where the last chunk there is ends.
  private var tableEnd: UInt64 {
    ((far.last?.index).map { $0 + 1 } ?? UInt64(near.count)) << chunkShift
  }

  private func setChunk(_ index: UInt64, _ value: Chunk) {
    if index < Self.nearLimit {
      if index >= UInt64(near.count) {
        while UInt64(near.count) <= index { near.append(Chunk()) }
      }
      account(near[Int(index)], value)
      near[Int(index)] = value
      return
    }
    let at = farIndex(index)
    if at < far.count && far[at].index == index {
      account(far[at].chunk, value)
      far[at].chunk = value
    } else {
      account(Chunk(), value)
      far.insert(FarChunk(index: index, chunk: value), at: at)
    }
  }

  /// Pages that nothing lower could give again count as memory in use; the cache has a bound of its own.
  private func account(_ old: Chunk, _ new: Chunk) {
    let cacheChange = cached(new) - cached(old)
    if cacheChange > 0 { PageCache.note(self, cacheChange) }
    if cacheChange < 0 { PageCache.forget(-cacheChange) }
    let change = owned(new).nonzeroBitCount - owned(old).nonzeroBitCount
    if change == 0 { return }
    pageTotal += change
    if change > 0 { fileSystem.takePages(change) } else { fileSystem.givePages(-change) }
  }

  private func owned(_ chunk: Chunk) -> UInt32 { lower == nil ? chunk.present : chunk.dirty }

  /// Pages of memory that dropping the chunk would give back.
  private func cached(_ chunk: Chunk) -> Int {
    lower == nil || chunk.dirty != 0 ? 0 : chunk.run?.pageCount ?? 0
  }

  /// A run for the chunk with at least `pages` pages, content kept. Over a lower file, pages that are not present hold
  /// anything: whoever makes one present fills it.
  private func grow(
    _ chunk: inout Chunk, pages: Int, forCache: Bool = false
  ) throws(Errno) {
    if let run = chunk.run, run.pageCount >= pages { return }
    var count = pages
    if lower == nil {
      count = pages <= 1 ? 1 : pages <= 2 ? 2 : pages <= 4 ? 4 : pagesPerChunk
    } else if !forCache {
      // In doubled steps, so that a file that grows by small writes is not copied each time.
      count = pages <= 1 ? 1 : pages <= 2 ? 2 : pages <= 4 ? 4 : pages <= 8 ? 8 : pagesPerChunk
    }
    guard forCache || TmpfsSpace.hasRoom(count) else {
      OutOfMemory.tellFiles()
      throw .ENOSPC
    }
    let run: PageRun
    if count == pagesPerChunk, let spare = spareRuns.popLast() {
      run = spare
    } else {
      guard let made = PageRun(pageCount: count, isZeroed: lower == nil) else {
        OutOfMemory.tell()
        throw forCache ? .ENOMEM : .ENOSPC
      }
      run = made
    }
    if let old = chunk.run { run.copy(0, from: old, 0, count: old.byteCount) }
    chunk.run = run
  }

  /// Bits of the pages that `range` of a chunk touches.
  private static func bits(_ first: Int, _ last: Int) -> UInt32 {
    let count = last - first + 1
    let mask: UInt32 = count >= 32 ? .max : (1 << UInt32(count)) - 1
    return mask << UInt32(first)
  }

  /// The pages of a chunk that the lower layer has and that are not here.
  private func missing(_ chunk: Chunk, _ index: UInt64) -> UInt32 {
    let start = index << chunkShift
    guard start < lowerSize else { return 0 }
    return Self.bits(0, Int(min(chunkSize, lowerSize - start) - 1) >> 12) & ~chunk.present
  }

  /// Makes the lower content of pages `first` to `last` of a chunk present. Where it looks as if the file was read or
  /// written in a row, the rest of the chunk comes with them (readahead). Returns the chunk.
  private func load(_ index: UInt64, _ first: Int, _ last: Int) throws(Errno) -> Chunk {
    let chunk = chunk(index)
    let missing = missing(chunk, index)
    let asked = Self.bits(first, last)
    if missing & asked == 0 { return chunk }
    let isInRow = isInRow(chunk, index, first, count: last - first + 1)
    return try load(index, chunk, missing & (isInRow ? asked | .max << UInt32(first) : asked))
  }

  /// All of a chunk's lower content.
  private func loadWhole(_ index: UInt64) throws(Errno) -> Chunk {
    let chunk = chunk(index)
    return try load(index, chunk, missing(chunk, index))
  }

  /// Whether more pages before this one are here than are asked for now, as after reading in a row (Linux:
  /// try_context_readahead). The beginning of a file is always taken for the beginning of more.
  private func isInRow(_ chunk: Chunk, _ index: UInt64, _ first: Int, count: Int) -> Bool {
    if index == 0 && first == 0 { return true }
    let history = first == 0 ? 0 : chunk.present << UInt32(32 - first)
    let here = (~history).leadingZeroBitCount
    if here < first { return here > count }
    guard index > 0 else { return first > count }
    let previous = self.chunk(index - 1).present << UInt32(32 - pagesPerChunk)
    return first + (~previous).leadingZeroBitCount > min(count, pagesPerChunk - 1)
  }

  /// Brings pages in from the lower layer, in whole pieces of it (`LowerObject.pieceSize`).
  private func load(_ index: UInt64, _ old: Chunk, _ wanted: UInt32) throws(Errno) -> Chunk {
    guard let lower, wanted != 0 else { return old }
    var chunk = old
    let start = index << chunkShift
    // The lower layer reads, and verifies, whole pieces; a file that was truncated here ends before.
    let whole = Int(min(chunkSize, lower.size - start))
    let length = Int(min(chunkSize, lowerSize - start))
    let wholePages = (whole + 4095) >> 12
    if chunk.run == nil { chunk.run = displaced(by: index, pages: wholePages) }
    try grow(&chunk, pages: wholePages, forCache: true)
    guard let run = chunk.run else { throw .ENOMEM }
    let step = min(pagesPerChunk, lower.pieceSize >> 12)
    func piece(_ page: Int) -> UInt32 { Self.bits(page, page + step - 1) }
    var page = wanted.trailingZeroBitCount / step * step
    while page < wholePages {
      if wanted & piece(page) == 0 {
        page += step
        continue
      }
      // As many pieces as follow each other; one of which pages are here already comes by itself, beside them.
      var end = page + step
      let isFree = old.present & piece(page) == 0
      while isFree, end < wholePages, wanted & piece(end) != 0, old.present & piece(end) == 0 {
        end += step
      }
      let from = page << 12
      let count = min(whole, end << 12) - from
      let lastPage = min(end, wholePages) - 1
      var target = run
      if !isFree {
        guard let aside = PageRun(pageCount: step, isZeroed: false) else { throw .ENOMEM }
        target = aside
      }
      let at = isFree ? from : 0
      let n: Int
      do throws(Errno) {
        n = min(
          try lower.read(offset: start + UInt64(from), into: target, at: at, length: count),
          max(0, length - from))
      } catch {
        setChunk(index, chunk)
        throw error
      }
      target.zero(at + n, count: (lastPage + 1) << 12 - from - n)
      for p in page...lastPage where chunk.present & (1 << UInt32(p)) == 0 && p << 12 < length {
        if !isFree { run.copy(p << 12, from: target, p << 12 - from, count: 4096) }
        chunk.present |= 1 << UInt32(p)
      }
      page = end
    }
    setChunk(index, chunk)
    return chunk
  }

  /// A large file's first reading: takes out the chunk that makes way for `index`. Its run, when nobody uses it.
  private func displaced(by index: UInt64, pages: Int) -> PageRun? {
    guard lower?.keepsFirstReading == false, lowerSize >> chunkShift > UInt64(FirstReads.limit),
      index < Self.nearLimit, let old = firstReads.note(index), old < UInt64(near.count),
      near[Int(old)].dirty == 0
    else { return nil }
    var run = near[Int(old)].run
    account(near[Int(old)], Chunk())
    near[Int(old)] = Chunk()
    guard isKnownUniquelyReferenced(&run), let run, run.pageCount >= pages else { return nil }
    return run
  }

  // MARK: Reading

  /// Bytes from `offset` on, at most to the end of the file.
  func read(_ buffer: inout IOBuffer, at offset: UInt64) throws(Errno) -> Int {
    buffer.endsAtFault = true
    sharedPages?.collect(offset, UInt64(buffer.remaining), self)
    return try readContent(&buffer, at: offset)
  }

  /// `read` without a look at shared mappings.
  private func readContent(_ buffer: inout IOBuffer, at offset: UInt64) throws(Errno) -> Int {
    if lower != nil { PageCache.reclaimIfNeeded() }
    var done = 0
    while buffer.remaining > 0 {
      let at = offset + UInt64(done)
      lock.lock()
      guard at < byteCount else {
        lock.unlock()
        break
      }
      let index = at >> chunkShift
      let within = Int(at & (chunkSize - 1))
      var n = min(buffer.remaining, Int(chunkSize) - within)
      if UInt64(n) > byteCount - at { n = Int(byteCount - at) }
      // One stretch of pages that are all there, or all holes.
      let firstPage = within >> 12
      let chunk: Chunk
      do throws(Errno) { chunk = try load(index, firstPage, (within + n - 1) >> 12) } catch {
        lock.unlock()
        if done > 0 { return done }
        throw error
      }
      let isThere = chunk.present & (1 << UInt32(firstPage)) != 0
      var page = firstPage + 1
      while page << 12 < within + n, (chunk.present & (1 << UInt32(page)) != 0) == isThere {
        page += 1
      }
      n = min(n, page << 12 - within)
      lock.unlock()
      do throws(Errno) {
        let moved: Int
        if isThere, let run = chunk.run {
          moved = try run.copyOut(within, count: n, to: &buffer)
        } else {
          moved = try buffer.writeZeros(count: n)
        }
        done += moved
        if moved < n { break }
      } catch {
        if done > 0 { return done }
        throw error
      }
    }
    return done
  }

  /// The cached pages of a range, for private mappings (`MappedObject.pieces`). `offset` is that of a page.
  func pieces(_ offset: UInt64, _ count: Int) throws(Errno) -> [PagePiece] {
    if lower != nil { PageCache.reclaimIfNeeded() }
    var out: [PagePiece] = []
    var done = 0
    lock.lock()
    defer { lock.unlock() }
    while done < count {
      let at = offset + UInt64(done)
      guard at < byteCount else { break }
      let index = at >> chunkShift
      let within = Int(at & (chunkSize - 1))
      let n = Int(min(UInt64(min(count - done, Int(chunkSize) - within)), byteCount - at))
      let chunk = try load(index, within >> 12, (within + n - 1) >> 12)
      // Stretches of pages that are there; holes stay zero.
      var page = within >> 12
      let endPage = (within + n + 4095) >> 12
      while page < endPage {
        let first = page
        while page < endPage, chunk.present & (1 << UInt32(page)) != 0 { page += 1 }
        if page > first, let run = chunk.run {
          let start = max(first << 12, within)
          let end = min(page << 12, within + n)
          out.append(
            PagePiece(run: run, from: start, at: done + start - within, count: end - start))
        }
        while page < endPage, chunk.present & (1 << UInt32(page)) == 0 { page += 1 }
      }
      done += n
    }
    return out
  }

  override func readPages(offset: UInt64, into address: UInt, count: Int) throws(Errno) -> Int {
    var buffer = IOBuffer.kernel(address: address, count: count)
    let n = try read(&buffer, at: offset)
    if n < count { _ = try buffer.writeZeros(count: count - n) }
    return n
  }

  override func writePages(offset: UInt64, from address: UInt, count: Int) throws(Errno) -> Int {
    writeLock.lock()
    defer { writeLock.unlock() }
    let end = size
    if offset >= end { return 0 }
    var buffer = IOBuffer.kernel(address: address, count: Int(min(UInt64(count), end - offset)))
    return try write(&buffer, at: offset)
  }

  // MARK: Writing (`writeLock` held)

  /// Takes bytes in at `offset`; the file grows as needed.
  func write(_ buffer: inout IOBuffer, at offset: UInt64) throws(Errno) -> Int {
    buffer.endsAtFault = true
    // 8 MiB at a time go down to a persistent file system: memory stays bounded, whatever the file's size.
    if dirtyPages >= 2048 && fileSystem.isPersistent {
      try writeBack(keepsSpares: true)
      PageCache.reclaimIfNeeded()
    }
    if let sharedPages { return try writeShared(&buffer, at: offset, sharedPages) }
    return try writeContent(&buffer, at: offset)
  }

  private func writeContent(_ buffer: inout IOBuffer, at offset: UInt64) throws(Errno) -> Int {
    // Clean pages of other files make room before a write fails.
    if !TmpfsSpace.hasRoom(buffer.remaining >> 12 + 32) { _ = PageCache.dropAll() }
    var done = 0
    while buffer.remaining > 0 {
      let at = offset + UInt64(done)
      let index = at >> chunkShift
      let within = Int(at & (chunkSize - 1))
      var n = min(buffer.remaining, Int(chunkSize) - within)
      // Near the bound of its file system a write goes page by page, and so takes exactly what fits.
      if !fileSystem.hasOwnRoom(pagesPerChunk) { n = min(n, 4096 - within & 4095) }
      lock.lock()
      let before = chunk(index)
      let run: PageRun
      do throws(Errno) { run = try prepare(index, within, n) } catch {
        lock.unlock()
        if done > 0 { break }
        throw error
      }
      lock.unlock()
      var moved = 0
      do throws(Errno) { moved = try run.copyIn(within, count: n, from: &buffer) } catch {
        // Bytes past the end of the file stay zero, whatever the broken copy left there.
        let end = size
        if at + UInt64(n) > end {
          let from = at >= end ? within : within + Int(end - at)
          run.zero(from, count: within + n - from)
        }
        giveBack(index, within, n, before)
        if done > 0 { break }
        throw error
      }
      if moved < n { giveBack(index, within + moved, n - moved, before) }
      done += moved
      let now = Inode.now()
      lock.lock()
      if offset + UInt64(done) > byteCount { byteCount = offset + UInt64(done) }
      mtimeNs = now
      ctimeNs = now
      lock.unlock()
      if moved < n { break }
    }
    return done
  }

  /// Makes the pages of one chunk ready to be written. `lock` is held.
  private func prepare(
    _ index: UInt64, _ within: Int, _ n: Int, isWrite: Bool = true
  ) throws(Errno) -> PageRun {
    let firstPage = within >> 12
    let lastPage = (within + n - 1) >> 12
    // Also pages that will be overwritten as a whole: the copy from the program's memory may fail halfway.
    var chunk = try load(index, firstPage, lastPage)
    let bits = Self.bits(firstPage, lastPage)
    if let run = chunk.run, run.pageCount > lastPage, chunk.present & bits == bits,
      chunk.dirty & bits == bits
    {
      return run
    }
    if !fileSystem.hasOwnRoom((bits & ~owned(chunk)).nonzeroBitCount) { throw .ENOSPC }
    if lower != nil && !TmpfsSpace.hasRoom((bits & ~chunk.dirty).nonzeroBitCount) {
      OutOfMemory.tellFiles()
      throw .ENOSPC
    }
    try grow(&chunk, pages: lastPage + 1)
    guard let run = chunk.run else { throw .ENOSPC }
    if lower != nil {
      for page in firstPage...lastPage where chunk.present & (1 << UInt32(page)) == 0 {
        run.zero(page << 12, count: 4096)
      }
    }
    if isWrite {
      dirtyPages += (bits & ~chunk.dirty).nonzeroBitCount
      chunk.dirty |= bits
    } else if lower == nil {
      // Reserved a second time, a page counts as data (shmem_get_folio, SGP_FALLOC).
      chunk.dirty |= chunk.present & bits
    }
    chunk.present |= bits
    setChunk(index, chunk)
    return run
  }

  /// A write broke off before [within, within + n) of a chunk: pages of it that are new are no longer the file's.
  private func giveBack(_ index: UInt64, _ within: Int, _ n: Int, _ before: Chunk) {
    lock.lock()
    defer { lock.unlock() }
    let first = (within + 4095) >> 12
    let last = (within + n - 1) >> 12
    guard lower == nil, first <= last else { return }
    var chunk = chunk(index)
    let bits = Self.bits(first, last) & ~before.present
    guard let run = chunk.run, chunk.present & bits == bits else { return }
    for page in first...last where bits & (1 << UInt32(page)) != 0 {
      run.zero(page << 12, count: 4096)
    }
    chunk.present &= ~bits
    chunk.dirty &= ~bits
    setChunk(index, chunk)
  }

  /// ftruncate(2), `writeLock` held: content beyond is gone, and reads as zeros when the file grows again.
  func resize(to newSize: UInt64) throws(Errno) {
    let shared = sharedPages
    shared?.lock.lock()
    defer { shared?.lock.unlock() }
    if newSize < size { shared?.beginWrite(newSize & ~4095, .max, self) }
    try resizeContent(to: newSize)
    shared?.endWrite(newSize & ~4095, .max, self)
  }

  private func resizeContent(to newSize: UInt64) throws(Errno) {
    let now = Inode.now()
    lock.lock()
    defer { lock.unlock() }
    if let seals {
      if newSize < byteCount && seals & Seals.F_SEAL_SHRINK != 0 { throw .EPERM }
      if newSize > byteCount && seals & Seals.F_SEAL_GROW != 0 { throw .EPERM }
    }
    if newSize <= byteCount {
      if newSize < lowerSize {
        // The page that stays in part must be here before the rest of it is cleared.
        if newSize & (chunkSize - 1) != 0 { _ = try loadWhole(newSize >> chunkShift) }
        lowerSize = newSize
      }
      clear(from: newSize)
    }
    byteCount = newSize
    mtimeNs = now
    ctimeNs = now
  }

  /// Drops all content from `start` on. `lock` is held.
  private func clear(from start: UInt64) {
    let index = start >> chunkShift
    let within = Int(start & (chunkSize - 1))
    var keep = index
    if within != 0 {
      keep = index + 1
      var chunk = chunk(index)
      if let run = chunk.run {
        if within < run.byteCount { run.zero(within, count: run.byteCount - within) }
        let lastPage = (within - 1) >> 12
        chunk.present &= Self.bits(0, lastPage)
        chunk.dirty &= Self.bits(0, lastPage)
        if lower != nil && chunk.present & (1 << UInt32(lastPage)) != 0 {
          chunk.dirty |= 1 << UInt32(lastPage)
        }
        setChunk(index, chunk)
      }
    }
    while UInt64(near.count) > keep, let last = near.last {
      account(last, Chunk())
      near.removeLast()
    }
    while let last = far.last, last.index >= keep {
      account(last.chunk, Chunk())
      far.removeLast()
    }
  }

  override func truncate(to size: UInt64) throws(Errno) {
    writeLock.lock()
    defer { writeLock.unlock() }
    try resize(to: size)
  }

  /// fallocate(2) of mode 0: pages for the range exist. `writeLock` held.
  func allocate(_ start: UInt64, _ length: UInt64, keepSize: Bool) throws(Errno) {
    var at = start
    let end = start + length
    while at < end {
      let within = Int(at & (chunkSize - 1))
      let n = Int(min(chunkSize - UInt64(within), end - at))
      lock.lock()
      do throws(Errno) {
        _ = try prepare(at >> chunkShift, within, n, isWrite: false)
      } catch {
        lock.unlock()
        throw error
      }
      lock.unlock()
      at += UInt64(n)
    }
    let now = Inode.now()
    lock.lock()
    if !keepSize && end > byteCount { byteCount = end }
    ctimeNs = now
    if !keepSize { mtimeNs = now }
    lock.unlock()
  }

  /// FALLOC_FL_PUNCH_HOLE: the range reads as zeros, whole pages are given back. `writeLock` held.
  func punchHole(_ start: UInt64, _ length: UInt64) throws(Errno) {
    let shared = sharedPages
    shared?.lock.lock()
    defer { shared?.lock.unlock() }
    shared?.beginWrite(start, length, self)
    try punchContent(start, length)
    shared?.endWrite(start, length, self)
  }

  private func punchContent(_ start: UInt64, _ length: UInt64) throws(Errno) {
    lock.lock()
    defer { lock.unlock() }
    var at = start
    let (sum, overflow) = start.addingReportingOverflow(length)
    // Past the end of the file too: fallocate(2) may have reserved pages there.
    let end = min(overflow ? .max : sum, max((byteCount + 4095) & ~4095, tableEnd))
    while at < end {
      let index = at >> chunkShift
      let within = Int(at & (chunkSize - 1))
      let n = Int(min(chunkSize - UInt64(within), end - at))
      var chunk = try loadWhole(index)
      if let run = chunk.run {
        let have = min(n, max(0, run.byteCount - within))
        if have > 0 { run.zero(within, count: have) }
        let firstWhole = (within + 4095) >> 12
        let endWhole = (within + n) >> 12
        if index << chunkShift < lowerSize {
          chunk.dirty |=
            Self.bits(within >> 12, max(within >> 12, (within + n - 1) >> 12))
            & chunk.present
        } else if firstWhole < endWhole {
          let gone = Self.bits(firstWhole, endWhole - 1)
          chunk.present &= ~gone
          chunk.dirty &= ~gone
          if chunk.present == 0 { chunk.run = nil }
        }
        setChunk(index, chunk)
      } else if index >= UInt64(near.count) && index << chunkShift >= lowerSize {
        // Nothing up to the next chunk there is.
        let next = farIndex(index + 1)
        guard next < far.count else { break }
        at = far[next].index << chunkShift
        continue
      }
      at += UInt64(n)
    }
    let now = Inode.now()
    mtimeNs = now
    ctimeNs = now
  }

  /// SEEK_DATA and SEEK_HOLE (lseek(2)), exact to the page.
  func seek(_ offset: UInt64, toData: Bool) throws(Errno) -> UInt64 {
    sharedPages?.collect(offset, .max, self)
    lock.lock()
    defer { lock.unlock() }
    guard offset < byteCount else { throw .ENXIO }
    var at = offset
    while at < byteCount {
      let index = at >> chunkShift
      let page = Int(at & (chunkSize - 1)) >> 12
      let chunk = chunk(index)
      let bits = lower == nil ? chunk.dirty : chunk.present
      let isData = bits & (1 << UInt32(page)) != 0 || at < lowerSize
      if isData == toData { return at }
      if chunk.present == 0 && at >= lowerSize {
        // A hole as large as the chunk, or up to the next one there is.
        if index >= UInt64(near.count) {
          let next = farIndex(index)
          if next >= far.count { break }
          at = max(at + 1, far[next].index << chunkShift)
          if far[next].index <= index { at = (index + 1) << chunkShift }
          continue
        }
        at = (index + 1) << chunkShift
        continue
      }
      at = (at & ~4095) + 4096
    }
    if toData { throw .ENXIO }
    return byteCount
  }

  // MARK: Shared mappings

  /// The file is about to be mapped MAP_SHARED.
  func beginSharing() {
    writeLock.lock()
    if sharedPages == nil { sharedPages = SharedPages(tracksWrites: true) }
    writeLock.unlock()
  }

  /// `write` while there may be shared mappings, of which the source may be one: through kernel memory,
  /// because their lock is held when the content changes.
  private func writeShared(
    _ buffer: inout IOBuffer, at offset: UInt64, _ shared: SharedPages
  ) throws(Errno) -> Int {
    guard let staging = PageRun(pageCount: max(1, min(64, (buffer.remaining + 4095) >> 12))) else {
      throw .ENOMEM
    }
    var done = 0
    while buffer.remaining > 0 {
      let wanted = min(buffer.remaining, staging.byteCount)
      var moved = 0
      do throws(Errno) {
        let n = try staging.copyIn(0, count: wanted, from: &buffer)
        var source = staging.buffer(0, count: n)
        let at = offset + UInt64(done)
        shared.lock.lock()
        shared.beginWrite(at, UInt64(n), self)
        defer {
          shared.endWrite(at, UInt64(n), self)
          shared.lock.unlock()
        }
        moved = try writeContent(&source, at: at)
      } catch {
        if done > 0 { return done }
        throw error
      }
      done += moved
      if moved < wanted { break }
    }
    return done
  }

  var sharedSize: UInt64 { size }

  func loadShared(_ offset: UInt64, into address: UInt, count: Int) {
    var buffer = IOBuffer.kernel(address: address, count: count)
    // What cannot be read (no memory for the cache) reads as zeros; the pages are zero.
    _ = try? readContent(&buffer, at: offset)
  }

  /// The file is where its content belongs, whether it is mapped or not.
  func releaseShared(_ offset: UInt64, count: Int) {}

  /// Never past the end: a mapping does not make its file longer (mmap(2)). Times were set when the page
  /// became writable. Zeros over a hole leave it one.
  func storeShared(_ offset: UInt64, from address: UInt, count: Int) -> Bool {
    let end = size
    var done = 0
    while done < count, offset + UInt64(done) < end {
      let at = offset + UInt64(done)
      if KernelCopy.isZero(address + UInt(done)), isHole(at) {
        done += 4096
        continue
      }
      let times = lock.withLock { (mtimeNs, ctimeNs) }
      var buffer = IOBuffer.kernel(address: address + UInt(done), count: Int(min(4096, end - at)))
      let moved = try? writeContent(&buffer, at: at)
      lock.withLock { (mtimeNs, ctimeNs) = times }
      guard let moved, moved > 0 else { return false }
      done += 4096
    }
    return true
  }

  private func isHole(_ offset: UInt64) -> Bool {
    lock.lock()
    defer { lock.unlock() }
    let page = UInt32((offset & (chunkSize - 1)) >> 12)
    return offset >= lowerSize && chunk(offset >> chunkShift).present & (1 << page) == 0
  }

  func reserveShared(_ offset: UInt64) -> Bool {
    let room: Void? = try? allocate(offset, 4096, keepSize: true)
    if room != nil { touchModification() }
    return room != nil
  }

  // MARK: Persistent file systems

  /// Pages that the lower layer does not have yet. Guarded by `lock`.
  private(set) var dirtyPages = 0

  /// Hands down all that was written, through mappings too.
  func writeBackAll() throws(Errno) {
    guard fileSystem.isPersistent else { return }
    sharedPages?.collect(0, .max, self)
    writeLock.lock()
    defer { writeLock.unlock() }
    try writeBack()
  }

  /// Hands down what was written; the lower layer then has the whole file, and its pages may be dropped from
  /// memory. `writeLock` held.
  func writeBack(keepsSpares: Bool = false) throws(Errno) {
    guard let lower, fileSystem.isPersistent else { return }
    lock.lock()
    defer { lock.unlock() }
    // First what was cut off, so that nothing of it comes back when the file grows again.
    try lower.setSize(min(lowerSize, byteCount))
    for i in near.indices where near[i].dirty != 0 {
      try writeBack(near[i], at: UInt64(i) << chunkShift, lower)
    }
    for i in far.indices where far[i].chunk.dirty != 0 {
      try writeBack(far[i].chunk, at: far[i].index << chunkShift, lower)
    }
    try lower.setSize(byteCount)
    // Not before: if something above fails, all of it is handed down again, because the cut comes first again.
    spareRuns = []
    for i in near.indices where near[i].dirty != 0 {
      settle(&near[i])
      // Content that was written once is like content that was read once: it does not fill the cache.
      if spareRuns.count < 64, let run = displaced(by: UInt64(i), pages: pagesPerChunk) {
        spareRuns.append(run)
      }
    }
    for i in far.indices where far[i].chunk.dirty != 0 { settle(&far[i].chunk) }
    lowerSize = byteCount
    dirtyPages = 0
    // Once the file is closed or committed nobody may come for them.
    if !keepsSpares { spareRuns = [] }
  }

  /// The lower layer has all of the chunk.
  private func settle(_ chunk: inout Chunk) {
    let old = chunk
    chunk.dirty = 0
    account(old, chunk)
  }

  /// The dirty pages of one chunk, in runs.
  private func writeBack(_ chunk: Chunk, at start: UInt64, _ lower: LowerObject) throws(Errno) {
    guard let run = chunk.run else { return }
    var page = 0
    while page < pagesPerChunk {
      if chunk.dirty & (1 << UInt32(page)) == 0 {
        page += 1
        continue
      }
      var end = page + 1
      while end < pagesPerChunk, chunk.dirty & (1 << UInt32(end)) != 0 { end += 1 }
      try lower.write(
        offset: start + UInt64(page << 12), from: run, at: page << 12, length: (end - page) << 12)
      page = end
    }
  }

  // MARK: Memory

  /// Drops clean chunks; returns pages freed. Called by the cache with no lock held.
  func dropClean() -> Int {
    guard lowerSize > 0 else { return 0 }
    lock.lock()
    defer { lock.unlock() }
    spareRuns = []
    var freed = 0
    for i in near.indices where near[i].dirty == 0 && near[i].present != 0 {
      freed += cached(near[i])
      near[i] = Chunk()
    }
    return freed
  }

  override func siteTable() throws(Errno) -> [UInt8]? {
    guard let lower else { return nil }
    lock.lock()
    defer { lock.unlock() }
    // A file that was written here is not the one the table is about.
    for c in near where c.dirty != 0 { return nil }
    if lowerSize != lower.size { return nil }
    if !siteTableLoaded {
      sites = try lower.siteTable()
      siteTableLoaded = true
    }
    return sites
  }

  override func open(_ dentry: Dentry, flags: OpenFlags) throws(Errno) -> File {
    RegularFile(dentry, self, flags: flags)
  }
}

extension Inode {
  var isOfTmpfs: Bool { fileSystem.magic == FileSystem.TMPFS_MAGIC }
}

/// F_ADD_SEALS (memfd_create(2)).
enum Seals {
  static var F_SEAL_SEAL: UInt32 { 1 }
  static var F_SEAL_SHRINK: UInt32 { 2 }
  static var F_SEAL_GROW: UInt32 { 4 }
  static var F_SEAL_WRITE: UInt32 { 8 }
  static var F_SEAL_FUTURE_WRITE: UInt32 { 16 }
  static var F_SEAL_EXEC: UInt32 { 32 }
}
