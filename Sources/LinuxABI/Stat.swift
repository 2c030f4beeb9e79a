/// File types and permission bits of `st_mode` (linux/stat.h).
public enum FileMode {
  @inlinable public static var S_IFMT: UInt32 { 0o170000 }
  @inlinable public static var S_IFSOCK: UInt32 { 0o140000 }
  @inlinable public static var S_IFLNK: UInt32 { 0o120000 }
  @inlinable public static var S_IFREG: UInt32 { 0o100000 }
  @inlinable public static var S_IFBLK: UInt32 { 0o060000 }
  @inlinable public static var S_IFDIR: UInt32 { 0o040000 }
  @inlinable public static var S_IFCHR: UInt32 { 0o020000 }
  @inlinable public static var S_IFIFO: UInt32 { 0o010000 }
  @inlinable public static var S_ISUID: UInt32 { 0o4000 }
  @inlinable public static var S_ISGID: UInt32 { 0o2000 }
  @inlinable public static var S_ISVTX: UInt32 { 0o1000 }
  @inlinable public static var S_IXGRP: UInt32 { 0o010 }
}

/// `struct timespec` for file times, which may lie before the epoch.
public struct FileTime: BitwiseCopyable, Sendable {
  public var seconds: Int64
  public var nanoseconds: Int64
  @inlinable public init(seconds: Int64, nanoseconds: Int64) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }
  /// From nanoseconds since the epoch, negative ones included.
  @inlinable public init(ns: Int64) {
    var s = ns / 1_000_000_000
    var n = ns % 1_000_000_000
    if n < 0 {
      s -= 1
      n += 1_000_000_000
    }
    seconds = s
    nanoseconds = n
  }
}

/// `struct stat` as stat(2) fills it on x86-64: 144 bytes.
public struct Stat: BitwiseCopyable, Sendable {
  public var dev: UInt64 = 0
  public var ino: UInt64 = 0
  public var nlink: UInt64 = 0
  public var mode: UInt32 = 0
  public var uid: UInt32 = 0
  public var gid: UInt32 = 0
  public var pad0: UInt32 = 0
  public var rdev: UInt64 = 0
  public var size: Int64 = 0
  public var blksize: Int64 = 4096
  public var blocks: Int64 = 0
  public var atime = FileTime(seconds: 0, nanoseconds: 0)
  public var mtime = FileTime(seconds: 0, nanoseconds: 0)
  public var ctime = FileTime(seconds: 0, nanoseconds: 0)
  public var unused: (Int64, Int64, Int64) = (0, 0, 0)
  @inlinable public init() {}
}

/// Device numbers as `st_dev` and mknod(2) encode them (MAJOR and MINOR of sys/sysmacros.h).
public enum DeviceNumber {
  @inlinable public static func make(_ major: UInt64, _ minor: UInt64) -> UInt64 {
    (minor & 0xFF) | (major & 0xFFF) << 8 | (minor & ~0xFF) << 12 | (major & ~0xFFF) << 32
  }
  @inlinable public static func major(_ dev: UInt64) -> UInt64 {
    (dev >> 8) & 0xFFF | (dev >> 32) & ~0xFFF
  }
  @inlinable public static func minor(_ dev: UInt64) -> UInt64 { dev & 0xFF | (dev >> 12) & ~0xFF }
}

/// Events of poll(2) (asm-generic/poll.h).
public struct PollEvents: OptionSet, Sendable {
  public var rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
  @inlinable public static var POLLIN: PollEvents { PollEvents(rawValue: 0x1) }
  @inlinable public static var POLLPRI: PollEvents { PollEvents(rawValue: 0x2) }
  @inlinable public static var POLLOUT: PollEvents { PollEvents(rawValue: 0x4) }
  @inlinable public static var POLLERR: PollEvents { PollEvents(rawValue: 0x8) }
  @inlinable public static var POLLHUP: PollEvents { PollEvents(rawValue: 0x10) }
  @inlinable public static var POLLNVAL: PollEvents { PollEvents(rawValue: 0x20) }
  @inlinable public static var POLLRDNORM: PollEvents { PollEvents(rawValue: 0x40) }
  @inlinable public static var POLLRDBAND: PollEvents { PollEvents(rawValue: 0x80) }
  @inlinable public static var POLLWRNORM: PollEvents { PollEvents(rawValue: 0x100) }
  @inlinable public static var POLLWRBAND: PollEvents { PollEvents(rawValue: 0x200) }
  @inlinable public static var POLLMSG: PollEvents { PollEvents(rawValue: 0x400) }
  @inlinable public static var POLLRDHUP: PollEvents { PollEvents(rawValue: 0x2000) }
  /// What a file that never blocks answers (DEFAULT_POLLMASK).
  @inlinable public static var always: PollEvents { [.POLLIN, .POLLOUT, .POLLRDNORM, .POLLWRNORM] }
  @inlinable public static var readable: PollEvents { [.POLLIN, .POLLRDNORM] }
  @inlinable public static var writable: PollEvents { [.POLLOUT, .POLLWRNORM] }
}
