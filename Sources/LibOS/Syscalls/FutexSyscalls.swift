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
      return FutexTable.shared.wake(key, count: max(1, Int(Int32(bitPattern: value))), bitset: bitset)
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
        key, other, wake: max(1, Int(Int32(bitPattern: value))), wakeSecond: max(1, count2), operation: value3)
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
        address: address, value: value, isPrivate: isPrivate, bitset: bitset, deadlineNs: deadlineNs)
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
}
