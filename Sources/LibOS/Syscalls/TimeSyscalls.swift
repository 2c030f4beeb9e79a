import EnclaveRuntime
import LinuxABI

/// clock_gettime(2), nanosleep(2) and their like.
let timeSyscalls: [Syscall] = [
  Syscall(35, "nanosleep") { (t, a) throws(Errno) in
    try t.sys_nanosleep(a[0], remaining: a[1])
  },
  Syscall(96, "gettimeofday") { (t, a) throws(Errno) in
    try t.sys_gettimeofday(a[0], zone: a[1])
  },
  Syscall(164, "settimeofday", .refused("a container may not set the clock")) {
    (_, _) throws(Errno) in throw .EPERM
  },
  Syscall(201, "time") { (t, a) throws(Errno) in try t.sys_time(a[0]) },
  Syscall(227, "clock_settime", .refused("a container may not set the clock")) {
    (_, _) throws(Errno) in throw .EPERM
  },
  Syscall(228, "clock_gettime") { (t, a) throws(Errno) in
    try t.sys_clock_gettime(a.int32(0), a[1])
  },
  Syscall(229, "clock_getres") { (t, a) throws(Errno) in
    try t.sys_clock_getres(a.int32(0), a[1])
  },
  Syscall(230, "clock_nanosleep") { (t, a) throws(Errno) in
    try t.sys_clock_nanosleep(a.int32(0), flags: a.int32(1), request: a[2], remaining: a[3])
  },
]

extension Task {
  func sys_clock_gettime(_ clock: Int32, _ address: UInt) throws(Errno) -> Int {
    try UserMemory.write(Timespec(ns: try Clocks.now(clock, self)), to: address)
    return 0
  }

  func sys_clock_getres(_ clock: Int32, _ address: UInt) throws(Errno) -> Int {
    let ns = try Clocks.resolutionNs(clock, self)
    if address != 0 { try UserMemory.write(Timespec(ns: ns), to: address) }
    return 0
  }

  func sys_gettimeofday(_ time: UInt, zone: UInt) throws(Errno) -> Int {
    if time != 0 { try UserMemory.write(Timeval(ns: Clock.realtimeNs()), to: time) }
    if zone != 0 { try UserMemory.write(UInt64(0), to: zone) }
    return 0
  }

  func sys_time(_ address: UInt) throws(Errno) -> Int {
    let seconds = Int64(Clock.realtimeNs() / 1_000_000_000)
    if address != 0 { try UserMemory.write(seconds, to: address) }
    return Int(seconds)
  }

  func sys_nanosleep(_ request: UInt, remaining: UInt) throws(Errno) -> Int {
    let t = try UserMemory.read(request, as: Timespec.self)
    guard t.isValid else { throw .EINVAL }
    try sleepRelative(ns: t.ns, clock: ClockID.CLOCK_MONOTONIC, remaining: remaining)
    return 0
  }

  /// `clock_nanosleep(clockid_t clockid, int flags, const struct timespec *request, struct timespec *remain);`
  func sys_clock_nanosleep(
    _ clock: Int32, flags: Int32, request: UInt, remaining: UInt
  ) throws(Errno) -> Int {
    try Clocks.checkSleepClock(clock)
    let t = try UserMemory.read(request, as: Timespec.self)
    guard t.isValid else { throw .EINVAL }
    if flags & ClockID.TIMER_ABSTIME != 0 {
      try sleepAbsolute(t.ns, clock: clock)
    } else {
      try sleepRelative(ns: t.ns, clock: clock, remaining: remaining)
    }
    return 0
  }
}
