/// futex(2) operations (linux/futex.h).
public enum FutexOperation {
  public static let FUTEX_WAIT: Int32 = 0
  public static let FUTEX_WAKE: Int32 = 1
  public static let FUTEX_FD: Int32 = 2
  public static let FUTEX_REQUEUE: Int32 = 3
  public static let FUTEX_CMP_REQUEUE: Int32 = 4
  public static let FUTEX_WAKE_OP: Int32 = 5
  public static let FUTEX_LOCK_PI: Int32 = 6
  public static let FUTEX_UNLOCK_PI: Int32 = 7
  public static let FUTEX_TRYLOCK_PI: Int32 = 8
  public static let FUTEX_WAIT_BITSET: Int32 = 9
  public static let FUTEX_WAKE_BITSET: Int32 = 10
  public static let FUTEX_WAIT_REQUEUE_PI: Int32 = 11
  public static let FUTEX_CMP_REQUEUE_PI: Int32 = 12
  public static let FUTEX_LOCK_PI2: Int32 = 13
  public static let FUTEX_PRIVATE_FLAG: Int32 = 128
  public static let FUTEX_CLOCK_REALTIME: Int32 = 256
  public static let commandMask: Int32 = ~(128 | 256)
}

/// The futex word of PI and robust futexes.
public enum FutexWord {
  public static let FUTEX_WAITERS: UInt32 = 0x8000_0000
  public static let FUTEX_OWNER_DIED: UInt32 = 0x4000_0000
  public static let FUTEX_TID_MASK: UInt32 = 0x3FFF_FFFF
  public static let FUTEX_BITSET_MATCH_ANY: UInt32 = 0xFFFF_FFFF
  /// Most entries of a robust list that are looked at.
  public static let ROBUST_LIST_LIMIT = 2048
}

/// `struct robust_list_head` of set_robust_list(2).
public struct RobustListHead: Sendable, BitwiseCopyable {
  public var list: UInt = 0
  public var futexOffset: Int = 0
  public var pending: UInt = 0
  public init() {}
}

/// `struct futex_waitv` of futex_waitv(2).
public struct FutexWaitv: Sendable, BitwiseCopyable {
  public var value: UInt64 = 0
  public var address: UInt64 = 0
  public var flags: UInt32 = 0
  public var reserved: UInt32 = 0
  public init() {}
  public static let FUTEX_32: UInt32 = 2
  public static let FUTEX_PRIVATE_FLAG: UInt32 = 128
  public static let FUTEX_WAITV_MAX = 128
}
