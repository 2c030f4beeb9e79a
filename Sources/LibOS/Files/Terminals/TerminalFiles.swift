import EnclaveRuntime
import LinuxABI

/// The master: what open(2) of /dev/ptmx gives.
final class PseudoTerminalMaster: File, @unchecked Sendable {
  let terminal: PseudoTerminal

  init(_ terminal: PseudoTerminal, _ dentry: Dentry, flags: OpenFlags) {
    self.terminal = terminal
    super.init(dentry, flags: flags)
  }
  deinit { terminal.closeMaster() }

  override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard offset == nil else { throw .ESPIPE }
    if buffer.remaining == 0 { return 0 }
    let (nonblocking, count, terminal) = (isNonblocking, buffer.remaining, terminal)
    let bytes = try terminal.masterQueue.wait { () throws(Errno) -> [UInt8]? in
      if let bytes = try terminal.takeOutput(count) { return bytes }
      if nonblocking { throw .EAGAIN }
      return nil
    }
    terminal.slaveQueue.wakeAll()
    return try buffer.write(bytes)
  }

  override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard offset == nil else { throw .ESPIPE }
    var done = 0
    let (nonblocking, terminal) = (isNonblocking, terminal)
    while buffer.remaining > 0 {
      // What was taken from the program and found no room is not lost: it is tried again.
      var piece = try buffer.read(count: min(buffer.remaining, 2048))
      if piece.isEmpty { break }
      while !piece.isEmpty {
        do throws(Errno) {
          let n = try terminal.masterQueue.wait { () throws(Errno) -> Int? in
            if let n = terminal.type(piece) { return n }
            if nonblocking { throw .EAGAIN }
            return nil
          }
          piece.removeFirst(n)
          done += n
        } catch {
          if done > 0 { return done }
          throw error
        }
      }
    }
    return done
  }

  override func poll() -> PollEvents { terminal.pollMaster() }
  override var waitQueue: WaitQueue? { terminal.masterQueue }
  override func seek(_ offset: Int, _ whence: Int32) throws(Errno) -> Int { throw .ESPIPE }

  override func ioctl(_ task: Task, _ request: UInt32, _ argument: UInt) throws(Errno) -> Int {
    switch request {
    case Ioctl.TIOCGPTN: try UserMemory.write(UInt32(terminal.number), to: argument)
    case Ioctl.TIOCSPTLCK:
      let on = try UserMemory.read(argument, as: Int32.self) != 0
      terminal.lock.withLock { terminal.isLocked = on }
    case Ioctl.TIOCGPTLCK:
      try UserMemory.write(
        Int32(terminal.lock.withLock { terminal.isLocked } ? 1 : 0), to: argument)
    case Ioctl.TIOCPKT:
      let on = try UserMemory.read(argument, as: Int32.self) != 0
      terminal.setPackets(on)
    case Ioctl.TIOCGPKT:
      try UserMemory.write(
        Int32(terminal.lock.withLock { terminal.hasPackets } ? 1 : 0), to: argument)
    case Ioctl.TIOCGPTPEER:
      let flags = OpenFlags(rawValue: UInt32(truncatingIfNeeded: argument)).intersection(.all)
      let file = try PseudoTerminalSlave.open(terminal, task, flags: flags)
      return Int(try task.process.files.insert(file, closeOnExec: flags.contains(.O_CLOEXEC)))
    case Ioctl.TIOCSIG:
      let signal = Signal(rawValue: Int32(truncatingIfNeeded: argument))
      guard [Signal.SIGINT, .SIGQUIT, .SIGTSTP].contains(where: { $0 == signal }) else {
        throw .EINVAL
      }
      terminal.signalGroup(terminal.lock.withLock { terminal.foreground }, signal)
    case Ioctl.FIONREAD:
      let count = terminal.lock.withLock { terminal.discipline.output.count }
      try UserMemory.write(Int32(count), to: argument)
    default: return try terminal.ioctl(task, request, argument, isMaster: true)
    }
    return 0
  }
}

/// A slave: /dev/pts/N.
final class PseudoTerminalSlave: File, @unchecked Sendable {
  let terminal: PseudoTerminal

  private init(_ terminal: PseudoTerminal, _ dentry: Dentry, flags: OpenFlags) {
    self.terminal = terminal
    super.init(dentry, flags: flags)
  }
  deinit { terminal.closeSlave() }

