/// `struct timespec` (linux/time_types.h).
public struct Timespec: Equatable, Sendable, BitwiseCopyable {
  public var seconds: Int64
  public var nanoseconds: Int64
  @inlinable public init(seconds: Int64 = 0, nanoseconds: Int64 = 0) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }
  @inlinable public init(ns: UInt64) {
    seconds = Int64(ns / 1_000_000_000)
    nanoseconds = Int64(ns % 1_000_000_000)
  }

  /// Linux `timespec64_valid`: not negative, nanoseconds below a second.
  @inlinable public var isValid: Bool {
    seconds >= 0 && nanoseconds >= 0 && nanoseconds < 1_000_000_000
  }
  /// Nanoseconds; times beyond 2262 are the end of time (KTIME_MAX).
  @inlinable public var ns: UInt64 {
    if seconds >= 9_223_372_036 { return UInt64(Int64.max) }
    return UInt64(seconds) * 1_000_000_000 + UInt64(nanoseconds)
  }
}

/// `struct timeval`.
public struct Timeval: Equatable, Sendable, BitwiseCopyable {
  public var seconds: Int64
  public var microseconds: Int64
  @inlinable public init(seconds: Int64 = 0, microseconds: Int64 = 0) {
    self.seconds = seconds
    self.microseconds = microseconds
  }
  @inlinable public init(ns: UInt64) {
    seconds = Int64(ns / 1_000_000_000)
    microseconds = Int64(ns % 1_000_000_000) / 1000
  }
  @inlinable public var isValid: Bool {
    seconds >= 0 && microseconds >= 0 && microseconds < 1_000_000
  }
  @inlinable public var ns: UInt64 {
    if seconds >= 9_223_372_036 { return UInt64(Int64.max) }
    return UInt64(seconds) * 1_000_000_000 + UInt64(microseconds) * 1000
  }
}

/// `struct itimerspec`.
public struct Itimerspec: Sendable, BitwiseCopyable {
  public var interval: Timespec
  public var value: Timespec
  @inlinable public init(interval: Timespec = Timespec(), value: Timespec = Timespec()) {
    self.interval = interval
    self.value = value
  }
}

/// `struct itimerval`.
public struct Itimerval: Sendable, BitwiseCopyable {
  public var interval: Timeval
  public var value: Timeval
  @inlinable public init(interval: Timeval = Timeval(), value: Timeval = Timeval()) {
    self.interval = interval
    self.value = value
  }
}

/// Clock numbers of clock_gettime(2).
public enum ClockID {
  public static let CLOCK_REALTIME: Int32 = 0
  public static let CLOCK_MONOTONIC: Int32 = 1
  public static let CLOCK_PROCESS_CPUTIME_ID: Int32 = 2
  public static let CLOCK_THREAD_CPUTIME_ID: Int32 = 3
  public static let CLOCK_MONOTONIC_RAW: Int32 = 4
  public static let CLOCK_REALTIME_COARSE: Int32 = 5
  public static let CLOCK_MONOTONIC_COARSE: Int32 = 6
  public static let CLOCK_BOOTTIME: Int32 = 7
  public static let CLOCK_REALTIME_ALARM: Int32 = 8
  public static let CLOCK_BOOTTIME_ALARM: Int32 = 9
  public static let CLOCK_TAI: Int32 = 11
  public static let TIMER_ABSTIME: Int32 = 1
}
