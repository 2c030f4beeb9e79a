import EnclaveRuntime
import LinuxABI
import Synchronization

/// Who is told by signal of what happens to an open file (fcntl(2), F_SETOWN, F_SETSIG).
final class FileOwner: Sendable {
  /// F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP of `struct f_owner_ex`.
  enum Kind: Int32 { case thread, process, group }

  /// Kind in the upper half, the number (0: nobody) in the lower.
  private let word = Atomic<UInt64>(1 << 32)
  let signal = Atomic<Int32>(0)

  init() {}

  var current: (kind: Kind, id: Int32) {
    let w = word.load(ordering: .relaxed)
    return (
      Kind(rawValue: Int32(truncatingIfNeeded: w >> 32)) ?? .process, Int32(truncatingIfNeeded: w)
    )
  }

  func set(_ kind: Kind, _ id: Int32) {
    word.store(
      UInt64(UInt32(kind.rawValue)) << 32 | UInt64(UInt32(bitPattern: id)), ordering: .relaxed)
  }

  /// F_NOTIFY and F_SETLEASE make their caller the owner, unless there is one.
  func setIfNobody(_ process: Process) {
    if current.id == 0 { set(.process, process.pid) }
  }

  /// `si_code` of SIGIO and `si_band`, as poll(2) says it (sigaction(2)).
  enum Reason: Int32 {
    case POLL_IN = 1
    case POLL_OUT, POLL_MSG, POLL_ERR, POLL_PRI, POLL_HUP
    var band: UInt64 {
      switch self {
      case .POLL_IN: 0x41
      case .POLL_OUT: 0x304
      case .POLL_MSG: 0x441
      case .POLL_ERR: 0x8
      case .POLL_PRI: 0x82
      case .POLL_HUP: 0x18
      }
    }
  }

  /// SIGIO, or F_SETSIG's signal with the descriptor and the reason. No lock held.
  func tell(_ reason: Reason, fd: Int32) {
    let (kind, id) = current
    if id == 0 { return }
    let number = signal.load(ordering: .relaxed)
    var info = SignalInfo(.SIGIO, code: SignalInfo.SI_KERNEL)
    if number != 0 {
      info = SignalInfo(Signal(rawValue: number), code: reason.rawValue)
      info.word0 = reason.band
      info.word1 = UInt64(UInt32(bitPattern: fd))
    }
    let table = TaskTable.shared
    switch kind {
    case .thread:
      if let task = table.task(id) { try? task.process.send(info, to: task) }
    case .process:
      if let process = table.process(id) { try? process.send(info) }
    case .group:
      for process in table.processes(inGroup: id) { try? process.send(info) }
    }
  }
}

/// Sits in the wait queue of a file with O_ASYNC and passes on what wakes it.
final class AsyncNotice: WaitEntry, @unchecked Sendable {
  private let file: File
  private let fd: Int32
  private let queue: WaitQueue

  init(_ file: File, _ queue: WaitQueue, fd: Int32) {
    self.file = file
    self.queue = queue
    self.fd = fd
    super.init()
    queue.add(self)
  }

  func end() { queue.remove(self) }

  override func wake(_ events: PollEvents) {
    let now = file.poll()
    if file.isReadable && !now.isDisjoint(with: .readable) {
      file.owner.tell(.POLL_IN, fd: fd)
    } else if file.isWritable && !now.isDisjoint(with: .writable) {
      file.owner.tell(.POLL_OUT, fd: fd)
    } else if !now.isDisjoint(with: [.POLLHUP, .POLLERR]) {
      file.owner.tell(file.isReadable ? .POLL_IN : .POLL_OUT, fd: fd)
    }
  }
}

extension File {
  /// F_SETFL and FIOASYNC: O_ASYNC is a place in the file's wait queue. Regular files have none and
  /// ignore the flag, as Linux does.
  func setAsync(_ on: Bool, fd: Int32) {
    FileLocks.lock.lock()
    let old = asyncNotice
    if !on { asyncNotice = nil }
    FileLocks.lock.unlock()
    if !on {
      old?.end()
    } else if old == nil, let queue = waitQueue {
      let made = AsyncNotice(self, queue, fd: fd)
      FileLocks.lock.lock()
      let isFirst = asyncNotice == nil
      if isFirst { asyncNotice = made }
      FileLocks.lock.unlock()
      if !isFirst { made.end() }
    }
  }
}
