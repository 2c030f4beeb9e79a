import EnclaveRuntime
import LinuxABI

/// Which session has which controlling terminal (credentials(7), tty_ioctl(4)). `lock` guards the list;
/// it comes before a terminal's own lock.
enum ControllingTerminal {
  private static let lock = Lock()
  nonisolated(unsafe) private static var list: [(session: Int32, terminal: PseudoTerminal)] = []
  /// Processes that gave theirs up by TIOCNOTTY without being leaders.
  nonisolated(unsafe) private static var without: [Int32] = []

  static func of(_ process: Process) -> PseudoTerminal? {
    lock.lock()
    defer { lock.unlock() }
    if unsafe without.contains(process.pid) { return nil }
    let session = process.session
    return unsafe list.first { $0.session == session }?.terminal
  }

  /// TIOCSCTTY, and the open of a terminal by a leader that has none. EPERM as tty_ioctl(4) says.
  static func acquire(_ terminal: PseudoTerminal, _ process: Process, steal: Bool) throws(Errno) {
    lock.lock()
    defer { lock.unlock() }
    let session = process.session
    let isLeader = session == process.pid
    let has = unsafe list.first { $0.session == session }?.terminal
    if isLeader, let has, has === terminal { return }
    guard isLeader, has == nil else { throw .EPERM }
    terminal.lock.lock()
    defer { terminal.lock.unlock() }
    if terminal.session != 0 {
      guard steal else { throw .EPERM }
      let old = terminal.session
      unsafe list.removeAll { $0.session == old }
    }
    terminal.session = session
    terminal.foreground = process.group
    unsafe list.append((session, terminal))
  }

  /// TIOCNOTTY. A leader takes it from its whole session, whose foreground group is hung up.
  static func giveUp(_ process: Process) {
    if process.session == process.pid {
      sessionEnded(process.pid)
    } else {
      lock.lock()
      unsafe without.append(process.pid)
      lock.unlock()
    }
  }

  /// A session's leader has gone, or gave the terminal up.
  static func sessionEnded(_ session: Int32) {
    lock.lock()
    unsafe without.removeAll { $0 == session }
    let terminal = unsafe list.first { $0.session == session }?.terminal
    unsafe list.removeAll { $0.session == session }
    lock.unlock()
    guard let terminal else { return }
    terminal.lock.lock()
    let group = terminal.foreground
    terminal.session = 0
    terminal.foreground = 0
    terminal.lock.unlock()
    terminal.signalGroup(group, .SIGHUP)
    terminal.signalGroup(group, .SIGCONT)
  }

  /// The terminal has gone: SIGHUP and SIGCONT to the leader and to the foreground group.
  static func hangUp(leader: Int32, group: Int32) {
    lock.lock()
    unsafe list.removeAll { $0.session == leader }
    lock.unlock()
    if let process = TaskTable.shared.process(leader) {
      process.kill(.SIGHUP)
      process.kill(.SIGCONT)
    }
    for process in TaskTable.shared.processes(inGroup: group) where process.pid != leader {
      process.kill(.SIGHUP)
      process.kill(.SIGCONT)
    }
  }

  /// A background process reads (SIGTTIN), writes or changes the terminal (SIGTTOU). Throws EIO when
  /// the signal would do nothing for a reader, ERESTARTSYS after sending it; returns if all is well.
  static func check(_ terminal: PseudoTerminal, _ task: Task, _ signal: Signal) throws(Errno) {
    let process = task.process
    guard let own = of(process), own === terminal else { return }
    let foreground = terminal.lock.withLock { terminal.foreground }
    let group = process.group
    if foreground == 0 || group == foreground { return }
    process.signals.lock.lock()
    let ignored = process.signals.ignores(signal) || task.signals.blocked.contains(signal)
    process.signals.lock.unlock()
    if ignored {
      if signal == .SIGTTIN { throw .EIO }
      return
    }
    if process.isInOrphanedGroup { throw .EIO }
    for member in TaskTable.shared.processes(inGroup: group) { member.kill(signal) }
    throw .ERESTARTSYS
  }
}
