/// getrlimit(2) (asm-generic/resource.h).
public enum ResourceLimit {
  public static let RLIMIT_CPU = 0
  public static let RLIMIT_FSIZE = 1
  public static let RLIMIT_DATA = 2
  public static let RLIMIT_STACK = 3
  public static let RLIMIT_CORE = 4
  public static let RLIMIT_RSS = 5
  public static let RLIMIT_NPROC = 6
  public static let RLIMIT_NOFILE = 7
  public static let RLIMIT_MEMLOCK = 8
  public static let RLIMIT_AS = 9
  public static let RLIMIT_LOCKS = 10
  public static let RLIMIT_SIGPENDING = 11
  public static let RLIMIT_MSGQUEUE = 12
  public static let RLIMIT_NICE = 13
  public static let RLIMIT_RTPRIO = 14
  public static let RLIMIT_RTTIME = 15
  public static let count = 16
  public static let RLIM_INFINITY = UInt64.max
}

/// `struct rlimit64`.
public struct Rlimit: Equatable, Sendable, BitwiseCopyable {
  public var current: UInt64
  public var maximum: UInt64
  @inlinable public init(_ current: UInt64, _ maximum: UInt64) {
    self.current = current
    self.maximum = maximum
  }
}

/// `struct rusage` of getrusage(2).
public struct Rusage: Sendable, BitwiseCopyable {
  public var userTime = Timeval()
  public var systemTime = Timeval()
  public var maximumResidentKB: Int64 = 0
  public var ixrss: Int64 = 0
  public var idrss: Int64 = 0
  public var isrss: Int64 = 0
  public var minorFaults: Int64 = 0
  public var majorFaults: Int64 = 0
  public var swaps: Int64 = 0
  public var inBlocks: Int64 = 0
  public var outBlocks: Int64 = 0
  public var messagesSent: Int64 = 0
  public var messagesReceived: Int64 = 0
  public var signals: Int64 = 0
  public var voluntarySwitches: Int64 = 0
  public var involuntarySwitches: Int64 = 0
  public init() {}

  public static let RUSAGE_SELF: Int32 = 0
  public static let RUSAGE_CHILDREN: Int32 = -1
  public static let RUSAGE_THREAD: Int32 = 1
}
