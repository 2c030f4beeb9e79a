/// `CLONE_*` of clone(2) (linux/sched.h).
public struct CloneFlags: OptionSet, Sendable {
  public var rawValue: UInt64
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
  @inlinable public static var CSIGNAL: UInt64 { 0xFF }
  @inlinable public static var CLONE_VM: Self { Self(rawValue: 0x100) }
  @inlinable public static var CLONE_FS: Self { Self(rawValue: 0x200) }
  @inlinable public static var CLONE_FILES: Self { Self(rawValue: 0x400) }
  @inlinable public static var CLONE_SIGHAND: Self { Self(rawValue: 0x800) }
  @inlinable public static var CLONE_PIDFD: Self { Self(rawValue: 0x1000) }
  @inlinable public static var CLONE_PTRACE: Self { Self(rawValue: 0x2000) }
  @inlinable public static var CLONE_VFORK: Self { Self(rawValue: 0x4000) }
  @inlinable public static var CLONE_PARENT: Self { Self(rawValue: 0x8000) }
  @inlinable public static var CLONE_THREAD: Self { Self(rawValue: 0x1_0000) }
  @inlinable public static var CLONE_NEWNS: Self { Self(rawValue: 0x2_0000) }
  @inlinable public static var CLONE_SYSVSEM: Self { Self(rawValue: 0x4_0000) }
  @inlinable public static var CLONE_SETTLS: Self { Self(rawValue: 0x8_0000) }
  @inlinable public static var CLONE_PARENT_SETTID: Self { Self(rawValue: 0x10_0000) }
  @inlinable public static var CLONE_CHILD_CLEARTID: Self { Self(rawValue: 0x20_0000) }
  @inlinable public static var CLONE_DETACHED: Self { Self(rawValue: 0x40_0000) }
  @inlinable public static var CLONE_UNTRACED: Self { Self(rawValue: 0x80_0000) }
  @inlinable public static var CLONE_CHILD_SETTID: Self { Self(rawValue: 0x100_0000) }
  @inlinable public static var CLONE_NEWCGROUP: Self { Self(rawValue: 0x200_0000) }
  @inlinable public static var CLONE_NEWUTS: Self { Self(rawValue: 0x400_0000) }
  @inlinable public static var CLONE_NEWIPC: Self { Self(rawValue: 0x800_0000) }
  @inlinable public static var CLONE_NEWUSER: Self { Self(rawValue: 0x1000_0000) }
  @inlinable public static var CLONE_NEWPID: Self { Self(rawValue: 0x2000_0000) }
  @inlinable public static var CLONE_NEWNET: Self { Self(rawValue: 0x4000_0000) }
  @inlinable public static var CLONE_IO: Self { Self(rawValue: 0x8000_0000) }
  @inlinable public static var CLONE_CLEAR_SIGHAND: Self { Self(rawValue: 0x1_0000_0000) }
  @inlinable public static var CLONE_INTO_CGROUP: Self { Self(rawValue: 0x2_0000_0000) }
  /// Also in clone(2) a namespace of its own: unshare(2)'s and clone3(2)'s bit below CSIGNAL.
  @inlinable public static var CLONE_NEWTIME: Self { Self(rawValue: 0x80) }

  @inlinable public static var namespaces: Self {
    [
      CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID,
      CLONE_NEWNET,
    ]
  }
}

/// `struct clone_args` of clone3(2), version 2 (88 bytes).
public struct CloneArguments: Sendable, BitwiseCopyable {
  public var flags: UInt64 = 0
  public var pidfd: UInt64 = 0
  public var childTid: UInt64 = 0
  public var parentTid: UInt64 = 0
  public var exitSignal: UInt64 = 0
  public var stack: UInt64 = 0
  public var stackSize: UInt64 = 0
  public var tls: UInt64 = 0
  public var setTid: UInt64 = 0
  public var setTidSize: UInt64 = 0
  public var cgroup: UInt64 = 0
  public init() {}
  public static let size0 = 64
}

/// Scheduling policies of sched(7).
public enum SchedulingPolicy {
  public static let SCHED_OTHER: Int32 = 0
  public static let SCHED_FIFO: Int32 = 1
  public static let SCHED_RR: Int32 = 2
  public static let SCHED_BATCH: Int32 = 3
  public static let SCHED_IDLE: Int32 = 5
  public static let SCHED_DEADLINE: Int32 = 6
  public static let SCHED_RESET_ON_FORK: Int32 = 0x4000_0000
}
