import CEnclave
import Synchronization

#if !CLOISTER_ENCLAVE
  import Glibc
#endif

/// Time, as far as it can be had: the host's clock, made monotonic, interpolated with RDTSC.
@safe public enum Clock {
  /// CLOCK_MONOTONIC in nanoseconds; never goes back.
  public static func monotonicNs() -> UInt64 {
    #if CLOISTER_ENCLAVE
      return TimeKeeper.monotonicNs()
    #else
      var t = timespec()
      unsafe clock_gettime(CLOCK_MONOTONIC, &t)
      return UInt64(t.tv_sec) * 1_000_000_000 + UInt64(t.tv_nsec)
    #endif
  }

  /// CLOCK_REALTIME in nanoseconds since the epoch. The host's word, nothing more.
  public static func realtimeNs() -> UInt64 {
    #if CLOISTER_ENCLAVE
      return TimeKeeper.realtimeNs()
    #else
      var t = timespec()
      unsafe clock_gettime(CLOCK_REALTIME, &t)
      return UInt64(t.tv_sec) * 1_000_000_000 + UInt64(t.tv_nsec)
    #endif
  }
}
