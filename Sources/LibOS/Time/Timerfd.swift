import EnclaveRuntime
import LinuxABI
import Synchronization

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

  /// What `take` would give.
  var ticks: UInt64 {
    countLock.lock()
    defer { countLock.unlock() }
    return expirations
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
  /// Flags of the last timerfd_settime(2).
  let settimeFlags = Atomic<UInt32>(0)

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

  /// Lines of /proc/PID/fdinfo (proc_pid_fdinfo(5)).
  override func describe(_ out: inout [UInt8]) {
    func pair(_ name: StaticString, _ ns: UInt64) {
      out.append(name)
      out.append(decimal: UInt(ns / 1_000_000_000))
      out.append(", ")
      out.append(decimal: UInt(ns % 1_000_000_000))
      out.append(")\n")
    }
    let setting = timer.setting
    out.append("clockid: ")
    out.append(decimal: Int(clockID))
    out.append("\nticks: ")
    out.append(decimal: UInt(timer.ticks))
    out.append("\nsettime flags: 0")
    out.append(octal: UInt(settimeFlags.load(ordering: .relaxed)))
    out.append(0x0A)
    pair("it_value: (", setting.remainingNs)
    pair("it_interval: (", setting.intervalNs)
  }

  override func poll() -> PollEvents { timer.isReady ? .POLLIN : [] }
  override var waitQueue: WaitQueue? { timer.queue }
}
