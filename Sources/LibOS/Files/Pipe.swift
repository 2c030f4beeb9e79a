import EnclaveRuntime
import LinuxABI

/// A pipe (pipe(7)): a ring of bytes between its ends, all of it inside the enclave.
///
/// `lock` guards everything. Data is copied from and to user memory under it; nothing that a page
/// fault needs is ever waited for with a pipe's lock in hand.
final class Pipe: @unchecked Sendable {
  let lock = Lock()
  /// Readers wait here for data, writers for room; poll uses the same.
  let readQueue = WaitQueue()
  let writeQueue = WaitQueue()
  private var run: PageRun?
  private var head = 0
  private(set) var count = 0
  private var limit = 65536
  /// Lengths of the packets in the ring (O_DIRECT, pipe2(2)); empty: a stream of bytes.
  private var packets: [Int] = []
  private var hasPackets = false
  private(set) var readers = 0
  private(set) var writers = 0
  /// Ever opened; fifo(7) opens wait for the other side to be opened, not for it to stay.
  private var readerOpens = 0
  private var writerOpens = 0
  private var hasBothEnds = false

  static var PIPE_BUF: Int { 4096 }
  static var largestSize: Int { 1 << 20 }

  /// What the opener of one end finds of the other, in the same moment: an end that comes and goes afterwards counts.
  struct OtherEnd {
    var isPresent: Bool
    var opens: Int
  }

  func opened(read: Bool, write: Bool) -> OtherEnd {
    lock.lock()
    let other = OtherEnd(
      isPresent: read ? writers > 0 : readers > 0, opens: read ? writerOpens : readerOpens)
    if read {
      readers += 1
      readerOpens += 1
    }
    if write {
      writers += 1
      writerOpens += 1
    }
    if read && write { hasBothEnds = true }
    lock.unlock()
    readQueue.wakeAll()
    writeQueue.wakeAll()
    return other
  }

  func closed(read: Bool, write: Bool) {
    lock.lock()
    if read { readers -= 1 }
    if write { writers -= 1 }
    if readers == 0 && writers == 0 {
      // A fifo starts empty again.
      run = nil
      head = 0
      count = 0
      packets = []
      hasPackets = false
    }
    lock.unlock()
    readQueue.wakeAll()
    writeQueue.wakeAll()
  }

  private func wakeReaders() {
    readQueue.wakeAll()
    if hasBothEnds { writeQueue.wakeAll() }
  }
  private func wakeWriters() {
    writeQueue.wakeAll()
    if hasBothEnds { readQueue.wakeAll() }
  }

  /// fifo(7): opening one end waits for the other.
  func waitForOtherEnd(read: Bool, _ other: OtherEnd) throws(Errno) {
    if other.isPresent { return }
    let queue = read ? readQueue : writeQueue
    _ = try queue.wait { () throws(Errno) -> Bool? in
      lock.lock()
      defer { lock.unlock() }
      return (read ? writerOpens : readerOpens) != other.opens ? true : nil
    }
  }

  var hasReaders: Bool { lock.withLock { readers > 0 } }
  var hasWriters: Bool { lock.withLock { writers > 0 } }
  var byteCount: Int { lock.withLock { count } }
  var size: Int { lock.withLock { limit } }

  /// F_SETPIPE_SZ: a power of two of pages. EBUSY when the content would not fit.
  func setSize(_ wanted: Int) throws(Errno) -> Int {
    guard wanted >= 0, wanted <= 1 << 31 else { throw .EINVAL }
    var size = 4096
    while size < wanted { size *= 2 }
    guard size <= Self.largestSize || Task.current.fileCredentials.isPrivileged else {
      throw .EPERM
    }
    // Linux's table of so many pages would be larger than kmalloc can give.
    guard size <= 256 << 20 else { throw .ENOMEM }
    lock.lock()
    defer { lock.unlock() }
    guard count <= size else { throw .EBUSY }
    try resizeRing(min(size, max(count, run?.byteCount ?? 0)))
    limit = size
    wakeWriters()
    return size
  }

  /// Makes the ring `bytes` large, content first. `lock` held.
  private func resizeRing(_ bytes: Int) throws(Errno) {
    if bytes == 0 {
      run = nil
      head = 0
      return
    }
    let pages = (bytes + 4095) >> 12
    if let run, run.pageCount == pages { return }
    guard let new = PageRun(pageCount: pages) else { throw .ENOMEM }
    if let old = run, count > 0 {
      let first = min(count, old.byteCount - head)
      new.copy(0, from: old, head, count: first)
      if first < count { new.copy(first, from: old, 0, count: count - first) }
    }
    run = new
    head = 0
  }

  // MARK: Reading

  /// Bytes that are there now; nil: nothing yet. 0: no writer is left.
  private func takeLocked(_ buffer: inout IOBuffer) throws(Errno) -> Int? {
    if count == 0 { return writers == 0 ? 0 : nil }
    guard let run else { return 0 }
    var wanted = min(buffer.remaining, count)
    var dropped = 0
    if hasPackets, let packet = packets.first {
      // A read takes one packet; what does not fit is lost (pipe2(2), O_DIRECT).
      wanted = min(buffer.remaining, packet)
      dropped = packet - wanted
    }
    var done = 0
    while done < wanted {
      let n = min(wanted - done, run.byteCount - head)
      let moved: Int
      do throws(Errno) { moved = try run.copyOut(head, count: n, to: &buffer) } catch {
        if done > 0 { break }
        throw error
      }
      head = (head + moved) % run.byteCount
      count -= moved
      done += moved
      if moved < n { break }
    }
    if hasPackets && !packets.isEmpty {
      head = (head + dropped) % run.byteCount
      count -= dropped
      packets.removeFirst()
    }
    if count == 0 { head = 0 }
    return done
  }

