import EnclaveRuntime
import LinuxABI

/// One file in an epoll(7) interest list. It sits in the file's wait queue for as long as it is in the list.
final class EpollItem: WaitEntry, @unchecked Sendable {
  let epoll: EpollInstance
  let file: File
  let fd: Int32
  // Guarded by `epoll.lock`.
  var data: UInt64
  // Guarded by `epoll.readyLock`; changed with `epoll.lock` held as well.
  var events: UInt32
  var isReady = false
  var isListed = true
  var nextReady: EpollItem?

  init(_ epoll: EpollInstance, _ file: File, _ fd: Int32, events: UInt32, data: UInt64) {
    self.epoll = epoll
    self.file = file
    self.fd = fd
    self.events = events
    self.data = data
  }

  override func wake(_ events: PollEvents) { epoll.changed(self, events) }

  var isEdgeTriggered: Bool { events & Epoll.EPOLLET != 0 }

  /// What is wanted and is so now.
  func currentEvents() -> UInt32 {
    file.poll().rawValue & (events & ~Epoll.privateBits)
  }

  /// The file behind a host stream: only the host knows whether it is ready.
  var hostStream: UInt64? { file.waitQueue == nil ? file.hostStream : nil }
}

/// Key of an interest list: a file may be in it once for each of its descriptors.
struct EpollKey: Hashable {
  var fd: Int32
  var file: UInt
}