  /// Without O_NOCTTY it becomes the controlling terminal of a session leader that has none.
  static func open(
    _ terminal: PseudoTerminal, _ task: Task, flags: OpenFlags, dentry: Dentry? = nil
  ) throws(Errno) -> PseudoTerminalSlave {
    let place: Dentry
    if let dentry { place = dentry } else { place = try PtsDirectory.dentry(terminal.number) }
    try terminal.openSlave(task)
    let file = PseudoTerminalSlave(terminal, place, flags: flags)
    if !flags.contains(.O_NOCTTY) {
      do throws(Errno) {
        try ControllingTerminal.acquire(terminal, task.process, steal: false)
      } catch {}
    }
    return file
  }

  override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard offset == nil else { throw .ESPIPE }
    let task = Task.current
    try ControllingTerminal.check(terminal, task, .SIGTTIN)
    if buffer.remaining == 0 { return 0 }
    let bytes = try terminal.read(buffer.remaining, nonblocking: isNonblocking)
    terminal.masterQueue.wakeAll()
    return try buffer.write(bytes)
  }

  override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard offset == nil else { throw .ESPIPE }
    let (nonblocking, terminal) = (isNonblocking, terminal)
    if terminal.lock.withLock({ terminal.discipline.settings.TOSTOP }) {
      try ControllingTerminal.check(terminal, Task.current, .SIGTTOU)
    }
    var done = 0
    while buffer.remaining > 0 {
      let piece = try buffer.read(count: min(buffer.remaining, 4096))
      if piece.isEmpty { break }
      var at = 0
      while at < piece.count {
        do throws(Errno) {
          let n = try terminal.slaveQueue.wait { () throws(Errno) -> Int? in
            if let n = try terminal.show(piece, from: at) { return n }
            if nonblocking { throw .EAGAIN }
            return nil
          }
          at += n
          done += n
        } catch {
          if done > 0 { return done }
          throw error
        }
      }
    }
    return done
  }

  override func poll() -> PollEvents { terminal.pollSlave() }
  override var waitQueue: WaitQueue? { terminal.slaveQueue }
  override func seek(_ offset: Int, _ whence: Int32) throws(Errno) -> Int { throw .ESPIPE }

  override func ioctl(_ task: Task, _ request: UInt32, _ argument: UInt) throws(Errno) -> Int {
    if terminal.isHungUp { throw request == Ioctl.TIOCSPGRP ? .ENOTTY : .EIO }
    if request == Ioctl.FIONREAD {
      let count = terminal.lock.withLock { terminal.discipline.readableCount }
      try UserMemory.write(Int32(count), to: argument)
      return 0
    }
    return try terminal.ioctl(task, request, argument, isMaster: false)
  }
}

extension PseudoTerminal {
  /// A read of the slave: a line, or what VMIN and VTIME ask for (termios(3), "Canonical and noncanonical mode").
  func read(_ count: Int, nonblocking: Bool) throws(Errno) -> [UInt8] {
    let (isCanonical, least, tenths) = lock.withLock {
      (
        discipline.settings.ICANON, Int(discipline.settings[.VMIN]),
        UInt64(discipline.settings[.VTIME])
      )
    }
    var deadline: UInt64?
    if !isCanonical && least == 0 { deadline = Clock.monotonicNs() + tenths * 100_000_000 }
    var got: [UInt8] = []
    while true {
      do throws(Errno) {
        let more = try slaveQueue.wait(deadlineNs: deadline) { () throws(Errno) -> [UInt8]? in
          lock.lock()
          defer { lock.unlock() }
          if let bytes = discipline.take(count - got.count) { return bytes }
          if !isMasterOpen { return [] }
          if nonblocking { throw .EAGAIN }
          if !isCanonical && least == 0 && tenths == 0 { return [] }
          return nil
        }
        got.append(contentsOf: more)
        if isCanonical || more.isEmpty || got.count >= min(count, max(1, least)) { return got }
        // The time between two bytes counts from the first on.
        if tenths > 0 { deadline = Clock.monotonicNs() + tenths * 100_000_000 }
      } catch {
        if !got.isEmpty || error == .ETIMEDOUT { return got }
        throw error
      }
    }
  }