  func read(_ buffer: inout IOBuffer, nonblocking: Bool) throws(Errno) -> Int {
    if buffer.remaining == 0 { return 0 }
    // `readQueue.wait` takes no inout capture over its own suspension; the closure runs here.
    var wasShort = false
    let n = try readQueue.wait { () throws(Errno) -> Int? in
      lock.lock()
      defer { lock.unlock() }
      wasShort = limit - count < Self.PIPE_BUF
      if let n = try takeLocked(&buffer) { return n }
      if nonblocking { throw .EAGAIN }
      return nil
    }
    // Nobody waits to write while there is room, and room that was there is no news (EPOLLET).
    if n > 0, wasShort { wakeWriters() }
    return n
  }

  /// Bytes that were read and could not be passed on are there again, before all others.
  func putBack(_ bytes: [UInt8]) {
    if bytes.isEmpty { return }
    lock.lock()
    defer {
      lock.unlock()
      wakeReaders()
    }
    if (run?.byteCount ?? 0) < count + bytes.count {
      do throws(Errno) { try resizeRing(count + bytes.count) } catch { return }
    }
    guard let run else { return }
    head = (head + run.byteCount - bytes.count) % run.byteCount
    for i in bytes.indices { run[(head + i) % run.byteCount] = bytes[i] }
    count += bytes.count
    if hasPackets { packets.insert(bytes.count, at: 0) }
  }

  // MARK: Writing

  /// Puts in what fits; nil: the writer has to wait. Throws EPIPE without readers.
  private func putLocked(
    _ buffer: inout IOBuffer, atLeast: Int, packet: Bool
  ) throws(Errno) -> Int? {
    if readers == 0 { throw .EPIPE }
    let room = limit - count
    if room < atLeast { return nil }
    var wanted = min(buffer.remaining, room)
    if packet { wanted = min(wanted, Self.PIPE_BUF) }
    if (run?.byteCount ?? 0) < count + wanted {
      var bytes = max(4096, run?.byteCount ?? 0)
      while bytes < count + wanted { bytes *= 2 }
      try resizeRing(min(bytes, max(limit, count + wanted)))
    }
    guard let run else { throw .ENOMEM }
    var done = 0
    while done < wanted {
      let tail = (head + count) % run.byteCount
      let n = min(wanted - done, run.byteCount - tail)
      let moved: Int
      do throws(Errno) { moved = try run.copyIn(tail, count: n, from: &buffer) } catch {
        if done > 0 { break }
        throw error
      }
      count += moved
      done += moved
      if moved < n { break }
    }
    if packet || hasPackets {
      if !hasPackets {
        hasPackets = true
        if count > done { packets.append(count - done) }
      }
      packets.append(done)
    }
    return done
  }

  /// Writes everything, or as much as there is room for when `nonblocking`. Up to PIPE_BUF bytes go in one piece.
  func write(_ buffer: inout IOBuffer, nonblocking: Bool, packet: Bool) throws(Errno) -> Int {
    var done = 0
    let total = buffer.remaining
    if total == 0 { return 0 }
    let atomic = total <= Self.PIPE_BUF
    while buffer.remaining > 0 {
      let atLeast = atomic ? total : packet ? min(Self.PIPE_BUF, buffer.remaining) : 1
      do throws(Errno) {
        done += try writeQueue.wait { () throws(Errno) -> Int? in
          lock.lock()
          defer { lock.unlock() }
          if let n = try putLocked(&buffer, atLeast: atLeast, packet: packet) { return n }
          if nonblocking { throw .EAGAIN }
          return nil
        }
      } catch {
        if error == .EPIPE { Task.current.raiseSIGPIPE() }
        if done > 0 { return done }
        throw error
      }
      wakeReaders()
    }
    return done
  }

  // MARK: Poll

  func poll(read: Bool, write: Bool) -> PollEvents {
    lock.lock()
    defer { lock.unlock() }
    var events: PollEvents = []
    if read {
      if count > 0 { events.formUnion(.readable) }
      if writers == 0 && writerOpens > 0 { events.insert(.POLLHUP) }
    }
    if write {
      if limit - count >= Self.PIPE_BUF { events.formUnion(.writable) }
      if readers == 0 { events.insert(.POLLERR) }
    }
    return events
  }

  // MARK: splice(2), tee(2)

  /// Copies up to `length` bytes from the front without consuming them.
  func peek(_ length: Int) -> [UInt8] {
    lock.lock()
    defer { lock.unlock() }
    guard let run else { return [] }
    let n = min(length, count)
    let first = min(n, run.byteCount - head)
    var out = run.bytes(head, count: first)
    if first < n { out.append(contentsOf: run.bytes(0, count: n - first)) }
    return out
  }
}
