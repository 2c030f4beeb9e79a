import CHostRuntime
import Glibc
import HostInterface

extension HostRequest {
  func clock() -> Int {
    var realtime = timespec()
    clock_gettime(CLOCK_REALTIME, &realtime)
    buffer.setReply(0, UInt64(realtime.tv_sec) * 1_000_000_000 + UInt64(realtime.tv_nsec))
    buffer.setReply(1, Stopwatch.now())
    buffer.setReply(2, TSCFrequency.shared.hertz())
    return 0
  }
}

/// The frequency of the time-stamp counter. `Runner` makes it before the filter, which forbids one of the
/// ways to find it out.
struct TSCFrequency: Sendable {
  static let shared = TSCFrequency()

  private let first: UInt64
  private let isExact: Bool
  private var startTSC: UInt64 = 0
  private var startNs: UInt64 = 0

  private init() {
    clh_tsc_sample(&startTSC, &startNs)
    var exact: Int32 = 0
    first = clh_tsc_frequency(&exact)
    isExact = exact != 0
  }

  /// A frequency that was measured in 1 ms gets better with the length of the run.
  func hertz() -> UInt64 {
    if isExact { return first }
    var tsc: UInt64 = 0
    var ns: UInt64 = 0
    clh_tsc_sample(&tsc, &ns)
    let elapsed = ns &- startNs
    guard elapsed > 100_000_000, elapsed < 1 << 62, tsc > startTSC else { return first }
    let (high, low) = (tsc - startTSC).multipliedFullWidth(by: 1_000_000_000)
    return high < elapsed ? elapsed.dividingFullWidth((high, low)).quotient : first
  }
}
