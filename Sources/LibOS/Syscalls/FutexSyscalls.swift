import EnclaveRuntime
import LinuxABI

/// futex(2), set_robust_list(2), futex_waitv(2).
let futexSyscalls: [Syscall] = [
  Syscall(202, "futex") { (t, a) throws(Errno) in
    try t.sys_futex(a[0], operation: a.int32(1), value: a.uint32(2), a[3], a[4], a.uint32(5))
  },
  Syscall(273, "set_robust_list") { (t, a) throws(Errno) in
    try t.sys_set_robust_list(a[0], size: a[1])
  },
  Syscall(274, "get_robust_list") { (t, a) throws(Errno) in
    try t.sys_get_robust_list(pid: a.int32(0), head: a[1], size: a[2])
  },
  Syscall(324, "membarrier") { (t, a) throws(Errno) in
    try t.sys_membarrier(a.int32(0), flags: a.uint32(1))
  },
  Syscall(449, "futex_waitv") { (t, a) throws(Errno) in
    try t.sys_futex_waitv(
      a[0], count: a.uint32(1), flags: a.uint32(2), timeout: a[3], clock: a.int32(4))
  },
]

extension Task {
  /// `futex(uint32_t *uaddr, int futex_op, uint32_t val, const struct timespec *timeout | uint32_t val2, uint32_t *uaddr2, uint32_t val3);`
  func sys_futex(
    _ address: UInt, operation: Int32, value: UInt32, _ timeoutOrCount: UInt, _ second: UInt,
    _ value3: UInt32
  ) throws(Errno) -> Int {
    typealias F = FutexOperation
    let command = operation & F.commandMask
    let isPrivate = operation & F.FUTEX_PRIVATE_FLAG != 0
    let realtime = operation & F.FUTEX_CLOCK_REALTIME != 0
    if realtime {
      switch command {
      case F.FUTEX_WAIT_BITSET, F.FUTEX_WAIT_REQUEUE_PI, F.FUTEX_LOCK_PI2: break
      // Linux since 5.14 takes it here too.
      default: throw .ENOSYS
      }
    }
    let count2 = Int(Int32(truncatingIfNeeded: timeoutOrCount))
    switch command {
    case F.FUTEX_WAIT:
      let deadline = try relativeTimeout(timeoutOrCount)
      return try futexWait(address, isPrivate, value: value, bitset: .max, deadlineNs: deadline)
    case F.FUTEX_WAIT_BITSET:
      let deadline = try absoluteTimeout(timeoutOrCount, realtime: realtime)
      return try futexWait(
        address, isPrivate, value: value, bitset: value3, deadlineNs: deadline, isAbsolute: true)
    case F.FUTEX_WAKE, F.FUTEX_WAKE_BITSET:
      let bitset = command == F.FUTEX_WAKE ? .max : value3
      guard bitset != 0 else { throw .EINVAL }
      let key = try FutexKey(address, isPrivate: isPrivate, in: process)
      return FutexTable.shared.wake(
        key, count: max(1, Int(Int32(bitPattern: value))), bitset: bitset)
    case F.FUTEX_REQUEUE, F.FUTEX_CMP_REQUEUE:
      let wake = Int(Int32(bitPattern: value))
      guard wake >= 0, count2 >= 0 else { throw .EINVAL }
      let key = try FutexKey(address, isPrivate: isPrivate, in: process)
      let target = try FutexKey(second, isPrivate: isPrivate, in: process)
      let n = try FutexTable.shared.requeue(
        key, to: target, wake: wake, move: count2,
        expected: command == F.FUTEX_CMP_REQUEUE ? value3 : nil)
      return n.woken + n.moved
    case F.FUTEX_WAKE_OP:
      let key = try FutexKey(address, isPrivate: isPrivate, in: process)
      let other = try FutexKey(second, isPrivate: isPrivate, in: process)
      return try FutexTable.shared.wakeOperation(
        key, other, wake: max(1, Int(Int32(bitPattern: value))), wakeSecond: max(1, count2),
        operation: value3)
    case F.FUTEX_LOCK_PI, F.FUTEX_LOCK_PI2:
      // FUTEX_LOCK_PI has always measured its timeout on CLOCK_REALTIME.
      let deadline = try absoluteTimeout(
        timeoutOrCount, realtime: command == F.FUTEX_LOCK_PI || realtime)
      return try FutexTable.shared.lockPI(
        self, try FutexKey(address, isPrivate: isPrivate, in: process), deadlineNs: deadline)
    case F.FUTEX_TRYLOCK_PI:
      return try FutexTable.shared.lockPI(
        self, try FutexKey(address, isPrivate: isPrivate, in: process), deadlineNs: nil, tries: true
      )
    case F.FUTEX_UNLOCK_PI:
      return try FutexTable.shared.unlockPI(
        self, try FutexKey(address, isPrivate: isPrivate, in: process))
    case F.FUTEX_WAIT_REQUEUE_PI:
      let deadline = try absoluteTimeout(timeoutOrCount, realtime: realtime)
      guard address != second else { throw .EINVAL }
      let key = try FutexKey(address, isPrivate: isPrivate, in: process)
      let target = try FutexKey(second, isPrivate: isPrivate, in: process)
      futexWaiter.tid = UInt32(tid)
      try FutexTable.shared.enqueue(
        futexWaiter, key, value: value, bitset: .max, target: target)
      do throws(Errno) {
        try FutexTable.shared.sleep(futexWaiter, self, deadlineNs: deadline)
      } catch {
        // The caller has let go of the mutex: it must look again, not wait again.
        throw error == .ERESTARTSYS ? .EAGAIN : error
      }
      return 0
    case F.FUTEX_CMP_REQUEUE_PI:
      guard value == 1, count2 >= 0, address != second else { throw .EINVAL }
      let key = try FutexKey(address, isPrivate: isPrivate, in: process)
      let target = try FutexKey(second, isPrivate: isPrivate, in: process)
      return try FutexTable.shared.requeuePI(key, to: target, move: count2, expected: value3)
    default:
      throw .ENOSYS
    }
  }

