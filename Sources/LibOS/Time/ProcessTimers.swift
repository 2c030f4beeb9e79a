import EnclaveRuntime
import LinuxABI

/// The timers of a process: setitimer(2), timer_create(2).
final class ProcessTimers: @unchecked Sendable {
  /// Guards the tables. May be taken with the signal lock held, never the other way round.
  private let lock = Lock()
  private var intervals: [IntervalTimer?] = [nil, nil, nil]
  private var timers: [PosixTimer] = []
  private var nextId: Int32 = 0
  private var cpuLimit: CPULimit?

  init() {}

  /// RLIMIT_CPU has changed or was inherited. Called without the process's lock.
  func followCPULimit(of process: Process) {
    lock.lock()
    let limit = cpuLimit ?? CPULimit(process)
    cpuLimit = limit
    lock.unlock()
    limit.follow()
  }

  /// ITIMER_REAL 0, ITIMER_VIRTUAL 1, ITIMER_PROF 2. EINVAL for others.
  func interval(_ which: Int32, of process: Process) throws(Errno) -> IntervalTimer {
    guard which >= 0, which < 3 else { throw .EINVAL }
    lock.lock()
    defer { lock.unlock() }
    if let timer = intervals[Int(which)] { return timer }
    let timer: IntervalTimer =
      switch which {
      case 0: IntervalTimer(process, .monotonic, .SIGALRM)
      // User and system time are not told apart, so both count all CPU time.
      case 1: IntervalTimer(process, .processCPU(process), .SIGVTALRM)
      default: IntervalTimer(process, .processCPU(process), .SIGPROF)
      }
    intervals[Int(which)] = timer
    return timer
  }

  func add(_ make: (Int32) -> PosixTimer, limit: Int) throws(Errno) -> PosixTimer {
    lock.lock()
    defer { lock.unlock() }
    guard timers.count < limit else { throw .EAGAIN }
    let timer = make(nextId)
    nextId = nextId == .max ? 0 : nextId + 1
    timers.append(timer)
    return timer
  }

  func find(_ id: Int32) throws(Errno) -> PosixTimer {
    lock.lock()
    defer { lock.unlock() }
    for timer in timers where timer.id == id { return timer }
    throw .EINVAL
  }

  func remove(_ id: Int32) throws(Errno) {
    let timer = try find(id)
    lock.lock()
    timers.removeAll { $0 === timer }
    lock.unlock()
    timer.disarm()
  }

  /// exit(2). execve(2) keeps interval timers and deletes the others.
  func cancelAll(keepingIntervals: Bool = false) {
    lock.lock()
    let old = timers
    timers = []
    var stopped: [IntervalTimer] = []
    if !keepingIntervals {
      for timer in intervals { if let timer { stopped.append(timer) } }
      intervals = [nil, nil, nil]
    }
    let limit = keepingIntervals ? nil : cpuLimit
    if !keepingIntervals { cpuLimit = nil }
    lock.unlock()
    limit?.disarm()
    for timer in old { timer.disarm() }
    for timer in stopped { timer.disarm() }
  }
}

extension Process {
  /// A queued signal was taken: a POSIX timer's overruns count from here. Signal lock held.
  func noteTaken(_ info: inout SignalInfo) {
    guard info.code == SignalInfo.SI_TIMER else { return }
    do throws(Errno) { try timers.find(Int32(truncatingIfNeeded: info.word0)).taken(&info) } catch {
    }
  }

  var threadCount: Int {
    signals.lock.lock()
    defer { signals.lock.unlock() }
    return tasks.count
  }
}