  /// The requests that both ends know: they are about the slave (tty_ioctl(4)).
  func ioctl(
    _ task: Task, _ request: UInt32, _ argument: UInt, isMaster: Bool
  ) throws(Errno) -> Int {
    switch request {
    case Ioctl.TCGETS, Ioctl.TCGETS2:
      let two = request == Ioctl.TCGETS2
      try UserMemory.writeBytes(
        lock.withLock { discipline.settings.encoded(two: two) }, to: argument)
    case Ioctl.TCSETS, Ioctl.TCSETSW, Ioctl.TCSETSF, Ioctl.TCSETS2, Ioctl.TCSETSW2, Ioctl.TCSETSF2:
      try ControllingTerminal.check(self, task, .SIGTTOU)
      let two = request >= Ioctl.TCSETS2
      let bytes = try UserMemory.readBytes(
        argument, count: two ? TerminalSettings.byteCount2 : TerminalSettings.byteCount)
      if request == Ioctl.TCSETSF || request == Ioctl.TCSETSF2 { flush(input: true, output: false) }
      lock.lock()
      var new = discipline.settings
      new.set(bytes)
      discipline.change(to: new)
      lock.unlock()
      slaveQueue.wakeAll()
      masterQueue.wakeAll()
    case Ioctl.TIOCGWINSZ: try UserMemory.write(lock.withLock { windowSize }, to: argument)
    case Ioctl.TIOCSWINSZ: resize(try UserMemory.read(argument, as: UInt64.self))
    case Ioctl.TIOCOUTQ:
      try UserMemory.write(Int32(lock.withLock { discipline.output.count }), to: argument)
    case Ioctl.TCFLSH:
      try ControllingTerminal.check(self, task, .SIGTTOU)
      guard argument <= 2 else { throw .EINVAL }
      // The master's view is the other way round.
      let (read, write) = (argument != 1, argument != 0)
      flush(input: isMaster ? write : read, output: isMaster ? read : write)
    case Ioctl.TCXONC:
      guard argument <= 3 else { throw .EINVAL }
      if argument < 2 { setStopped(argument == 0) }
    case Ioctl.TCSBRK, Ioctl.TCSBRKP: break
    case Ioctl.TIOCEXCL: setExclusive(true)
    case Ioctl.TIOCNXCL: setExclusive(false)
    case Ioctl.TIOCGEXCL:
      try UserMemory.write(Int32(lock.withLock { isExclusive } ? 1 : 0), to: argument)
    case Ioctl.TIOCGETD: try UserMemory.write(Int32(0), to: argument)
    case Ioctl.TIOCSETD:
      guard try UserMemory.read(argument, as: Int32.self) == 0 else { throw .EINVAL }
    case Ioctl.TIOCSCTTY:
      try ControllingTerminal.acquire(
        self, task.process, steal: argument == 1 && task.fileCredentials.isPrivileged)
    case Ioctl.TIOCNOTTY:
      guard ControllingTerminal.of(task.process) === self else { throw .ENOTTY }
      ControllingTerminal.giveUp(task.process)
    case Ioctl.TIOCGPGRP:
      if !isMaster { try checkControlling(task) }
      try UserMemory.write(lock.withLock { foreground }, to: argument)
    case Ioctl.TIOCSPGRP: try setForeground(task, argument)
    case Ioctl.TIOCGSID:
      if !isMaster { try checkControlling(task) }
      let leader = lock.withLock { session }
      guard leader != 0 else { throw .ENOTTY }
      try UserMemory.write(leader, to: argument)
    default: throw .ENOTTY
    }
    return 0
  }

  private func checkControlling(_ task: Task) throws(Errno) {
    guard ControllingTerminal.of(task.process) === self else { throw .ENOTTY }
  }

  /// tcsetpgrp(3).
  private func setForeground(_ task: Task, _ argument: UInt) throws(Errno) {
    try ControllingTerminal.check(self, task, .SIGTTOU)
    guard ControllingTerminal.of(task.process) === self,
      lock.withLock({ session }) == task.process.session
    else { throw .ENOTTY }
    let group = try UserMemory.read(argument, as: Int32.self)
    guard group >= 0 else { throw .EINVAL }
    let members = TaskTable.shared.processes(inGroup: group)
    guard let member = members.first else { throw .ESRCH }
    guard member.session == task.process.session else { throw .EPERM }
    lock.withLock { foreground = group }
  }
}
