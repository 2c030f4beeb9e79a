import EnclaveRuntime
import LinuxABI

/// The numbers of host streams. The enclave chooses them, so the host cannot give one socket's number to another.
enum HostStreams {
  /// Guards `used`: one bit a number, from 0 on; 0, 1 and 2 are the standard streams.
  private static let lock = Lock()
  nonisolated(unsafe) private static var used: [UInt64] = [7]
  private static let limit = 1 << 14  // words, so 1 << 20 numbers

  static func allocate() throws(Errno) -> UInt64 {
    lock.lock()
    defer { lock.unlock() }
    for i in unsafe used.indices where unsafe used[i] != .max {
      let bit = unsafe (~used[i]).trailingZeroBitCount
      unsafe used[i] |= 1 << UInt64(bit)
      return UInt64(i * 64 + bit)
    }
    let count = unsafe used.count
    guard count < limit else { throw .ENFILE }
    unsafe used.append(1)
    return UInt64(count * 64)
  }

  /// After the host has closed it, or has refused to make it.
  static func free(_ stream: UInt64) {
    lock.lock()
    unsafe used[Int(stream / 64)] &= ~(1 << (stream % 64))
    lock.unlock()
  }

  static func close(_ stream: UInt64) {
    Host.streamClose(stream: stream)
    free(stream)
  }
}
