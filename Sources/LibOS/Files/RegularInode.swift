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
final class RegularInode: Inode, @unchecked Sendable {
  let writeLock = Lock()

  let chunkShift: UInt64
  var chunkSize: UInt64 { 1 << chunkShift }
  var pagesPerChunk: Int { 1 << Int(chunkShift - 12) }
  var chunks = ChunkTable()
  var byteCount: UInt64
  let lower: LowerObject?
  /// Content below this that is not present comes from the lower layer.
  var lowerSize: UInt64
  var pageTotal = 0
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
  var sharedPages: SharedPages?
  var firstReads = FirstReads()
  /// Runs of whole chunks that made way, for the next ones: fresh memory is the dearest part of writing a large file.
  var spareRuns: [PageRun] = []
  /// Pages that the lower layer does not have yet. Guarded by `lock`.
  var dirtyPages = 0
  /// `PageCache` knows the file. Guarded by its lock.
  var isInCacheList = false
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
    if lowerSize > 0 {
      let whole = (byteCount + 4095) / 4096
      guard let known = lower?.blockCount else { return whole * 8 }
      // What was written and not handed down yet may fill holes or not: counted as if it did.
      return min(min(known, 1 << 44) + UInt64(pageTotal), whole) * 8
    }
    return UInt64(pageTotal) * 8
  }

  // MARK: Chunks (`lock` held)

  /// Puts a chunk in its place and counts the difference. `lock` is held.
  func setChunk(_ index: UInt64, _ value: Chunk) {
    account(chunks.get(index), value)
    chunks.set(index, value)
  }

  /// Pages that nothing lower could give again count as memory in use; the cache has a bound of its own.
  func account(_ old: Chunk, _ new: Chunk) {
    let cacheChange = cached(new) - cached(old)
    if cacheChange > 0 { PageCache.note(self, cacheChange) }
    if cacheChange < 0 { PageCache.forget(-cacheChange) }
    let change = owned(new).nonzeroBitCount - owned(old).nonzeroBitCount
    if change == 0 { return }
    pageTotal += change
    if change > 0 { fileSystem.takePages(change) } else { fileSystem.givePages(-change) }
  }

  func owned(_ chunk: Chunk) -> UInt32 { lower == nil ? chunk.present : chunk.dirty }

  /// Pages of memory that dropping the chunk would give back.
  func cached(_ chunk: Chunk) -> Int {
    lower == nil || chunk.dirty != 0 ? 0 : chunk.run?.pageCount ?? 0
  }

  /// A run for the chunk with at least `pages` pages, content kept. Over a lower file, pages that are not present hold
  /// anything: whoever makes one present fills it.
  func grow(
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

  // MARK: Reading

  /// Bytes from `offset` on, at most to the end of the file.
  func read(_ buffer: inout IOBuffer, at offset: UInt64) throws(Errno) -> Int {
    buffer.endsAtFault = true
    sharedPages?.collect(offset, UInt64(buffer.remaining), self)
    return try readContent(&buffer, at: offset)
  }

  /// `read` without a look at shared mappings.
  func readContent(_ buffer: inout IOBuffer, at offset: UInt64) throws(Errno) -> Int {
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

  func writeContent(_ buffer: inout IOBuffer, at offset: UInt64) throws(Errno) -> Int {
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
      let before = chunks.get(index).present
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
  func prepare(
    _ index: UInt64, _ within: Int, _ n: Int, isWrite: Bool = true
  ) throws(Errno) -> PageRun {
    let firstPage = within >> 12
    let lastPage = (within + n - 1) >> 12
    // Also pages that will be overwritten as a whole: the copy from the program's memory may fail halfway.
    var chunk = try load(index, firstPage, lastPage)
    let bits = Chunk.bits(firstPage, lastPage)
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
  func giveBack(_ index: UInt64, _ within: Int, _ n: Int, _ before: UInt32) {
    lock.lock()
    defer { lock.unlock() }
    let first = (within + 4095) >> 12
    let last = (within + n - 1) >> 12
    guard lower == nil, first <= last else { return }
    var chunk = chunks.get(index)
    let bits = Chunk.bits(first, last) & ~before
    guard let run = chunk.run, chunk.present & bits == bits else { return }
    for page in first...last where bits & (1 << UInt32(page)) != 0 {
      run.zero(page << 12, count: 4096)
    }
    chunk.present &= ~bits
    chunk.dirty &= ~bits
    setChunk(index, chunk)
  }

  override func truncate(to size: UInt64) throws(Errno) {
    writeLock.lock()
    defer { writeLock.unlock() }
    dropSetId()
    try resize(to: size)
  }

  override func siteTable() throws(Errno) -> [UInt8]? {
    guard let lower else { return nil }
    lock.lock()
    defer { lock.unlock() }
    // A file that was written here is not the one the table is about.
    for c in chunks.near where c.dirty != 0 { return nil }
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
