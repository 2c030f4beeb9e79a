import LinuxABI

/// `struct termios` and `struct termios2` of the kernel (termios(3), asm-generic/termbits.h).
struct TerminalSettings {
  var inputFlags: UInt32
  var outputFlags: UInt32
  var controlFlags: UInt32
  var localFlags: UInt32
  var line: UInt8 = 0
  var characters: [UInt8]
  var inputSpeed: UInt32 = 38400
  var outputSpeed: UInt32 = 38400

  static var byteCount: Int { 36 }
  static var byteCount2: Int { 44 }

  /// tty_std_termios with echo and CR-LF: what a fresh pseudo terminal has.
  static var fresh: TerminalSettings {
    TerminalSettings(
      // ICRNL | IXON; OPOST | ONLCR; B38400 | CS8 | CREAD;
      // ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN
      inputFlags: 0x500, outputFlags: 0x5, controlFlags: 0xBF, localFlags: 0x8A3B,
      characters: [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0])
  }

  func encoded(two: Bool) -> [UInt8] {
    var out: [UInt8] = []
    for word in [inputFlags, outputFlags, controlFlags, localFlags] {
      out.append(littleEndian: word)
    }
    out.append(line)
    out.append(contentsOf: characters)
    if two {
      out.append(littleEndian: inputSpeed)
      out.append(littleEndian: outputSpeed)
    }
    return out
  }

  /// Takes over what a program sets: the 36 or 44 bytes.
  mutating func set(_ bytes: [UInt8]) {
    inputFlags = bytes.loadLittleEndian32(0)
    outputFlags = bytes.loadLittleEndian32(4)
    // A pseudo terminal is always CS8 | CREAD without parity (pty_set_termios).
    controlFlags = bytes.loadLittleEndian32(8) & ~0o460 | 0o260
    localFlags = bytes.loadLittleEndian32(12)
    line = bytes[16]
    characters = [UInt8](bytes[17..<36])
    if bytes.count >= 44 {
      inputSpeed = bytes.loadLittleEndian32(36)
      outputSpeed = bytes.loadLittleEndian32(40)
    }
  }

  // c_iflag
  var ISTRIP: Bool { inputFlags & 0o40 != 0 }
  var INLCR: Bool { inputFlags & 0o100 != 0 }
  var IGNCR: Bool { inputFlags & 0o200 != 0 }
  var ICRNL: Bool { inputFlags & 0o400 != 0 }
  var IUCLC: Bool { inputFlags & 0o1000 != 0 }
  var IXON: Bool { inputFlags & 0o2000 != 0 }
  var IXANY: Bool { inputFlags & 0o4000 != 0 }
  var IMAXBEL: Bool { inputFlags & 0o20000 != 0 }
  var IUTF8: Bool { inputFlags & 0o40000 != 0 }
  // c_oflag
  var OPOST: Bool { outputFlags & 0o1 != 0 }
  var OLCUC: Bool { outputFlags & 0o2 != 0 }
  var ONLCR: Bool { outputFlags & 0o4 != 0 }
  var OCRNL: Bool { outputFlags & 0o10 != 0 }
  var ONOCR: Bool { outputFlags & 0o20 != 0 }
  var ONLRET: Bool { outputFlags & 0o40 != 0 }
  var XTABS: Bool { outputFlags & 0o14000 == 0o14000 }
  // c_lflag
  var ISIG: Bool { localFlags & 0o1 != 0 }
  var ICANON: Bool { localFlags & 0o2 != 0 }
  var ECHO: Bool { localFlags & 0o10 != 0 }
  var ECHOE: Bool { localFlags & 0o20 != 0 }
  var ECHOK: Bool { localFlags & 0o40 != 0 }
  var ECHONL: Bool { localFlags & 0o100 != 0 }
  var NOFLSH: Bool { localFlags & 0o200 != 0 }
  var TOSTOP: Bool { localFlags & 0o400 != 0 }
  var ECHOCTL: Bool { localFlags & 0o1000 != 0 }
  var ECHOKE: Bool { localFlags & 0o4000 != 0 }
  var IEXTEN: Bool { localFlags & 0o100000 != 0 }

  /// Indices into `characters`.
  enum Character: Int {
    case VINTR = 0
    case VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, VSWTC, VSTART, VSTOP, VSUSP, VEOL, VREPRINT
    case VDISCARD, VWERASE, VLNEXT, VEOL2
  }
  subscript(_ c: Character) -> UInt8 { characters[c.rawValue] }
  /// `byte` is this special character; 0 switches one off (_POSIX_VDISABLE).
  func isCharacter(_ c: Character, _ byte: UInt8) -> Bool { byte != 0 && self[c] == byte }
}
