import CHostRuntime
import Glibc
import HostInterface

extension HostRequest {
  func clock() -> Int {
    func now(_ id: clockid_t) -> UInt64 {
      var t = timespec()
      clock_gettime(id, &t)
      return UInt64(t.tv_sec) * 1_000_000_000 + UInt64(t.tv_nsec)
    }
    buffer.setReply(0, now(CLOCK_REALTIME))
    buffer.setReply(1, now(CLOCK_MONOTONIC))
    buffer.setReply(2, TSCFrequency.hertz)
    return 0
  }
}

/// The frequency of the time-stamp counter. `Runner` asks for it before the filter, once.
enum TSCFrequency {
  static let hertz: UInt64 = clh_tsc_frequency()
}
