import CHostRuntime
import Glibc
import LinuxABI
import Synchronization

/// The sockets of the enclave, by the number that it chose for each. The numbers below
/// `Streams.count` are the standard streams and never sockets.
final class SocketTable: Sendable {
  struct Entry {
    var descriptor: Int32
    var isDatagram: Bool
  }
  static let limit: UInt64 = 1 << 20
  private let entries = Mutex<[UInt64: Entry]>([:])

  subscript(_ stream: UInt64) -> Entry? { entries.withLock { $0[stream] } }

  /// Puts a descriptor under a number. EINVAL, and the descriptor is closed, when the number is not free.
  func add(_ stream: UInt64, _ entry: Entry) throws(Errno) {
    let isFree = entries.withLock { entries in
      if stream < Streams.count || stream >= Self.limit || entries[stream] != nil { return false }
      entries[stream] = entry
      return true
    }
    if isFree { return }
    Glibc.close(entry.descriptor)
    throw .EINVAL
  }

  func remove(_ stream: UInt64) {
    if let entry = entries.withLock({ $0.removeValue(forKey: stream) }) {
      Glibc.close(entry.descriptor)
    }
  }
}
