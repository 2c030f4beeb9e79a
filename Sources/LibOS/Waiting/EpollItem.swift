import EnclaveRuntime
import LinuxABI

/// One file in an epoll(7) interest list. It sits in the file's wait queue for as long as it is in the list.
final class EpollItem: WaitEntry, @unchecked Sendable {
  let epoll: EpollInstance
  let file: File
  let fd: Int32
  // Guarded by `epoll.lock`.
  var data: UInt64
  /// The next of those that go back on the ready list after a look at all of them.
  var nextKept: EpollItem?
  // Guarded by `epoll.readyLock`; changed with `epoll.lock` held as well.
  var events: UInt32
  var isReady = false
  var isListed = true
  /// What an edge-triggered item has reported of its host stream, and in which generations. Guarded by
  /// `epoll.lock`.
  var reported: UInt32 = 0
  var readGeneration: UInt32 = 0
  var writeGeneration: UInt32 = 0
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

  private static let readBits: UInt32 = 0x20C3
  private static let writeBits: UInt32 = 0x304

  /// Of `events`, which the host has just told, what is news to an edge-triggered item. Marks it as told.
  func news(_ events: UInt32) -> UInt32 {
    guard isEdgeTriggered, let readiness = file.hostReadiness else { return events }
    forgetOldReports(readiness)
    let new = events & ~reported
    reported |= events
    return new
  }

  /// What the host need not be asked any more: an edge-triggered item has told it already.
  func told() -> UInt32 {
    guard isEdgeTriggered, let readiness = file.hostReadiness else { return 0 }
    forgetOldReports(readiness)
    return reported
  }

  private func forgetOldReports(_ readiness: HostReadiness) {
    let reads = readiness.readGeneration
    let writes = readiness.writeGeneration
    if reads != readGeneration {
      readGeneration = reads
      reported &= ~(Self.readBits | 0x18)
    }
    if writes != writeGeneration {
      writeGeneration = writes
      reported &= ~(Self.writeBits | 0x18)
    }
  }
}

/// Key of an interest list: a file may be in it once for each of its descriptors.
struct EpollKey: Hashable {
  var fd: Int32
  var file: UInt
}
