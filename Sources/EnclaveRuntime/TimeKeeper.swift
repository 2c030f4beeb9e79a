#if CLOISTER_ENCLAVE
  import CEnclave
  import HostInterface
  import Synchronization

  /// The host's clocks, interpolated with RDTSC and made monotonic.
  ///
  /// The host says what time it is about once a second; in between RDTSC carries it on. Whatever the
  /// host answers, CLOCK_MONOTONIC never goes back: a reading below the last one is answered with the
  /// last one. Readers take no lock: the parameters sit in a sequence-locked record that the vDSO reads too.
  @safe public enum TimeKeeper {
    private static let lock = SpinLock()
    private static let last = Atomic<UInt64>(0)

    /// One thread resynchronises; the others carry on with the old parameters meanwhile. The flag is
    /// not waited for, so holding it over the host call blocks nobody.
    static func refresh() {
      guard lock.tryLock() else { return }
      let before = cl_rdtsc()
      let host = Host.clock()
      let after = cl_rdtsc()
      let record = unsafe cl_time_record()
      let tsc = before + (after &- before) / 2
      let expected = unsafe record.pointee.valid != 0 ? interpolate(tsc, unsafe record.pointee) : 0
      // The frequency is the host's word; between 0.5 and 8 GHz it is believed, else 1 GHz.
      let hz = (500_000_000...8_000_000_000).contains(host.tscHz) ? host.tscHz : 1_000_000_000
      let monotonic = host.monotonicNs > expected ? host.monotonicNs : expected
      cl_time_begin_update()
      unsafe record.pointee.tsc_base = tsc
      unsafe record.pointee.monotonic_base = monotonic
      unsafe record.pointee.realtime_offset = host.realtimeNs &- monotonic
      // ns = ticks * multiplier >> 32
      unsafe record.pointee.multiplier = (1_000_000_000 << 32) / hz
      unsafe record.pointee.resync_ticks = hz
      unsafe record.pointee.valid = 1
      cl_time_end_update()
      lock.unlock()
    }

    private static func interpolate(_ tsc: UInt64, _ r: cl_time) -> UInt64 {
      let ticks = tsc > r.tsc_base ? tsc - r.tsc_base : 0
      return r.monotonic_base
        &+ UInt64(truncatingIfNeeded: ticks.multipliedFullWidth(by: r.multiplier).low >> 32)
        &+ (ticks.multipliedFullWidth(by: r.multiplier).high << 32)
    }

    /// Both clocks at one moment: CLOCK_MONOTONIC, and what to add for CLOCK_REALTIME.
    static func read() -> (monotonicNs: UInt64, realtimeOffset: UInt64) {
      while true {
        var copy = cl_time()
        if unsafe cl_time_snapshot(&copy) == 0 { continue }
        let tsc = cl_rdtsc()
        if copy.valid == 0 || (tsc > copy.tsc_base && tsc - copy.tsc_base > copy.resync_ticks) {
          refresh()
          if unsafe copy.valid == 0 || cl_time_snapshot(&copy) == 0 { continue }
        }
        var now = interpolate(tsc, copy)
        // Never back, on any thread.
        var seen = last.load(ordering: .relaxed)
        while now > seen {
          let exchange = last.weakCompareExchange(
            expected: seen, desired: now, ordering: .relaxed)
          if exchange.exchanged { break }
          seen = exchange.original
        }
        if now < seen { now = seen }
        return (now, copy.realtime_offset)
      }
    }

    public static func monotonicNs() -> UInt64 { read().monotonicNs }
    public static func realtimeNs() -> UInt64 {
      let r = read()
      return r.monotonicNs &+ r.realtimeOffset
    }
  }
#endif
