import CEnclave

/// Randomness: RDRAND and nothing else (DESIGN, introduction; SDM Vol. 1, 7.3.17).
@safe public enum Random {
  /// 64 random bits. Stops the enclave if the instruction does not deliver: there is no fallback.
  public static func next() -> UInt64 {
    var value: UInt64 = 0
    for _ in 0..<10 {
      if unsafe cl_rdrand(&value) == 1 { return value }
    }
    panic("RDRAND does not deliver")
  }

  public static func bytes(count: Int) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(count)
    while out.count < count {
      var v = next()
      for _ in 0..<min(8, count - out.count) {
        out.append(UInt8(truncatingIfNeeded: v))
        v >>= 8
      }
    }
    return out
  }

  @unsafe public static func fill(_ p: UnsafeMutableRawPointer, count: Int) {
    var done = 0
    while done < count {
      var v = next()
      let n = min(8, count - done)
      unsafe withUnsafeBytes(of: &v) { (b) in
        unsafe (p + done).copyMemory(from: b.baseAddress!, byteCount: n)
      }
      done += n
    }
  }

  /// Start-up health test: 64 draws, none equal to its neighbour and no bit constant. A healthy generator
  /// fails it with a probability of 2^-56.
  public static func selfTest() {
    var previous = next()
    var ones: UInt64 = previous
    var zeros: UInt64 = ~previous
    for _ in 0..<64 {
      let v = next()
      if v == previous { panic("RDRAND repeats itself") }
      previous = v
      ones |= v
      zeros |= ~v
    }
    if ones != .max || zeros != .max { panic("RDRAND has stuck bits") }
  }
}