  /// - Throws: EAGAIN when the word has another value, EINTR or a restart for a signal, ETIMEDOUT.
  func futexWait(
    _ address: UInt, _ isPrivate: Bool, value: UInt32, bitset: UInt32, deadlineNs: UInt64?,
    isAbsolute: Bool = false
  ) throws(Errno) -> Int {
    guard bitset != 0 else { throw .EINVAL }
    let key = try FutexKey(address, isPrivate: isPrivate, in: process)
    try FutexTable.shared.enqueue(futexWaiter, key, value: value, bitset: bitset)
    do throws(Errno) {
      try FutexTable.shared.sleep(futexWaiter, self, deadlineNs: deadlineNs)
    } catch {
      guard error == .ERESTARTSYS, let deadlineNs else { throw error }
      // With a timeout, going on means: to the same end (Linux futex_wait_restart).
      restart = .futexWait(
        address: address, value: value, isPrivate: isPrivate, bitset: bitset, deadlineNs: deadlineNs
      )
      throw .ERESTART_RESTARTBLOCK
    }
    return 0
  }

  /// A pointer to a relative timeout, or 0; as an absolute CLOCK_MONOTONIC time.
  func relativeTimeout(_ pointer: UInt) throws(Errno) -> UInt64? {
    guard pointer != 0 else { return nil }
    let t = try UserMemory.read(pointer, as: Timespec.self)
    guard t.isValid else { throw .EINVAL }
    let end = Clock.monotonicNs().addingReportingOverflow(t.ns)
    return end.overflow ? .max : end.partialValue
  }

