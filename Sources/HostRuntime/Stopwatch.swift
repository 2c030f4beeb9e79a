import Glibc

/// Where start-up time goes: laps in nanoseconds, in order.
struct Stopwatch: Sendable {
  private(set) var laps: [(name: String, ns: UInt64)] = []
  private var last = Stopwatch.now()
  let start = Stopwatch.now()

  mutating func lap(_ name: String) {
    let now = Stopwatch.now()
    laps.append((name, now - last))
    last = now
  }

  static func now() -> UInt64 {
    var t = timespec()
    clock_gettime(CLOCK_MONOTONIC, &t)
    return UInt64(t.tv_sec) * 1_000_000_000 + UInt64(t.tv_nsec)
  }
}
