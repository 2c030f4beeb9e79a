import EnclaveRuntime
import HostInterface
import LinuxABI

/// What a regular file and the file of the lower layer behind it exchange: content that is read is kept as a cache, and
/// content that was written goes down to file systems that last. `lock` is held but where it says otherwise.
extension RegularInode {
  /// The pages of a chunk that the lower layer has and that are not here.
  func missing(_ chunk: Chunk, _ index: UInt64) -> UInt32 {
    let start = index << chunkShift
    guard start < lowerSize else { return 0 }
    return Chunk.bits(0, Int(min(chunkSize, lowerSize - start) - 1) >> 12) & ~chunk.present
  }

  /// Makes the lower content of pages `first` to `last` of a chunk present. Where it looks as if the file was read or
  /// written in a row, the rest of the chunk comes with them (readahead). Returns the chunk.
  func load(_ index: UInt64, _ first: Int, _ last: Int) throws(Errno) -> Chunk {
    let chunk = chunks.get(index)
    let missing = missing(chunk, index)
    let asked = Chunk.bits(first, last)
    if missing & asked == 0 { return chunk }
    let isInRow = isInRow(chunk, index, first, count: last - first + 1)
    return try load(index, chunk, missing & (isInRow ? asked | .max << UInt32(first) : asked))
  }

  /// All of a chunk's lower content.
  func loadWhole(_ index: UInt64) throws(Errno) -> Chunk {
    let chunk = chunks.get(index)
    return try load(index, chunk, missing(chunk, index))
  }

  /// Whether more pages before this one are here than are asked for now, as after reading in a row (Linux:
  /// try_context_readahead). The beginning of a file is always taken for the beginning of more.
  func isInRow(_ chunk: Chunk, _ index: UInt64, _ first: Int, count: Int) -> Bool {
    if index == 0 && first == 0 { return true }
    let history = first == 0 ? 0 : chunk.present << UInt32(32 - first)
    let here = (~history).leadingZeroBitCount
    if here < first { return here > count }
    guard index > 0 else { return first > count }
    let previous = chunks.get(index - 1).present << UInt32(32 - pagesPerChunk)
    return first + (~previous).leadingZeroBitCount > min(count, pagesPerChunk - 1)
  }

  /// Brings pages in from the lower layer, in whole pieces of it (`LowerObject.pieceSize`).
  func load(_ index: UInt64, _ old: Chunk, _ wanted: UInt32) throws(Errno) -> Chunk {
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
    func piece(_ page: Int) -> UInt32 { Chunk.bits(page, page + step - 1) }
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
  func displaced(by index: UInt64, pages: Int) -> PageRun? {
    guard lower?.keepsFirstReading == false, lowerSize >> chunkShift > UInt64(FirstReads.limit),
      index < FirstReads.reach, let old = firstReads.note(index)
    else { return nil }
    var run = take(old)
    guard isKnownUniquelyReferenced(&run), let run, run.pageCount >= pages else { return nil }
    return run
  }

  /// Takes a clean chunk out of its table, and its run with it.
  private func take(_ index: UInt64) -> PageRun? {
    let chunk = chunks.get(index)
    guard chunk.dirty == 0, let run = chunk.run else { return nil }
    account(chunk, Chunk())
    if index < ChunkTable.nearLimit {
      chunks.near[Int(index)] = Chunk()
    } else {
      chunks.far.remove(at: chunks.farIndex(index))
    }
    return run
  }

  // MARK: Handing down

  /// Hands down all that was written, through mappings too.
  func writeBackAll() throws(Errno) {
    guard fileSystem.isPersistent else { return }
    sharedPages?.collect(0, .max, self)
    writeLock.lock()
    defer { writeLock.unlock() }
    try writeBack()
    // What is clean now counts as cached: many small files must not fill the memory one by one.
    PageCache.reclaimIfNeeded()
  }

  /// Hands down what was written; the lower layer then has the whole file, and its pages may be dropped from
  /// memory. `writeLock` held.
  func writeBack(keepsSpares: Bool = false) throws(Errno) {
    guard let lower, fileSystem.isPersistent else { return }
    lock.lock()
    defer { lock.unlock() }
    // First what was cut off, so that nothing of it comes back when the file grows again.
    try lower.setSize(min(lowerSize, byteCount))
    for i in chunks.near.indices where chunks.near[i].dirty != 0 {
      try writeBack(chunks.near[i], at: UInt64(i) << chunkShift, lower)
    }
    for i in chunks.far.indices where chunks.far[i].chunk.dirty != 0 {
      try writeBack(chunks.far[i].chunk, at: chunks.far[i].index << chunkShift, lower)
    }
    try lower.setSize(byteCount)
    // Not before: if something above fails, all of it is handed down again, because the cut comes first again.
    spareRuns = []
    for i in chunks.near.indices where chunks.near[i].dirty != 0 {
      settle(&chunks.near[i])
      // Content that was written once is like content that was read once: it does not fill the cache.
      if spareRuns.count < 64, let run = displaced(by: UInt64(i), pages: pagesPerChunk) {
        spareRuns.append(run)
      }
    }
    var written: [UInt64] = []
    for i in chunks.far.indices where chunks.far[i].chunk.dirty != 0 {
      settle(&chunks.far[i].chunk)
      written.append(chunks.far[i].index)
    }
    for index in written {
      if let run = displaced(by: index, pages: pagesPerChunk), spareRuns.count < 64 {
        spareRuns.append(run)
      }
    }
    lowerSize = byteCount
    dirtyPages = 0
    // Once the file is closed or committed nobody may come for them.
    if !keepsSpares { spareRuns = [] }
  }

  /// The lower layer has all of the chunk.
  func settle(_ chunk: inout Chunk) {
    let old = chunk
    chunk.dirty = 0
    account(old, chunk)
  }

  /// The dirty pages of one chunk, in runs.
  func writeBack(_ chunk: Chunk, at start: UInt64, _ lower: LowerObject) throws(Errno) {
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

  /// Drops clean chunks; returns pages freed. Called by the cache with no lock held.
  func dropClean() -> Int {
    guard lowerSize > 0 else { return 0 }
    lock.lock()
    defer { lock.unlock() }
    spareRuns = []
    var freed = 0
    for i in chunks.near.indices where chunks.near[i].dirty == 0 && chunks.near[i].present != 0 {
      freed += cached(chunks.near[i])
      chunks.near[i] = Chunk()
    }
    chunks.far.removeAll { entry in
      guard entry.chunk.dirty == 0 else { return false }
      freed += cached(entry.chunk)
      return true
    }
    return freed
  }
}
