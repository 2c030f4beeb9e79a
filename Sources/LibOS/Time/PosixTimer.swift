import EnclaveRuntime
import LinuxABI

/// A timer of timer_create(2). Its signal is queued once; expiries while it waits count as overruns.
final class PosixTimer: ClockTimer, @unchecked Sendable {
  enum Notification {
    case none
    case process(Signal)
    case thread(Signal, Task)
  }

  let id: Int32
  private let process: Process
  private let notification: Notification
  private let value: UInt64
  private let stateLock = SpinLock()
  // Guarded by `stateLock`.
  private var isQueued = false
  private var overruns: UInt64 = 0
  private var lastOverruns: UInt64 = 0

  init(
    id: Int32, _ process: Process, _ clock: TimerClock, _ notification: Notification, value: UInt64
  ) {
    self.id = id
    self.process = process
    self.notification = notification
    self.value = value
    super.init(clock)
  }

  override func expired(_ count: UInt64) {
    stateLock.lock()
    if isQueued {
      overruns += count
      stateLock.unlock()
      return
    }
    isQueued = true
    overruns = count - 1
    stateLock.unlock()
    switch notification {
    case .none: break
    case .process(let signal): try? process.send(info(signal))
    case .thread(let signal, let task): try? process.send(info(signal), to: task)
    }
  }

  private func info(_ signal: Signal) -> SignalInfo {
    var info = SignalInfo(signal, code: SignalInfo.SI_TIMER)
    info.word0 = UInt64(UInt32(bitPattern: id))
    info.word1 = value
    return info
  }

  /// Its signal was taken from the queue: tells how many expiries it stands for.
  func taken(_ info: inout SignalInfo) {
    stateLock.lock()
    isQueued = false
    lastOverruns = min(overruns, UInt64(Int32.max))
    overruns = 0
    info.word0 |= lastOverruns << 32
    stateLock.unlock()
  }

  /// timer_getoverrun(2)
  var overrunCount: Int {
    stateLock.lock()
    defer { stateLock.unlock() }
    return Int(lastOverruns)
  }
}
