/// What inotify(7) tells and what a watch asks for (linux/inotify.h).
struct InotifyEvents: OptionSet {
  var rawValue: UInt32
  static var IN_ACCESS: InotifyEvents { InotifyEvents(rawValue: 0x1) }
  static var IN_MODIFY: InotifyEvents { InotifyEvents(rawValue: 0x2) }
  static var IN_ATTRIB: InotifyEvents { InotifyEvents(rawValue: 0x4) }
  static var IN_CLOSE_WRITE: InotifyEvents { InotifyEvents(rawValue: 0x8) }
  static var IN_CLOSE_NOWRITE: InotifyEvents { InotifyEvents(rawValue: 0x10) }
  static var IN_OPEN: InotifyEvents { InotifyEvents(rawValue: 0x20) }
  static var IN_MOVED_FROM: InotifyEvents { InotifyEvents(rawValue: 0x40) }
  static var IN_MOVED_TO: InotifyEvents { InotifyEvents(rawValue: 0x80) }
  static var IN_CREATE: InotifyEvents { InotifyEvents(rawValue: 0x100) }
  static var IN_DELETE: InotifyEvents { InotifyEvents(rawValue: 0x200) }
  static var IN_DELETE_SELF: InotifyEvents { InotifyEvents(rawValue: 0x400) }
  static var IN_MOVE_SELF: InotifyEvents { InotifyEvents(rawValue: 0x800) }
  static var IN_UNMOUNT: InotifyEvents { InotifyEvents(rawValue: 0x2000) }
  static var IN_Q_OVERFLOW: InotifyEvents { InotifyEvents(rawValue: 0x4000) }
  static var IN_IGNORED: InotifyEvents { InotifyEvents(rawValue: 0x8000) }
  static var IN_ONLYDIR: InotifyEvents { InotifyEvents(rawValue: 0x100_0000) }
  static var IN_DONT_FOLLOW: InotifyEvents { InotifyEvents(rawValue: 0x200_0000) }
  static var IN_EXCL_UNLINK: InotifyEvents { InotifyEvents(rawValue: 0x400_0000) }
  static var IN_MASK_CREATE: InotifyEvents { InotifyEvents(rawValue: 0x1000_0000) }
  static var IN_MASK_ADD: InotifyEvents { InotifyEvents(rawValue: 0x2000_0000) }
  static var IN_ISDIR: InotifyEvents { InotifyEvents(rawValue: 0x4000_0000) }
  static var IN_ONESHOT: InotifyEvents { InotifyEvents(rawValue: 0x8000_0000) }

  /// IN_ALL_EVENTS: what a watch can wait for.
  static var all: InotifyEvents { InotifyEvents(rawValue: 0xFFF) }
  /// ALL_INOTIFY_BITS: an inotify_add_watch(2) that asks for none of them is EINVAL.
  static var known: InotifyEvents { InotifyEvents(rawValue: 0xF700_EFFF) }
  /// What a program is told, never more.
  static var told: InotifyEvents {
    [.all, .IN_ISDIR, .IN_UNMOUNT, .IN_IGNORED, .IN_Q_OVERFLOW]
  }
}
