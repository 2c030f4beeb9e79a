/// Flags of open(2) (asm-generic/fcntl.h, the x86-64 values).
public struct OpenFlags: OptionSet, Sendable {
  public var rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  @inlinable public static var O_WRONLY: OpenFlags { OpenFlags(rawValue: 0o1) }
  @inlinable public static var O_RDWR: OpenFlags { OpenFlags(rawValue: 0o2) }
  @inlinable public static var O_ACCMODE: OpenFlags { OpenFlags(rawValue: 0o3) }
  @inlinable public static var O_CREAT: OpenFlags { OpenFlags(rawValue: 0o100) }
  @inlinable public static var O_EXCL: OpenFlags { OpenFlags(rawValue: 0o200) }
  @inlinable public static var O_NOCTTY: OpenFlags { OpenFlags(rawValue: 0o400) }
  @inlinable public static var O_TRUNC: OpenFlags { OpenFlags(rawValue: 0o1000) }
  @inlinable public static var O_APPEND: OpenFlags { OpenFlags(rawValue: 0o2000) }
  @inlinable public static var O_NONBLOCK: OpenFlags { OpenFlags(rawValue: 0o4000) }
  @inlinable public static var O_DSYNC: OpenFlags { OpenFlags(rawValue: 0o10000) }
  @inlinable public static var O_ASYNC: OpenFlags { OpenFlags(rawValue: 0o20000) }
  @inlinable public static var O_DIRECT: OpenFlags { OpenFlags(rawValue: 0o40000) }
  @inlinable public static var O_LARGEFILE: OpenFlags { OpenFlags(rawValue: 0o100000) }
  @inlinable public static var O_DIRECTORY: OpenFlags { OpenFlags(rawValue: 0o200000) }
  @inlinable public static var O_NOFOLLOW: OpenFlags { OpenFlags(rawValue: 0o400000) }
  @inlinable public static var O_NOATIME: OpenFlags { OpenFlags(rawValue: 0o1000000) }
  @inlinable public static var O_CLOEXEC: OpenFlags { OpenFlags(rawValue: 0o2000000) }
  @inlinable public static var __O_SYNC: OpenFlags { OpenFlags(rawValue: 0o4000000) }
  @inlinable public static var O_PATH: OpenFlags { OpenFlags(rawValue: 0o10000000) }
  @inlinable public static var __O_TMPFILE: OpenFlags { OpenFlags(rawValue: 0o20000000) }
  /// Every flag that open(2) knows; openat(2) ignores others, openat2(2) refuses them.
  @inlinable public static var all: OpenFlags { OpenFlags(rawValue: 0o37777703) }

  @inlinable public var isReadable: Bool { rawValue & 3 != 1 && rawValue & 3 != 3 }
  @inlinable public var isWritable: Bool { rawValue & 3 == 1 || rawValue & 3 == 2 }
}

/// `AT_*` flags of the *at() calls (linux/fcntl.h).
public enum AT {
  @inlinable public static var FDCWD: Int32 { -100 }
  @inlinable public static var SYMLINK_NOFOLLOW: UInt32 { 0x100 }
  @inlinable public static var EACCESS: UInt32 { 0x200 }
  @inlinable public static var REMOVEDIR: UInt32 { 0x200 }
  @inlinable public static var SYMLINK_FOLLOW: UInt32 { 0x400 }
  @inlinable public static var NO_AUTOMOUNT: UInt32 { 0x800 }
  @inlinable public static var EMPTY_PATH: UInt32 { 0x1000 }
  @inlinable public static var STATX_SYNC_TYPE: UInt32 { 0x6000 }
}
