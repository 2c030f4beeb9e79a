import EnclaveRuntime
import LinuxABI

/// One direction between two sockets inside the enclave: bytes, with boundaries where messages have them.
///
/// `lock` guards everything. Readers wait on the receiving socket's queue, writers on the sending one's.
final class MessageQueue: @unchecked Sendable {
  private struct Segment {
    var count: Int
    /// The sender's name, of datagrams.
    var name: [UInt8]?
    var credentials: SocketCredentials
    var ancillary: Ancillary?
  }

  private let lock = Lock()
  private let readers: WaitQueue
  /// Of a connection; a datagram socket has many senders, who wait on the receiver's own queue.
  private let writers: WaitQueue
  private var ring = ByteRing()
  private var segments: [Segment] = []
  private var firstSegment = 0
  private var limit: Int
  /// Nothing more will come: the writer closed or shut down.
  private var isFinished = false
  /// Nobody will read: what is written fails with EPIPE.
  private var isDeaf = false
  /// Told to the reading socket once, after the data (SO_ERROR).
  private var error: Errno?
  /// There was one.
  private(set) var hasFailed = false

  /// How many datagrams may wait (net.unix.max_dgram_qlen).
  static var largestCount: Int { 10 }

  init(readers: WaitQueue, writers: WaitQueue, limit: Int) {
    self.readers = readers
    self.writers = writers
    self.limit = limit
  }

  // MARK: State

  var byteCount: Int { lock.withLock { ring.count } }
  /// FIONREAD of a datagram socket: the first message.
  var firstCount: Int {
    lock.withLock { firstSegment < segments.count ? segments[firstSegment].count : 0 }
  }
  var isEmpty: Bool { lock.withLock { firstSegment == segments.count } }
  var hasEnded: Bool { lock.withLock { isFinished } }
  /// Even of no bytes.
  var refusesWrites: Bool { lock.withLock { isFinished || isDeaf } }
  var isUnread: Bool { lock.withLock { isDeaf } }
  var hasError: Bool { lock.withLock { error != nil } }
  /// unix_writable: a quarter of the send buffer is in use at most.
  var hasRoom: Bool { lock.withLock { ring.count * 4 <= limit || ring.count == 0 } }
  var isFull: Bool { lock.withLock { segments.count - firstSegment > Self.largestCount } }

  func takeError() -> Errno? {
    lock.lock()
    defer { lock.unlock() }
    let e = error
    error = nil
    return e
  }

  /// The writing side is done; `error`: and why.
  func finish(_ why: Errno? = nil) {
    lock.lock()
    isFinished = true
    if let why {
      error = why
      hasFailed = true
    }
    lock.unlock()
    readers.wakeAll()
  }

  func fail(_ why: Errno) {
    lock.lock()
    error = why
    lock.unlock()
    readers.wakeAll()
  }

  /// The reading side is done. What was not read goes; true if there was something.
  @discardableResult
  func ignore(discarding: Bool) -> Bool {
    lock.lock()
    let lost = firstSegment < segments.count
    isDeaf = true
    var gone: [Segment] = []
    if discarding {
      gone = segments
      segments = []
      firstSegment = 0
      ring.clear()
    }
    lock.unlock()
    writers.wakeAll()
    readers.wakeAll()
    // Files in flight are closed outside of the lock.
    gone.removeAll()
    return lost
  }

  // MARK: Streams

  /// Puts in what fits; nil: wait. Throws EPIPE.
  func putStream(
    _ buffer: inout IOBuffer, credentials: SocketCredentials, ancillary: Ancillary?
  ) throws(Errno) -> Int? {
    lock.lock()
    defer { lock.unlock() }
    if isDeaf || isFinished { throw .EPIPE }
    let wanted = min(buffer.remaining, limit - ring.count)
    if wanted <= 0 { return nil }
    try ring.reserve(ring.count + wanted)
    let n = try ring.append(&buffer, wanted)
    let last = segments.count - 1
    if ancillary == nil, last >= firstSegment, segments[last].ancillary == nil,
      segments[last].credentials == credentials
    {
      segments[last].count += n
    } else {
      segments.append(Segment(count: n, name: nil, credentials: credentials, ancillary: ancillary))
    }
    return n
  }

  func wakeReaders() { readers.wakeAll(.readable) }
  private func wakeWriters() { writers.wakeAll([.POLLOUT, .POLLWRNORM, .POLLWRBAND]) }

