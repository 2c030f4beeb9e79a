import EnclaveRuntime
import LinuxABI

/// Holes: truncation, fallocate(2), SEEK_DATA and SEEK_HOLE.
extension RegularInode {
  /// ftruncate(2), `writeLock` held: content beyond is gone, and reads as zeros when the file grows again.
  func resize(to newSize: UInt64) throws(Errno) {
    let shared = sharedPages
    shared?.lock.lock()
    defer { shared?.lock.unlock() }
    if newSize < size { shared?.beginWrite(newSize & ~4095, .max, self) }
    try resizeContent(to: newSize)
    shared?.endWrite(newSize & ~4095, .max, self)
  }

  func resizeContent(to newSize: UInt64) throws(Errno) {
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
  func clear(from start: UInt64) {
    let index = start >> chunkShift
    let within = Int(start & (chunkSize - 1))
    var keep = index
    if within != 0 {
      keep = index + 1
      var chunk = chunks.get(index)
      if let run = chunk.run {
        if within < run.byteCount { run.zero(within, count: run.byteCount - within) }
        let lastPage = (within - 1) >> 12
        chunk.present &= Chunk.bits(0, lastPage)
        chunk.dirty &= Chunk.bits(0, lastPage)
        if lower != nil && chunk.present & (1 << UInt32(lastPage)) != 0 {
          chunk.dirty |= 1 << UInt32(lastPage)
        }
        setChunk(index, chunk)
      }
    }
    while UInt64(chunks.near.count) > keep, let last = chunks.near.last {
      account(last, Chunk())
      chunks.near.removeLast()
    }
    while let last = chunks.far.last, last.index >= keep {
      account(last.chunk, Chunk())
      chunks.far.removeLast()
    }
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

  func punchContent(_ start: UInt64, _ length: UInt64) throws(Errno) {
    lock.lock()
    defer { lock.unlock() }
    var at = start
    let (sum, overflow) = start.addingReportingOverflow(length)
    // Past the end of the file too: fallocate(2) may have reserved pages there.
    let end = min(overflow ? .max : sum, max((byteCount + 4095) & ~4095, chunks.end << chunkShift))
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
            Chunk.bits(within >> 12, max(within >> 12, (within + n - 1) >> 12))
            & chunk.present
        } else if firstWhole < endWhole {
          let gone = Chunk.bits(firstWhole, endWhole - 1)
          chunk.present &= ~gone
          chunk.dirty &= ~gone
          if chunk.present == 0 { chunk.run = nil }
        }
        setChunk(index, chunk)
      } else if index << chunkShift >= lowerSize {
        guard let next = chunks.next(from: index + 1) else { break }
        at = next << chunkShift
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
    /// What the lower layer said last: nothing between `from` and `start`, data from there to `end`.
    var below = (from: UInt64(0), start: UInt64(0), end: UInt64(0))
    while at < byteCount {
      let index = at >> chunkShift
      let page = UInt32((at & (chunkSize - 1)) >> 12)
      let chunk = chunks.get(index)
      if let lower, at < lowerSize {
        if at < below.from || at >= below.end {
          let next = try lower.extent(from: at & ~4095)
          below = (at, next?.start ?? .max, next?.end ?? .max)
        }
        let isBelow = at >= below.start
        if (isBelow || chunk.dirty & (1 << page) != 0) == toData { return at }
        // On to where it may be different: the end of what lies below, or the next page that may be dirty.
        var next = (at & ~4095) + 4096
        if isBelow {
          next = max(next, min(below.end, lowerSize))
        } else if chunk.dirty == 0 {
          next = max(next, min(below.start, (index + 1) << chunkShift))
        }
        at = (next + 4095) & ~4095
        continue
      }
      let bits = lower == nil ? chunk.dirty : chunk.present
      if (bits & (1 << page) != 0) == toData { return at }
      if chunk.present == 0 && at >= lowerSize {
        guard let next = chunks.next(from: index + 1) else { break }
        at = next << chunkShift
        continue
      }
      at = (at & ~4095) + 4096
    }
    if toData { throw .ENXIO }
    return byteCount
  }
}
