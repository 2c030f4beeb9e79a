import LinuxABI

/// Where a read puts its bytes or a write takes them: user memory in one or more segments
/// (read(2), readv(2)), or kernel memory. A cursor: each transfer moves it forward.
@safe public struct IOBuffer {
  public struct Segment: Sendable {
    public var address: UInt
    public var count: Int
    public init(address: UInt, count: Int) {
      self.address = address
      self.count = count
    }
  }

  private var segments: [Segment]
  private var first: Segment
  private var next = 0
  private let isKernel: Bool
  /// Bytes not transferred yet.
  public private(set) var remaining: Int
  /// A page that cannot be touched ends a transfer after the bytes before it, as with regular files; otherwise a
  /// piece comes whole or not at all, as with sockets and pipes.
  public var endsAtFault = false

  /// One piece of user memory. Not checked before the transfer.
  public init(user address: UInt, count: Int) {
    segments = []
    first = Segment(address: address, count: count)
    isKernel = false
    remaining = count
  }

  /// Several pieces of user memory (iovec).
  public init(user vector: [Segment]) {
    segments = vector
    first = Segment(address: 0, count: 0)
    isKernel = false
    var total = 0
    for s in vector { total += s.count }
    remaining = total
  }

  /// Kernel memory that outlives the buffer.
  @unsafe public init(kernel pointer: UnsafeMutableRawPointer, count: Int) {
    segments = []
    first = Segment(address: UInt(bitPattern: pointer), count: count)
    isKernel = true
    remaining = count
  }

  /// Hands out `min(count, remaining)` bytes from kernel memory. Throws EFAULT if not even one byte
  /// could be stored; a later fault ends the transfer early, as in Linux.
  @unsafe public mutating func write(from source: UnsafeRawPointer, count: Int) throws(Errno) -> Int
  {
    var done = 0
    let total = min(count, remaining)
    while done < total {
      advanceSegment()
      let n = min(first.count, total - done)
      if isKernel {
        // SAFETY: the creator vouched for this kernel memory.
        unsafe UnsafeMutableRawPointer(bitPattern: first.address)!.copyMemory(
          from: source + done, byteCount: n)
      } else {
        do throws(Errno) {
          // SAFETY: the caller vouches for `source`.
          let moved = try unsafe UserMemory.copyOutSome(
            to: first.address, from: source + done, count: n)
          if moved < n {
            if done == 0, moved == 0 || !endsAtFault { throw Errno.EFAULT }
            if !endsAtFault { return done }
            step(moved)
            return done + moved
          }
        } catch {
          if done > 0 { return done }
          throw error
        }
      }
      step(n)
      done += n
    }
    return done
  }

  /// Takes `min(count, remaining)` bytes into kernel memory; faults as in `write`.
  @unsafe public mutating func read(
    into destination: UnsafeMutableRawPointer, count: Int
  ) throws(Errno) -> Int {
    var done = 0
    let total = min(count, remaining)
    while done < total {
      advanceSegment()
      let n = min(first.count, total - done)
      if isKernel {
        // SAFETY: as in `write`.
        unsafe (destination + done).copyMemory(
          from: UnsafeRawPointer(bitPattern: first.address)!, byteCount: n)
      } else {
        do throws(Errno) {
          // SAFETY: as in `write`.
          let moved = try unsafe UserMemory.copyInSome(
            to: destination + done, from: first.address, count: n)
          if moved < n {
            if done == 0, moved == 0 || !endsAtFault { throw Errno.EFAULT }
            if !endsAtFault { return done }
            step(moved)
            return done + moved
          }
        } catch {
          if done > 0 { return done }
          throw error
        }
      }
      step(n)
      done += n
    }
    return done
  }

  /// Hands out bytes of an array, from index `from`.
  public mutating func write(_ bytes: [UInt8], from: Int = 0) throws(Errno) -> Int {
    guard from < bytes.count else { return 0 }
    var result = 0
    var failure: Errno?
    // SAFETY: `from` and the count lie within the array.
    unsafe bytes.withUnsafeBytes { (p) in
      do throws(Errno) {
        result = try unsafe write(from: p.baseAddress! + from, count: bytes.count - from)
      } catch { failure = error }
    }
    if let failure { throw failure }
    return result
  }

  /// Takes up to `count` bytes as an array.
  public mutating func read(count: Int) throws(Errno) -> [UInt8] {
    let n = min(count, remaining)
    if n <= 0 { return [] }
    var failure: Errno?
    // SAFETY: `read` initialises exactly the bytes it reports.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: n) { buffer, initialized in
      do throws(Errno) {
        initialized = try unsafe read(into: UnsafeMutableRawPointer(buffer.baseAddress!), count: n)
      } catch {
        failure = error
        initialized = 0
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Hands out zeros.
  public mutating func writeZeros(count: Int) throws(Errno) -> Int {
    var done = 0
    let total = min(count, remaining)
    while done < total {
      advanceSegment()
      var n = min(first.count, total - done)
      if isKernel {
        // SAFETY: as in `write`.
        unsafe UnsafeMutableRawPointer(bitPattern: first.address)!.initializeMemory(
          as: UInt8.self, repeating: 0, count: n)
      } else {
        // Page by page, as Linux does: what fits before a hole is answered.
        n = min(n, 4096 - Int(first.address & 4095))
        do throws(Errno) { try UserMemory.zero(first.address, count: n) } catch {
          if done > 0 { return done }
          throw error
        }
      }
      step(n)
      done += n
    }
    return done
  }

  /// Ends the transfer after at most `count` more bytes.
  public mutating func limit(to count: Int) { remaining = min(remaining, max(0, count)) }

  /// Moves forward without touching memory (/dev/null, after a direct transfer).
  public mutating func skip(_ count: Int) {
    var left = min(count, remaining)
    while left > 0 {
      advanceSegment()
      let n = min(first.count, left)
      step(n)
      left -= n
    }
  }

  /// The address that the next byte goes to or comes from, and how many follow it in one piece.
  /// For transfers that go directly to user memory. User buffers only.
  public mutating func currentSegment() -> Segment? {
    guard remaining > 0 else { return nil }
    advanceSegment()
    return first
  }

  private mutating func advanceSegment() {
    while first.count == 0, next < segments.count {
      first = segments[next]
      next += 1
    }
  }

  private mutating func step(_ n: Int) {
    first.address += UInt(n)
    first.count -= n
    remaining -= n
  }
}
