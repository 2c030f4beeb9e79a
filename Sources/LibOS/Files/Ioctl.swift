import LinuxABI

/// Requests of ioctl(2) that files know (asm-generic/ioctls.h, linux/fs.h).
enum Ioctl {
  static var TCGETS: UInt32 { 0x5401 }
  static var TCSETS: UInt32 { 0x5402 }
  static var TCSETSW: UInt32 { 0x5403 }
  static var TCSETSF: UInt32 { 0x5404 }
  static var TCGETS2: UInt32 { 0x802C_542A }
  static var TCSETS2: UInt32 { 0x402C_542B }
  static var TCSETSW2: UInt32 { 0x402C_542C }
  static var TCSETSF2: UInt32 { 0x402C_542D }
  static var TCSBRKP: UInt32 { 0x5425 }
  static var TIOCEXCL: UInt32 { 0x540C }
  static var TIOCNXCL: UInt32 { 0x540D }
  static var TIOCGEXCL: UInt32 { 0x8004_5440 }
  static var TIOCPKT: UInt32 { 0x5420 }
  static var TIOCGPKT: UInt32 { 0x8004_5438 }
  static var TIOCSETD: UInt32 { 0x5423 }
  static var TIOCGETD: UInt32 { 0x5424 }
  static var TIOCGPTN: UInt32 { 0x8004_5430 }
  static var TIOCSPTLCK: UInt32 { 0x4004_5431 }
  static var TIOCGPTLCK: UInt32 { 0x8004_5439 }
  static var TIOCGPTPEER: UInt32 { 0x5441 }
  static var TIOCSIG: UInt32 { 0x4004_5436 }
  static var TCSBRK: UInt32 { 0x5409 }
  static var TCXONC: UInt32 { 0x540A }
  static var TCFLSH: UInt32 { 0x540B }
  static var TIOCSCTTY: UInt32 { 0x540E }
  static var TIOCGPGRP: UInt32 { 0x540F }
  static var TIOCSPGRP: UInt32 { 0x5410 }
  static var TIOCOUTQ: UInt32 { 0x5411 }
  static var TIOCGWINSZ: UInt32 { 0x5413 }
  static var TIOCSWINSZ: UInt32 { 0x5414 }
  static var FIONREAD: UInt32 { 0x541B }
  static var FIONBIO: UInt32 { 0x5421 }
  static var TIOCNOTTY: UInt32 { 0x5422 }
  static var TIOCGSID: UInt32 { 0x5429 }
  static var FIONCLEX: UInt32 { 0x5450 }
  static var FIOCLEX: UInt32 { 0x5451 }
  static var FIOASYNC: UInt32 { 0x5452 }
  static var FIOQSIZE: UInt32 { 0x5460 }
  static var FICLONE: UInt32 { 0x4004_9409 }
  static var FICLONERANGE: UInt32 { 0x4020_940D }
  static var FS_IOC_GETFLAGS: UInt32 { 0x8008_6601 }
  static var FS_IOC_SETFLAGS: UInt32 { 0x4008_6602 }
}
