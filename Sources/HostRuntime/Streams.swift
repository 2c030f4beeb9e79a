import CHostRuntime
import Glibc
import HostInterface
import LinuxABI

/// The streams that the enclave may name: 0, 1 and 2 are the process's standard ones.
///
/// They may be shared with other processes (a terminal, a pipe of the shell), so O_NONBLOCK is never
/// set on them: a blocking transfer polls first, together with the thread's kick.
struct Streams: Sendable {
  static let count: UInt64 = 3

  static func descriptor(_ stream: UInt64) -> Int32? {
    stream < count ? Int32(stream) : nil
  }

  static func read(
    _ stream: UInt64, into buffer: UnsafeMutableRawBufferPointer, _ lot: ParkingLot
  ) -> Result<Int, Errno> {
    guard let fd = descriptor(stream) else { return .failure(.EBADF) }
    if buffer.isEmpty { return .success(0) }
    if case .failure(let e) = lot.wait(fd: fd, events: Int16(POLLIN)) { return .failure(e) }
    let n = Glibc.read(fd, buffer.baseAddress, buffer.count)
    return n < 0 ? .failure(Errno(rawValue: errno)) : .success(n)
  }

  static func write(
    _ stream: UInt64, from buffer: UnsafeMutableRawBufferPointer, _ lot: ParkingLot
  ) -> Result<Int, Errno> {
    guard let fd = descriptor(stream) else { return .failure(.EBADF) }
    if buffer.isEmpty { return .success(0) }
    guard case .success = lot.wait(fd: fd, events: Int16(POLLOUT)) else { return .failure(.EINTR) }
    // A pipe that is ready takes at least PIPE_BUF bytes at once (pipe(7)); more could block where a
    // kick does not reach. Files and terminals take what they are given.
    var size = buffer.count
    if kind(fd) == .pipe || kind(fd) == .socket { size = min(size, 4096) }
    let n = Glibc.write(fd, buffer.baseAddress, size)
    return n < 0 ? .failure(Errno(rawValue: errno)) : .success(n)
  }

  static func kind(_ fd: Int32) -> StreamKind {
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
    let kind = kind(fd)
    let size = kind == .terminal ? clh_terminal_size(fd) : 0
    return (kind, size > 0 ? UInt64(size) : 0)
  }
}
