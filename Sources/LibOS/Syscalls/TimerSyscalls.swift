import EnclaveRuntime
import LinuxABI
import Synchronization

/// setitimer(2), timer_create(2), timerfd_create(2), alarm(2).
let timerSyscalls: [Syscall] = [
  Syscall(36, "getitimer") { (t, a) throws(Errno) in
    try t.sys_getitimer(a.int32(0), a[1])
  },
  Syscall(37, "alarm") { (t, a) throws(Errno) in try t.sys_alarm(seconds: a.uint32(0)) },
  Syscall(38, "setitimer") { (t, a) throws(Errno) in
    try t.sys_setitimer(a.int32(0), new: a[1], old: a[2])
  },
  Syscall(222, "timer_create") { (t, a) throws(Errno) in
    try t.sys_timer_create(clock: a.int32(0), event: a[1], id: a[2])
  },
  Syscall(223, "timer_settime") { (t, a) throws(Errno) in
    try t.sys_timer_settime(a.int32(0), flags: a.int32(1), new: a[2], old: a[3])
  },
  Syscall(224, "timer_gettime") { (t, a) throws(Errno) in
    let timer = try t.process.timers.find(a.int32(0))
    try UserMemory.write(Itimerspec(timer.setting), to: a[1])
    return 0
  },
  Syscall(225, "timer_getoverrun") { (t, a) throws(Errno) in
    try t.process.timers.find(a.int32(0)).overrunCount
  },
  Syscall(226, "timer_delete") { (t, a) throws(Errno) in
    try t.process.timers.remove(a.int32(0))
    return 0
  },
  Syscall(283, "timerfd_create") { (t, a) throws(Errno) in
    try t.sys_timerfd_create(clock: a.int32(0), flags: a.uint32(1))
  },
  Syscall(286, "timerfd_settime") { (t, a) throws(Errno) in
    try t.sys_timerfd_settime(a.int32(0), flags: a.uint32(1), new: a[2], old: a[3])
  },
  Syscall(287, "timerfd_gettime") { (t, a) throws(Errno) in
    guard let file = try t.process.files.get(a.int32(0)) as? Timerfd else { throw .EINVAL }
    try UserMemory.write(Itimerspec(file.timer.setting), to: a[1])
    return 0
  },
]

extension Itimerspec {
  fileprivate init(_ setting: ClockTimer.Setting) {
    self.init(
      interval: Timespec(ns: setting.intervalNs), value: Timespec(ns: setting.remainingNs))
  }
}

extension Itimerval {
  fileprivate init(_ setting: ClockTimer.Setting) {
    // A running timer never reads as zero.
    let rest = setting.remainingNs == 0 ? 0 : max(setting.remainingNs, 1000)
    self.init(interval: Timeval(ns: setting.intervalNs), value: Timeval(ns: rest))
  }
}

extension Task {
  func sys_getitimer(_ which: Int32, _ address: UInt) throws(Errno) -> Int {
    let timer = try process.timers.interval(which, of: process)
    try UserMemory.write(Itimerval(timer.setting), to: address)
    return 0
  }

  /// `setitimer(int which, const struct itimerval *new_value, struct itimerval *old_value);`
  func sys_setitimer(_ which: Int32, new: UInt, old: UInt) throws(Errno) -> Int {
    var value = Itimerval()
    // A null pointer disarms, as Linux has always let it.
    if new != 0 { value = try UserMemory.read(new, as: Itimerval.self) }
    guard value.value.isValid, value.interval.isValid else { throw .EINVAL }
    let timer = try process.timers.interval(which, of: process)
    // A real timer that is disarmed forgets its interval; those that count CPU time keep it (Linux).
    let keepsInterval = which != 0 || value.value.ns != 0
    let before = try timer.set(
      valueNs: value.value.ns, intervalNs: keepsInterval ? value.interval.ns : 0, isAbsolute: false)
    if old != 0 { try UserMemory.write(Itimerval(before), to: old) }
    return 0
  }

  /// `unsigned int alarm(unsigned int seconds);` Rounds the rest to the nearest second, but never to 0.
  func sys_alarm(seconds: UInt32) throws(Errno) -> Int {
    let timer = try process.timers.interval(0, of: process)
    let before = try timer.set(
      valueNs: UInt64(seconds) * 1_000_000_000, intervalNs: 0, isAbsolute: false)
    if before.remainingNs == 0 { return 0 }
    return max(1, Int((before.remainingNs + 500_000_000) / 1_000_000_000))
  }

