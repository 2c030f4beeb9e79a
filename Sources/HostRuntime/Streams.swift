import CHostRuntime
import Glibc
import HostInterface
import LinuxABI

/// The streams that the enclave may name: 0, 1 and 2 are the process's standard ones.
///
/// They may be shared with other processes (a terminal, a pipe of the shell), so O_NONBLOCK is never
/// set on them. A transfer must not block where a kick does not reach it: pipes and sockets are asked
/// with RWF_NOWAIT (preadv2(2)), terminals are polled first, files do not block.
struct Streams: Sendable {
  static let count: UInt64 = 3
  private static let kinds: [StreamKind] = (0..<Int32(count)).map(kind)

  static func descriptor(_ stream: UInt64) -> Int32? {
    stream < count ? Int32(stream) : nil
  }

  static func read(
    _ stream: UInt64, into buffer: UnsafeMutableRawBufferPointer, _ lot: ParkingLot
  ) -> Result<Int, Errno> {
    transfer(stream, buffer, events: Int16(POLLIN), lot) { fd, size, isNonblocking in
      isNonblocking
        ? clh_read_now(fd, buffer.baseAddress, size) : clh_read(fd, buffer.baseAddress, size)
    }
  }

  static func write(
    _ stream: UInt64, from buffer: UnsafeMutableRawBufferPointer, _ lot: ParkingLot
  ) -> Result<Int, Errno> {
    transfer(stream, buffer, events: Int16(POLLOUT), lot) { fd, size, isNonblocking in
      isNonblocking
        ? clh_write_now(fd, buffer.baseAddress, size) : clh_write(fd, buffer.baseAddress, size)
    }
  }

  private static func transfer(
    _ stream: UInt64, _ buffer: UnsafeMutableRawBufferPointer, events: Int16, _ lot: ParkingLot,
    _ move: (_ fd: Int32, _ size: Int, _ isNonblocking: Bool) -> Int
  ) -> Result<Int, Errno> {
    guard let fd = descriptor(stream) else { return .failure(.EBADF) }
    if buffer.isEmpty { return .success(0) }
    let kind = kinds[Int(fd)]
    var canAskNow = kind == .pipe || kind == .socket
    while true {
      if canAskNow {
        let n = move(fd, buffer.count, true)
        if n == -Int(EOPNOTSUPP) {
          canAskNow = false
        } else if n != -Int(EAGAIN) {
          return n < 0 ? .failure(Errno(rawValue: Int32(-n))) : .success(n)
        }
      }
      if kind != .file, case .failure(let error) = lot.wait(fd: fd, events: events) {
        return .failure(error)
      }
      if canAskNow { continue }
      // Before Linux 6.5 pipes do not know RWF_NOWAIT. One that is ready takes PIPE_BUF bytes (pipe(7)).
      let isPipe = kind == .pipe || kind == .socket
      let n = move(fd, isPipe ? min(buffer.count, 4096) : buffer.count, false)
      return n < 0 ? .failure(Errno(rawValue: Int32(-n))) : .success(n)
    }
  }

  private static func kind(_ fd: Int32) -> StreamKind {
    let mode = clh_file_mode(fd)
    guard mode >= 0 else { return .null }
    switch mode_t(mode) & S_IFMT {
    case S_IFIFO: return .pipe
    case S_IFSOCK: return .socket
    case S_IFCHR: return isatty(fd) == 1 ? .terminal : .null
    default: return .file
    }
  }

  static func status(_ stream: UInt64) -> (kind: StreamKind, size: UInt64)? {
    guard let fd = descriptor(stream) else { return nil }
    let kind = kinds[Int(fd)]
    let size = kind == .terminal ? clh_terminal_size(fd) : 0
    return (kind, size > 0 ? UInt64(size) : 0)
  }
}