  func absoluteTimeout(_ pointer: UInt, realtime: Bool) throws(Errno) -> UInt64? {
    guard pointer != 0 else { return nil }
    let t = try UserMemory.read(pointer, as: Timespec.self)
    guard t.isValid else { throw .EINVAL }
    return Clocks.monotonicDeadline(
      t.ns, clock: realtime ? ClockID.CLOCK_REALTIME : ClockID.CLOCK_MONOTONIC)
  }

  /// `set_robust_list(struct robust_list_head *head, size_t len);`
  func sys_set_robust_list(_ head: UInt, size: UInt) throws(Errno) -> Int {
    guard size == UInt(MemoryLayout<RobustListHead>.size) else { throw .EINVAL }
    robustList = head
    robustListSize = size
    return 0
  }

  /// `get_robust_list(int pid, struct robust_list_head **head_ptr, size_t *len_ptr);`
  func sys_get_robust_list(pid: Int32, head: UInt, size: UInt) throws(Errno) -> Int {
    guard let task = pid == 0 ? self : TaskTable.shared.task(pid) else { throw .ESRCH }
    try UserMemory.write(UInt(MemoryLayout<RobustListHead>.size), to: size)
    try UserMemory.write(task.robustList, to: head)
    return 0
  }

  /// `futex_waitv(struct futex_waitv *waiters, unsigned int nr_futexes, unsigned int flags, struct timespec *timeout, clockid_t clockid);`
  ///
  /// Returns the index of one that was woken.
  func sys_futex_waitv(
    _ address: UInt, count: UInt32, flags: UInt32, timeout: UInt, clock: Int32
  ) throws(Errno) -> Int {
    guard flags == 0, count > 0, count <= UInt32(FutexWaitv.FUTEX_WAITV_MAX),
      address != 0
    else { throw .EINVAL }
    var deadline: UInt64?
    if timeout != 0 {
      guard clock == ClockID.CLOCK_MONOTONIC || clock == ClockID.CLOCK_REALTIME else {
        throw .EINVAL
      }
      deadline = try absoluteTimeout(timeout, realtime: clock == ClockID.CLOCK_REALTIME)
    }
    var keys: [(FutexKey, UInt32)] = []
    for i in 0..<UInt(count) {
      let entry = try UserMemory.read(address &+ i * 24, as: FutexWaitv.self)
      guard entry.reserved == 0, entry.flags & FutexWaitv.FUTEX_32 != 0,
        entry.flags & ~(FutexWaitv.FUTEX_32 | FutexWaitv.FUTEX_PRIVATE_FLAG) == 0
      else { throw .EINVAL }
      keys.append(
        (
          try FutexKey(
            UInt(entry.address), isPrivate: entry.flags & FutexWaitv.FUTEX_PRIVATE_FLAG != 0,
            in: process), UInt32(truncatingIfNeeded: entry.value)
        ))
    }
    let table = FutexTable.shared
    var waiters: [FutexWaiter] = []
    waiters.reserveCapacity(keys.count)
    /// Takes all out; the index of one that somebody had woken.
    func leave() -> Int? {
      var woken: Int?
      for (i, waiter) in waiters.enumerated() where !table.cancel(waiter) { woken = i }
      waiters = []
      return woken
    }
    for (key, value) in keys {
      let waiter = FutexWaiter(parker: parker)
      do throws(Errno) {
        try table.enqueue(waiter, key, value: value, bitset: .max)
      } catch {
        // Linux: one that was woken meanwhile wins over the mismatch of a later one.
        if let woken = leave() { return woken }
        throw error
      }
      waiters.append(waiter)
    }
    while true {
      if waiters.contains(where: { $0.isWoken }), let woken = leave() { return woken }
      var failure: Errno?
      if hasInterruptingSignal {
        failure = .ERESTARTSYS
      } else if let deadline, Clock.monotonicNs() >= deadline {
        failure = .ETIMEDOUT
      }
      if let failure {
        if let woken = leave() { return woken }
        throw failure
      }
      park(deadlineNs: deadline)
    }
  }
}
