import EnclaveRuntime
import HostInterface
import LinuxABI

/// What a program sees of the host's terminal: a line discipline's settings that are kept and answered,
/// while the host's terminal does the editing. `lock` guards the settings.
final class Terminal: @unchecked Sendable {
  static let shared = Terminal()
  private let lock = Lock()
  /// `struct termios` of the kernel: 36 bytes; what a fresh Linux terminal has (tty_std_termios).
  private var settings: [UInt8]
  private var windowSize: (rows: UInt16, columns: UInt16)?

  init() {
    var t: [UInt8] = []
    // ICRNL | IXON; OPOST | ONLCR; B38400 | CS8 | CREAD; ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN
    for word: UInt32 in [0x500, 0x5, 0xBF, 0x8A3B] {
      var v = word
      for _ in 0..<4 {
        t.append(UInt8(truncatingIfNeeded: v))
        v >>= 8
      }
    }
    t.append(0)
    let control: [UInt8] = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0]
    t.append(contentsOf: control)
    settings = t
  }

  func ioctl(
    _ task: Task, _ request: UInt32, _ argument: UInt, stream: UInt64
  ) throws(Errno) -> Int {
    switch request {
    case Ioctl.TCGETS:
      try UserMemory.writeBytes(lock.withLock { settings }, to: argument)
    case Ioctl.TCSETS, Ioctl.TCSETSW, Ioctl.TCSETSF:
      let new = try UserMemory.readBytes(argument, count: 36)
      lock.withLock { settings = new }
    case Ioctl.TIOCGWINSZ:
      let status = Host.streamStatus(stream: stream)
      let own = lock.withLock { windowSize }
      let size = (own?.rows ?? status.rows, own?.columns ?? status.columns)
      try UserMemory.write(size.0, to: argument)
      try UserMemory.write(size.1, to: argument &+ 2)
      try UserMemory.write(UInt32(0), to: argument &+ 4)
    case Ioctl.TIOCSWINSZ:
      let rows = try UserMemory.read(argument, as: UInt16.self)
      let columns = try UserMemory.read(argument &+ 2, as: UInt16.self)
      lock.withLock { windowSize = (rows, columns) }
    case Ioctl.TCSBRK, Ioctl.TCXONC, Ioctl.TCFLSH: break
    case Ioctl.TIOCOUTQ: try UserMemory.write(Int32(0), to: argument)
    default: throw .ENOTTY
    }
    return 0
  }
}
