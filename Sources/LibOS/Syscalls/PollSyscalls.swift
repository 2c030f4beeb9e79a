import EnclaveRuntime
import LinuxABI

/// poll(2), select(2), eventfd(2).
let pollSyscalls: [Syscall] = [
  Syscall(7, "poll") { (t, a) throws(Errno) in
    try t.sys_poll(a[0], count: a.uint32(1), timeoutMs: a.int32(2))
  },
  Syscall(23, "select") { (t, a) throws(Errno) in
    try t.sys_select(count: a.int32(0), read: a[1], write: a[2], except: a[3], timeout: a[4])
  },
  Syscall(270, "pselect6") { (t, a) throws(Errno) in
    try t.sys_pselect6(
      count: a.int32(0), read: a[1], write: a[2], except: a[3], timeout: a[4], mask: a[5])
  },
  Syscall(271, "ppoll") { (t, a) throws(Errno) in
    try t.sys_ppoll(a[0], count: a.uint32(1), timeout: a[2], mask: a[3], maskSize: a[4])
  },
  Syscall(284, "eventfd") { (t, a) throws(Errno) in
    try t.sys_eventfd2(initval: a.uint32(0), flags: 0)
  },
  Syscall(290, "eventfd2") { (t, a) throws(Errno) in
    try t.sys_eventfd2(initval: a.uint32(0), flags: a.uint32(1))
  },
]

extension Task {
  /// `poll(struct pollfd *fds, nfds_t nfds, int timeout);`
  func sys_poll(_ address: UInt, count: UInt32, timeoutMs: Int32) throws(Errno) -> Int {
    let deadline = deadline(milliseconds: timeoutMs)
    do throws(Errno) {
      return try poll(address, count: count, deadlineNs: deadline)
    } catch {
      guard error == .ERESTARTNOHAND else { throw error }
      restart = .poll(descriptors: address, count: count, deadlineNs: deadline)
      throw .ERESTART_RESTARTBLOCK
    }
  }

  /// nil: for ever; 0: do not wait.
  func deadline(milliseconds: Int32) -> UInt64? {
    if milliseconds < 0 { return nil }
    if milliseconds == 0 { return 0 }
    return Clock.monotonicNs() + UInt64(milliseconds) * 1_000_000
  }

  func poll(_ address: UInt, count: UInt32, deadlineNs: UInt64?) throws(Errno) -> Int {
    guard count <= UInt32(clamping: process.files.limit) else { throw .EINVAL }
    let count = Int(count)
    var set = PollSet()
    set.reserve(count)
    var descriptors: [PollDescriptor] = []
    descriptors.reserveCapacity(count)
    for i in 0..<count {
      let d = try UserMemory.read(address &+ UInt(8 * i), as: PollDescriptor.self)
      descriptors.append(d)
      if d.fd < 0 {
        set.add(nil, [])
        continue
      }
      var file: File?
      do throws(Errno) { file = try process.files.get(d.fd) } catch {}
      set.add(
        file, PollEvents(rawValue: UInt32(d.events)), revents: file == nil ? .POLLNVAL : [])
    }
    let ready = try set.wait(self, deadlineNs: deadlineNs)
    for i in 0..<count {
      try UserMemory.write(
        UInt16(truncatingIfNeeded: set.entries[i].revents.rawValue), to: address + UInt(8 * i + 6))
    }
    return ready
  }

  /// `ppoll(struct pollfd *fds, nfds_t nfds, struct timespec *tmo, const sigset_t *sigmask, size_t sigsetsize);`
  ///
  /// The raw call writes the rest of the time back.
  func sys_ppoll(
    _ address: UInt, count: UInt32, timeout: UInt, mask: UInt, maskSize: UInt
  ) throws(Errno) -> Int {
    let deadline = try deadline(timespec: timeout)
    return try withMask(mask, size: maskSize) { () throws(Errno) in
      defer { writeRest(of: deadline, to: timeout) }
      return try poll(address, count: count, deadlineNs: deadline)
    }
  }

  /// nil: for ever; 0: do not wait.
  func deadline(timespec pointer: UInt) throws(Errno) -> UInt64? {
    guard pointer != 0 else { return nil }
    let t = try UserMemory.read(pointer, as: Timespec.self)
    guard t.isValid else { throw .EINVAL }
    return deadline(ns: t.ns)
  }

  private func deadline(ns: UInt64) -> UInt64 {
    if ns == 0 { return 0 }
    let end = Clock.monotonicNs().addingReportingOverflow(ns)
    return end.overflow ? .max : end.partialValue
  }

  private func rest(of deadline: UInt64) -> UInt64 {
    if deadline == 0 { return 0 }
    let now = Clock.monotonicNs()
    return deadline > now ? deadline - now : 0
  }

  /// A timeout in read-only memory is no error (Linux poll_select_finish).
  private func writeRest(of deadline: UInt64?, to pointer: UInt) {
    guard let deadline, pointer != 0 else { return }
    try? UserMemory.write(Timespec(ns: rest(of: deadline)), to: pointer)
  }

  // MARK: select

  private static let selectRead: PollEvents = [
    .POLLRDNORM, .POLLRDBAND, .POLLIN, .POLLHUP, .POLLERR,
  ]
  private static let selectWrite: PollEvents = [.POLLWRBAND, .POLLWRNORM, .POLLOUT, .POLLERR]
  private static let selectExcept: PollEvents = [.POLLPRI]

