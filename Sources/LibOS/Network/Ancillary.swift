import LinuxABI
import Synchronization

/// What travels beside the bytes of a message (unix(7), "Ancillary messages").
///
/// Files in flight count as described: a message that carries the last reference keeps the file open, and a
/// message that is thrown away closes it. (Two sockets that carry each other are never collected; Linux has
/// a garbage collector for that.)
final class Ancillary: @unchecked Sendable {
  let files: [File]
  /// Who sent it, as SCM_CREDENTIALS says: checked by the kernel.
  let credentials: SocketCredentials

  init(files: [File], credentials: SocketCredentials) {
    self.files = files
    self.credentials = credentials
    for file in files { file.gainDescriptor() }
  }

  deinit { for file in files { file.loseDescriptor() } }
}

/// What one receive brought.
struct Received {
  /// What the system call answers: bytes stored, or with MSG_TRUNC the real length of a datagram.
  var count: Int
  /// The sender, as `struct sockaddr`; nil: connected, nobody is named.
  var name: [UInt8]?
  /// MSG_TRUNC, MSG_EOR, MSG_OOB as found.
  var flags: MessageFlags = []
  var files: [File] = []
  /// Keeps the files of a message in flight alive until they have descriptors.
  var ancillary: Ancillary?
  var credentials: SocketCredentials?

  init(count: Int, name: [UInt8]? = nil, flags: MessageFlags = []) {
    self.count = count
    self.name = name
    self.flags = flags
  }
}
