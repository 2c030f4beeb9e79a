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
/// ways to find it out; where nobody says, it is measured from then on.
struct TSCFrequency: Sendable {
  static let shared = TSCFrequency()

  private let known = clh_tsc_frequency()
  private var startTSC: UInt64 = 0
  private var startNs: UInt64 = 0

  private init() { clh_tsc_sample(&startTSC, &startNs) }

  func hertz() -> UInt64 {
    if known != 0 { return known }
    var tsc: UInt64 = 0
    var ns: UInt64 = 0
    // A sample is good to some 30 ns, so 2 ms give 30 ppm; building the enclave takes longer than that.
    repeat { clh_tsc_sample(&tsc, &ns) } while ns &- startNs < 2_000_000
    let (high, low) = (tsc &- startTSC).multipliedFullWidth(by: 1_000_000_000)
    let elapsed = ns &- startNs
    return high < elapsed ? elapsed.dividingFullWidth((high, low)).quotient : 0
  }
}