  private func removeFirstSegment() {
    segments[firstSegment].ancillary = nil
    firstSegment += 1
    if firstSegment == segments.count {
      segments.removeAll(keepingCapacity: true)
      firstSegment = 0
    } else if firstSegment >= 64 {
      segments.removeSubrange(0..<firstSegment)
      firstSegment = 0
    }
  }

  /// Takes what is there; nil: nothing yet. 0 bytes at the end of the stream. `matchCredentials`: stops where the
  /// sender changes (SO_PASSCRED). `offset`: bytes of this receive that were peeked before.
  func takeStream(
    _ buffer: inout IOBuffer, peek: Bool, matchCredentials: Bool
  ) throws(Errno) -> Received? {
    lock.lock()
    if firstSegment == segments.count {
      defer { lock.unlock() }
      if let e = error {
        error = nil
        throw e
      }
      return isFinished || isDeaf ? Received(count: 0) : nil
    }
    var out = Received(count: 0)
    var offset = 0
    var at = firstSegment
    var failure: Errno?
    while at < segments.count, buffer.remaining > 0 {
      let segment = segments[at]
      if let seen = out.credentials, matchCredentials, seen != segment.credentials { break }
      let n: Int
      do throws(Errno) {
        n = try ring.peek(peek ? offset : 0, &buffer, min(segment.count, buffer.remaining))
      } catch {
        failure = error
        break
      }
      out.credentials = segment.credentials
      out.count += n
      offset += n
      if let ancillary = segment.ancillary, !ancillary.files.isEmpty {
        out.ancillary = ancillary
        out.files = ancillary.files
      }
      if peek {
        if n < segment.count { break }
        at += 1
      } else {
        ring.drop(n)
        if n < segment.count {
          segments[at].count -= n
          // Descriptors go with the first byte.
          segments[at].ancillary = nil
          break
        }
        removeFirstSegment()
        at = firstSegment
      }
      if out.ancillary != nil { break }
    }
    lock.unlock()
    if out.count == 0, let failure { throw failure }
    if !peek && out.count > 0 { wakeWriters() }
    return out
  }

  // MARK: Messages

  /// Puts one message in; false: wait. `countLimit`: at most that many may wait (datagrams).
  func putMessage(
    _ buffer: inout IOBuffer, name: [UInt8]?, credentials: SocketCredentials,
    ancillary: Ancillary?, limitsCount: Bool
  ) throws(Errno) -> Int? {
    lock.lock()
    defer { lock.unlock() }
    if isDeaf || isFinished { throw .EPIPE }
    let n = buffer.remaining
    if limitsCount, segments.count - firstSegment > Self.largestCount { return nil }
    if ring.count > 0, ring.count + n > limit { return nil }
    if n > 0 { try ring.reserve(ring.count + n) }
    let moved = try ring.append(&buffer, n)
    if moved < n {
      // A part of a message is no message.
      ring.dropLast(moved)
      throw .EFAULT
    }
    segments.append(Segment(count: n, name: name, credentials: credentials, ancillary: ancillary))
    return n
  }

  /// Takes one message, or as much of it as the reader has room for; nil: none yet.
  func takeMessage(
    _ buffer: inout IOBuffer, peek: Bool, wantsRealCount: Bool
  ) throws(Errno) -> Received? {
    lock.lock()
    guard firstSegment < segments.count else {
      defer { lock.unlock() }
      if let e = error {
        error = nil
        throw e
      }
      return isFinished || isDeaf ? Received(count: 0) : nil
    }
    let segment = segments[firstSegment]
    let wanted = min(segment.count, buffer.remaining)
    var out = Received(count: 0, name: segment.name)
    do throws(Errno) {
      let n = try ring.peek(0, &buffer, wanted)
      guard n == wanted else { throw Errno.EFAULT }
      out.count = n
    } catch {
      // The message is gone all the same (Linux frees it).
      if !peek {
        ring.drop(segment.count)
        removeFirstSegment()
      }
      lock.unlock()
      throw error
    }
    if wanted < segment.count { out.flags.insert(.MSG_TRUNC) }
    if wantsRealCount { out.count = segment.count }
    out.credentials = segment.credentials
    if let ancillary = segment.ancillary, !ancillary.files.isEmpty {
      out.ancillary = ancillary
      out.files = ancillary.files
    }
    if !peek {
      ring.drop(segment.count)
      removeFirstSegment()
    }
    lock.unlock()
    if !peek { wakeWriters() }
    return out
  }
}
