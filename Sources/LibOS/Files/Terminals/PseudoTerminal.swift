import EnclaveRuntime
import LinuxABI

/// A pair of pseudo terminal ends (pty(7)): what the master writes is typed, what the slave writes is shown.
///
/// `lock` guards everything here. Signals are sent and threads woken without it.
final class PseudoTerminal: @unchecked Sendable {
  let number: Int
  let lock = Lock()
  var discipline = LineDiscipline()
  /// `struct winsize`: rows, columns, pixels.
  var windowSize: UInt64 = 0
  /// The session whose controlling terminal it is, and its foreground process group; 0: none.
  var session: Int32 = 0
  var foreground: Int32 = 0
  /// TIOCSPTLCK: the slave cannot be opened yet.
  var isLocked = true
  private(set) var isMasterOpen = true
  private(set) var slaveCount = 0
  private var slaveWasOpen = false
  private(set) var isExclusive = false
  /// TIOCPKT: reads of the master begin with a status byte.
  private(set) var hasPackets = false
  private var packetStatus: UInt8 = 0
  let masterQueue = WaitQueue()
  let slaveQueue = WaitQueue()

  static var outputLimit: Int { 16384 }
  static var TIOCPKT_FLUSHREAD: UInt8 { 1 }
  static var TIOCPKT_FLUSHWRITE: UInt8 { 2 }

  init(number: Int) { self.number = number }

  // MARK: Ends

  func openSlave(_ task: Task, exclusive: Bool = false) throws(Errno) {
    lock.lock()
    defer { lock.unlock() }
    guard isMasterOpen, !isLocked else { throw .EIO }
    if isExclusive && !task.fileCredentials.isPrivileged { throw .EBUSY }
    slaveCount += 1
    slaveWasOpen = true
  }

  func setExclusive(_ on: Bool) { lock.withLock { isExclusive = on } }

  func closeSlave() {
    lock.lock()
    slaveCount -= 1
    if slaveCount == 0 { isExclusive = false }
    lock.unlock()
    masterQueue.wakeAll()
  }

  /// The master goes: the slave is hung up, its session hears of it (tty_vhangup).
  func closeMaster() {
    lock.lock()
    isMasterOpen = false
    let leader = session
    let group = foreground
    session = 0
    foreground = 0
    lock.unlock()
    PseudoTerminals.remove(number)
    slaveQueue.wakeAll()
    if leader != 0 { ControllingTerminal.hangUp(leader: leader, group: group) }
  }

  /// `tpgid` of /proc/PID/stat.
  var foregroundGroup: Int {
    lock.lock()
    defer { lock.unlock() }
    return Int(foreground)
  }

  var isHungUp: Bool { lock.withLock { !isMasterOpen } }

  // MARK: Master

  /// What was shown, as far as there is any; nil: wait. EIO: nobody can show anything any more.
  func takeOutput(_ count: Int) throws(Errno) -> [UInt8]? {
    lock.lock()
    defer { lock.unlock() }
    if hasPackets {
      if packetStatus != 0 {
        let status = packetStatus
        packetStatus = 0
        return [status]
      }
      if !discipline.output.isEmpty && !discipline.isStopped {
        return [0] + discipline.output.take(count - 1)
      }
    } else if !discipline.output.isEmpty && !discipline.isStopped {
      return discipline.output.take(count)
    }
    if slaveWasOpen && slaveCount == 0 { throw .EIO }
    return nil
  }

  /// Types bytes; nil: no room in raw mode. Returns how many were taken.
  func type(_ bytes: [UInt8]) -> Int? {
    lock.lock()
    var n = bytes.count
    if !discipline.settings.ICANON {
      n = min(n, discipline.inputRoom)
      if n == 0 {
        lock.unlock()
        return nil
      }
    }
    let effect = discipline.receive(n == bytes.count ? bytes : [UInt8](bytes[0..<n]))
    if effect.flushed { note(Self.TIOCPKT_FLUSHREAD | Self.TIOCPKT_FLUSHWRITE) }
    let group = foreground
    lock.unlock()
    for signal in effect.signals { signalGroup(group, signal) }
    slaveQueue.wakeAll()
    masterQueue.wakeAll()
    return n
  }