  /// `timer_create(clockid_t clockid, struct sigevent *sevp, timer_t *timerid);`
  func sys_timer_create(clock number: Int32, event: UInt, id: UInt) throws(Errno) -> Int {
    let clock = try timerClock(number)
    var value: UInt64 = 0
    var signo = Signal.SIGALRM.rawValue
    var notify: Int32 = 0
    var tid: Int32 = 0
    if event != 0 {
      value = try UserMemory.read(event, as: UInt64.self)
      signo = try UserMemory.read(event + 8, as: Int32.self)
      notify = try UserMemory.read(event + 12, as: Int32.self)
      tid = try UserMemory.read(event + 16, as: Int32.self)
    }
    let signal = Signal(rawValue: signo)
    let notification: PosixTimer.Notification
    switch notify {
    case 0, 2:  // SIGEV_SIGNAL, SIGEV_THREAD (the C library's business)
      guard signal.isValid else { throw .EINVAL }
      notification = .process(signal)
    case 1: notification = .none
    case 4:  // SIGEV_THREAD_ID
      guard signal.isValid, let target = TaskTable.shared.task(tid), target.process === process
      else {
        throw .EINVAL
      }
      notification = .thread(signal, target)
    default: throw .EINVAL
    }
    let process = process
    let timer = try process.timers.add(
      { number in
        PosixTimer(
          id: number, process, clock, notification,
          value: event == 0 ? UInt64(UInt32(bitPattern: number)) : value)
      }, limit: process.signalLimit)
    do throws(Errno) {
      try UserMemory.write(timer.id, to: id)
    } catch {
      try process.timers.remove(timer.id)
      throw error
    }
    return 0
  }

  private func timerClock(_ number: Int32) throws(Errno) -> TimerClock {
    switch number {
    case ClockID.CLOCK_REALTIME, ClockID.CLOCK_TAI, ClockID.CLOCK_REALTIME_ALARM: return .realtime
    case ClockID.CLOCK_MONOTONIC, ClockID.CLOCK_BOOTTIME, ClockID.CLOCK_BOOTTIME_ALARM:
      return .monotonic
    case ClockID.CLOCK_PROCESS_CPUTIME_ID: return .processCPU(process)
    case ClockID.CLOCK_THREAD_CPUTIME_ID: return .threadCPU(self)
    case ClockID.CLOCK_MONOTONIC_RAW, ClockID.CLOCK_REALTIME_COARSE, ClockID.CLOCK_MONOTONIC_COARSE:
      throw .ENOTSUP
    default:
      guard number < 0, number & 3 != 3 else { throw .EINVAL }
      let who = ~(number >> 3)
      if number & 4 != 0 {
        guard let task = who == 0 ? self : TaskTable.shared.task(who), task.process === process
        else {
          throw .EINVAL
        }
        return .threadCPU(task)
      }
      guard let other = who == 0 ? process : TaskTable.shared.process(who) else { throw .EINVAL }
      return .processCPU(other)
    }
  }

  private func readSetting(_ address: UInt) throws(Errno) -> Itimerspec {
    let value = try UserMemory.read(address, as: Itimerspec.self)
    guard value.value.isValid, value.interval.isValid else { throw .EINVAL }
    return value
  }

  /// `timer_settime(timer_t timerid, int flags, const struct itimerspec *new, struct itimerspec *old);`
  func sys_timer_settime(_ id: Int32, flags: Int32, new: UInt, old: UInt) throws(Errno) -> Int {
    guard new != 0 else { throw .EINVAL }
    let value = try readSetting(new)
    let timer = try process.timers.find(id)
    // Disarmed, it forgets its interval.
    let before = try timer.set(
      valueNs: value.value.ns, intervalNs: value.value.ns == 0 ? 0 : value.interval.ns,
      isAbsolute: flags & ClockID.TIMER_ABSTIME != 0)
    if old != 0 { try UserMemory.write(Itimerspec(before), to: old) }
    return 0
  }

  /// `timerfd_create(int clockid, int flags);`
  func sys_timerfd_create(clock: Int32, flags: UInt32) throws(Errno) -> Int {
    let flags = OpenFlags(rawValue: flags)
    guard flags.isSubset(of: [.O_NONBLOCK, .O_CLOEXEC]) else { throw .EINVAL }
    switch clock {
    case ClockID.CLOCK_REALTIME, ClockID.CLOCK_MONOTONIC, ClockID.CLOCK_BOOTTIME: break
    case ClockID.CLOCK_REALTIME_ALARM, ClockID.CLOCK_BOOTTIME_ALARM: throw .EPERM
    default: throw .EINVAL
    }
    let file = Timerfd(clock, flags: flags.union(.O_RDWR))
    return Int(try process.files.insert(file, closeOnExec: flags.contains(.O_CLOEXEC)))
  }

  /// `timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old);`
  ///
  /// TFD_TIMER_CANCEL_ON_SET is taken and never happens: nobody inside sets the clock.
  func sys_timerfd_settime(_ fd: Int32, flags: UInt32, new: UInt, old: UInt) throws(Errno) -> Int {
    guard flags & ~3 == 0 else { throw .EINVAL }
    let value = try readSetting(new)
    guard let file = try process.files.get(fd) as? Timerfd else { throw .EINVAL }
    // What the old setting counted is forgotten before the new one begins: it may expire at once.
    let before = try file.timer.set(valueNs: 0, intervalNs: 0, isAbsolute: false)
    _ = file.timer.take()
    file.settimeFlags.store(flags, ordering: .relaxed)
    try file.timer.set(
      valueNs: value.value.ns, intervalNs: value.interval.ns, isAbsolute: flags & 1 != 0)
    // A time that has passed has expired when the call returns: who does not wait must see it.
    if flags & 1 != 0 { file.timer.fire() }
    if old != 0 { try UserMemory.write(Itimerspec(before), to: old) }
    return 0
  }
}
