import EnclaveRuntime
import LinuxABI

/// What a timerfd counts. The timer service holds it while it is armed, the descriptor always.
final class TimerfdTimer: ClockTimer, @unchecked Sendable {
  let queue = WaitQueue()
  private let countLock = SpinLock()
  private var expirations: UInt64 = 0

  override func expired(_ count: UInt64) {
    countLock.lock()
    expirations &+= count
    countLock.unlock()
    queue.wakeAll(.readable)
  }

  func take() -> UInt64 {
    countLock.lock()
    defer { countLock.unlock() }
    let n = expirations
    expirations = 0
    return n
  }

  var isReady: Bool {
    countLock.lock()
    defer { countLock.unlock() }
    return expirations > 0
  }
}

/// timerfd_create(2): a timer that is read.
final class Timerfd: File, @unchecked Sendable {
  let timer: TimerfdTimer
  let clockID: Int32

  init(_ clockID: Int32, flags: OpenFlags) {
    self.clockID = clockID
    let isRealtime = clockID == ClockID.CLOCK_REALTIME || clockID == ClockID.CLOCK_REALTIME_ALARM
    timer = TimerfdTimer(isRealtime ? .realtime : .monotonic)
    let inode = Inode(Namespace.anonymousFileSystem, mode: 0o600)
    super.init(
      Dentry(inode, name: [UInt8](staticString: "anon_inode:[timerfd]"), parent: nil), flags: flags)
  }

  deinit { timer.disarm() }

  override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard offset == nil else { throw .ESPIPE }
    guard buffer.remaining >= 8 else { throw .EINVAL }
    let nonblocking = isNonblocking
    let count = try timer.queue.wait { () throws(Errno) -> UInt64? in
      let n = timer.take()
      if n > 0 { return n }
      if nonblocking { throw .EAGAIN }
      return nil
    }
    return try buffer.write(count)
  }

  override func poll() -> PollEvents { timer.isReady ? .readable : [] }
  override var waitQueue: WaitQueue? { timer.queue }
}
