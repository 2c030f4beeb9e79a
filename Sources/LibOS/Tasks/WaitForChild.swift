import EnclaveRuntime
import LinuxABI

/// Which children wait4(2) and waitid(2) wait for.
enum ChildSelector {
  case any
  case pid(Int32)
  case group(Int32)
  case process(Process)
}

/// What a wait found.
struct ChildEvent {
  var pid: Int32
  var uid: UInt32
  var waitStatus: Int32
  var info: SignalInfo
  var usage: Rusage
  /// It was a zombie, and is no more.
  var reaped: Process?
}

/// Options of wait(2).
struct WaitOptions: OptionSet {
  var rawValue: UInt32
  static let WNOHANG = WaitOptions(rawValue: 1)
  static let WUNTRACED = WaitOptions(rawValue: 2)
  static let WEXITED = WaitOptions(rawValue: 4)
  static let WCONTINUED = WaitOptions(rawValue: 8)
  static let WNOWAIT = WaitOptions(rawValue: 0x0100_0000)
  static let __WNOTHREAD = WaitOptions(rawValue: 0x2000_0000)
  static let __WALL = WaitOptions(rawValue: 0x4000_0000)
  static let __WCLONE = WaitOptions(rawValue: 0x8000_0000)
}

extension Process {
  /// The next event of a child. nil: WNOHANG and nothing to report.
  ///
  /// - Throws: ECHILD when no child matches at all, ERESTARTSYS for a signal.
  func waitForChild(_ selector: ChildSelector, _ options: WaitOptions) throws(Errno) -> ChildEvent?
  {
    let event = try childQueue.wait { () throws(Errno) -> ChildEvent?? in
      if let found = try self.findEvent(selector, options) { return .some(found) }
      return options.contains(.WNOHANG) ? .some(nil) : nil
    }
    event?.reaped?.endQueue.wakeAll()
    return event
  }

  private func findEvent(_ selector: ChildSelector, _ options: WaitOptions) throws(Errno)
    -> ChildEvent?
  {
    let table = TaskTable.shared
    table.lock.lock()
    defer { table.lock.unlock() }
    var any = false
    for child in children where child.matches(selector, options, caller: self) {
      any = true
      if options.contains(.WEXITED), let status = child.zombieStatus {
        var event = child.event(status, child.childInfo(signal: .SIGCHLD, waitStatus: status))
        if !options.contains(.WNOWAIT) {
          usage.addChild(child.usage)
          // As Linux does with io, but not with the rest (wait_task_zombie).
          lock.withLock { endedTransfers.add(child.endedTransfers) }
          table.reapLocked(child)
          event.reaped = child
        }
        return event
      }
      if let event = child.takeStopEvent(options) { return event }
    }
    if !any { throw .ECHILD }
    return nil
  }

  private func matches(_ selector: ChildSelector, _ options: WaitOptions, caller: Process) -> Bool {
    switch selector {
    case .any: break
    case .pid(let pid): if self.pid != pid { return false }
    case .group(let group): if self.group != group { return false }
    case .process(let process): if self !== process { return false }
    }
    // A "clone" child is one that does not send SIGCHLD (wait(2), __WCLONE).
    if options.contains(.__WALL) { return true }
    return (exitSignal != Signal.SIGCHLD.rawValue) == options.contains(.__WCLONE)
  }

  private func event(_ status: Int32, _ info: SignalInfo) -> ChildEvent {
    ChildEvent(
      pid: pid, uid: credentials.realUser, waitStatus: status, info: info, usage: usage.total)
  }

  private func takeStopEvent(_ options: WaitOptions) -> ChildEvent? {
    signals.lock.lock()
    defer { signals.lock.unlock() }
    if options.contains(.WUNTRACED), let stop = stopReport {
      if !options.contains(.WNOWAIT) { stopReport = nil }
      return event(stop.rawValue << 8 | 0x7F, stopInfo(SignalInfo.CLD_STOPPED, stop))
    }
    if options.contains(.WCONTINUED), continueReport {
      if !options.contains(.WNOWAIT) { continueReport = false }
      return event(0xFFFF, stopInfo(SignalInfo.CLD_CONTINUED, .SIGCONT))
    }
    return nil
  }

  func stopInfo(_ code: Int32, _ signal: Signal) -> SignalInfo {
    var info = SignalInfo(.SIGCHLD, code: code, pid: pid, uid: credentials.realUser)
    info.word1 = UInt64(signal.rawValue)
    return info
  }
}
