import EnclaveRuntime
import LinuxABI

/// A regular file as what shared mappings show (`SharedPages`).
extension RegularInode: SharedBacking {
  /// The file is about to be mapped MAP_SHARED.
  func beginSharing() {
    writeLock.lock()
    if sharedPages == nil { sharedPages = SharedPages(tracksWrites: true) }
    writeLock.unlock()
  }

  /// `write` while there may be shared mappings, of which the source may be one: through kernel memory,
  /// because their lock is held when the content changes.
  func writeShared(
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

  func isHole(_ offset: UInt64) -> Bool {
    lock.lock()
    defer { lock.unlock() }
    let page = UInt32((offset & (chunkSize - 1)) >> 12)
    return offset >= lowerSize && chunks.get(offset >> chunkShift).present & (1 << page) == 0
  }

  func reserveShared(_ offset: UInt64) -> Bool {
    let room: Void? = try? allocate(offset, 4096, keepSize: true)
    if room != nil { touchModification() }
    return room != nil
  }
}