  private func readSet(_ address: UInt, _ words: Int) throws(Errno) -> [UInt64] {
    var out = [UInt64](repeating: 0, count: words)
    guard address != 0 else { return out }
    for i in 0..<words { out[i] = try UserMemory.read(address + UInt(8 * i), as: UInt64.self) }
    return out
  }

  private func select(
    count: Int32, read: UInt, write: UInt, except: UInt, deadlineNs: UInt64?
  ) throws(Errno) -> Int {
    guard count >= 0 else { throw .EINVAL }
    // Linux looks at no more than the table has room for.
    let count = min(Int(count), max(process.files.limit, 64))
    let words = (count + 63) / 64
    let sets = try (readSet(read, words), readSet(write, words), readSet(except, words))
    var set = PollSet()
    var numbers: [Int] = []
    for fd in 0..<count {
      let bit: UInt64 = 1 << UInt64(fd & 63)
      let word = fd >> 6
      var events: PollEvents = []
      if sets.0[word] & bit != 0 { events.formUnion(Self.selectRead) }
      if sets.1[word] & bit != 0 { events.formUnion(Self.selectWrite) }
      if sets.2[word] & bit != 0 { events.formUnion(Self.selectExcept) }
      if events.isEmpty { continue }
      set.add(try process.files.get(Int32(fd)), events)
      numbers.append(fd)
    }
    _ = try set.wait(self, deadlineNs: deadlineNs)
    var out = (
      [UInt64](repeating: 0, count: words), [UInt64](repeating: 0, count: words),
      [UInt64](repeating: 0, count: words)
    )
    var bits = 0
    for (i, fd) in numbers.enumerated() {
      let bit: UInt64 = 1 << UInt64(fd & 63)
      let word = fd >> 6
      let now = set.entries[i].revents
      if sets.0[word] & bit != 0, !now.isDisjoint(with: Self.selectRead) {
        out.0[word] |= bit
        bits += 1
      }
      if sets.1[word] & bit != 0, !now.isDisjoint(with: Self.selectWrite) {
        out.1[word] |= bit
        bits += 1
      }
      if sets.2[word] & bit != 0, !now.isDisjoint(with: Self.selectExcept) {
        out.2[word] |= bit
        bits += 1
      }
    }
    for i in 0..<words {
      if read != 0 { try UserMemory.write(out.0[i], to: read + UInt(8 * i)) }
      if write != 0 { try UserMemory.write(out.1[i], to: write + UInt(8 * i)) }
      if except != 0 { try UserMemory.write(out.2[i], to: except + UInt(8 * i)) }
    }
    return bits
  }

  /// `select(int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds, struct timeval *timeout);`
  func sys_select(
    count: Int32, read: UInt, write: UInt, except: UInt, timeout: UInt
  ) throws(Errno) -> Int {
    var deadline: UInt64?
    if timeout != 0 {
      let t = try UserMemory.read(timeout, as: Timeval.self)
      // Linux takes more than a second of microseconds here, but nothing negative.
      guard t.seconds >= 0, t.microseconds >= 0 else { throw .EINVAL }
      let seconds = UInt64(clamping: t.seconds &+ t.microseconds / 1_000_000)
      deadline = self.deadline(
        ns: Timeval(seconds: Int64(clamping: seconds), microseconds: t.microseconds % 1_000_000).ns)
    }
    defer {
      if let deadline { try? UserMemory.write(Timeval(ns: rest(of: deadline)), to: timeout) }
    }
    return try select(count: count, read: read, write: write, except: except, deadlineNs: deadline)
  }

  /// `pselect6(int nfds, fd_set *, fd_set *, fd_set *, struct timespec *, const struct { const sigset_t *ss; size_t ss_len; } *);`
  func sys_pselect6(
    count: Int32, read: UInt, write: UInt, except: UInt, timeout: UInt, mask: UInt
  ) throws(Errno) -> Int {
    var set: UInt = 0
    var size: UInt = 8
    if mask != 0 {
      set = try UserMemory.read(mask, as: UInt.self)
      size = try UserMemory.read(mask + 8, as: UInt.self)
    }
    let deadline = try deadline(timespec: timeout)
    return try withMask(set, size: size) { () throws(Errno) in
      defer { writeRest(of: deadline, to: timeout) }
      return try select(
        count: count, read: read, write: write, except: except, deadlineNs: deadline)
    }
  }

  // MARK: eventfd

  /// `eventfd(unsigned int initval, int flags);`
  ///
  /// - Throws: EINVAL for an unknown flag, EMFILE when the descriptor table is full.
  func sys_eventfd2(initval: UInt32, flags: UInt32) throws(Errno) -> Int {
    let open = OpenFlags(rawValue: flags & ~EventfdFlags.EFD_SEMAPHORE)
    guard open.isSubset(of: [.O_NONBLOCK, .O_CLOEXEC]) else { throw .EINVAL }
    let file = Eventfd(
      count: UInt64(initval), isSemaphore: flags & EventfdFlags.EFD_SEMAPHORE != 0,
      flags: open.union(.O_RDWR))
    return Int(try process.files.insert(file, closeOnExec: open.contains(.O_CLOEXEC)))
  }
}