  func signalGroup(_ group: Int32, _ signal: Signal) {
    if group == 0 { return }
    for process in TaskTable.shared.processes(inGroup: group) { process.kill(signal) }
  }

  func pollMaster() -> PollEvents {
    lock.lock()
    defer { lock.unlock() }
    var events: PollEvents = []
    if !discipline.output.isEmpty && !discipline.isStopped { events.formUnion(.readable) }
    if hasPackets && packetStatus != 0 { events.formUnion([.readable, .POLLPRI]) }
    if discipline.settings.ICANON || discipline.inputRoom > 0 { events.formUnion(.writable) }
    if slaveWasOpen && slaveCount == 0 { events.insert(.POLLHUP) }
    return events
  }

  // MARK: Slave

  /// Shows bytes; nil: wait. EIO once the master has gone.
  func show(_ bytes: [UInt8], from start: Int) throws(Errno) -> Int? {
    lock.lock()
    guard isMasterOpen else {
      lock.unlock()
      throw .EIO
    }
    let room = Self.outputLimit - discipline.output.count
    if room <= 0 || discipline.isStopped {
      lock.unlock()
      return nil
    }
    let n = min(bytes.count - start, room)
    for i in start..<(start + n) { discipline.send(bytes[i]) }
    lock.unlock()
    masterQueue.wakeAll()
    return n
  }

  func pollSlave() -> PollEvents {
    lock.lock()
    defer { lock.unlock() }
    if !isMasterOpen {
      return [.readable, .writable, .POLLHUP, .POLLERR]
    }
    var events: PollEvents = []
    if discipline.isReadable { events.formUnion(.readable) }
    if discipline.output.count < Self.outputLimit && !discipline.isStopped {
      events.formUnion(.writable)
    }
    return events
  }

  // MARK: Settings

  /// TIOCPKT: begins without a status.
  func setPackets(_ on: Bool) {
    lock.lock()
    hasPackets = on
    packetStatus = 0
    lock.unlock()
  }

  /// `lock` is held.
  private func note(_ status: UInt8) { if hasPackets { packetStatus |= status } }

  func flush(input: Bool, output: Bool) {
    lock.lock()
    if input {
      discipline.flushInput()
      note(Self.TIOCPKT_FLUSHREAD)
    }
    if output {
      discipline.output.removeAll()
      note(Self.TIOCPKT_FLUSHWRITE)
    }
    lock.unlock()
    slaveQueue.wakeAll()
    masterQueue.wakeAll()
  }

  func setStopped(_ on: Bool) {
    lock.withLock { discipline.isStopped = on }
    slaveQueue.wakeAll()
    masterQueue.wakeAll()
  }

  func resize(_ new: UInt64) {
    lock.lock()
    let changed = windowSize != new
    windowSize = new
    let group = foreground
    lock.unlock()
    if changed { signalGroup(group, .SIGWINCH) }
  }
}

/// The pseudo terminals there are. `lock` guards the list.
enum PseudoTerminals {
  private static let lock = Lock()
  nonisolated(unsafe) private static var all: [PseudoTerminal?] = []
  /// Where devpts is mounted: set at start.
  nonisolated(unsafe) static var directory: Dentry?

  static var most: Int { 4096 }

  /// A new pair. ENOSPC: there are as many as may be (pty(7), /proc/sys/kernel/pty/max).
  static func make() throws(Errno) -> PseudoTerminal {
    lock.lock()
    defer { lock.unlock() }
    let free = unsafe all.firstIndex { $0 == nil } ?? all.count
    guard free < most else { throw .ENOSPC }
    let made = PseudoTerminal(number: free)
    if unsafe free == all.count { unsafe all.append(made) } else { unsafe all[free] = made }
    return made
  }

  static func remove(_ number: Int) {
    lock.lock()
    if unsafe number < all.count { unsafe all[number] = nil }
    lock.unlock()
  }

  static func find(_ number: Int) -> PseudoTerminal? {
    lock.lock()
    defer { lock.unlock() }
    return unsafe number >= 0 && number < all.count ? all[number] : nil
  }

  static var numbers: [Int] {
    lock.lock()
    defer { lock.unlock() }
    return unsafe all.indices.filter { unsafe all[$0] != nil }
  }

  static var count: Int { numbers.count }
}
