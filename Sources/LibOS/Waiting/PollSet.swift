import EnclaveRuntime
import LinuxABI

/// The files one poll(2) or select(2) waits for.
struct PollSet {
  struct Entry {
    var file: File?
    /// What is waited for; POLLERR and POLLHUP always are.
    var events: PollEvents
    var revents: PollEvents = []
    /// Place in `host`, if the file is a host stream.
    fileprivate var hostIndex = -1
  }

  private(set) var entries: [Entry] = []
  private var host: [Host.PollEntry] = []

  mutating func reserve(_ count: Int) { entries.reserveCapacity(count) }

  /// `file` nil: ignored, or already answered by `revents`.
  mutating func add(_ file: File?, _ events: PollEvents, revents: PollEvents = []) {
    var entry = Entry(file: file, events: events.union([.POLLERR, .POLLHUP]), revents: revents)
    if let file, file.waitQueue == nil, let stream = file.hostStream {
      entry.hostIndex = host.count
      host.append(
        Host.PollEntry(
          stream: UInt32(truncatingIfNeeded: stream),
          events: UInt16(truncatingIfNeeded: events.rawValue & 0x2FFF & ~0x38)))
    }
    entries.append(entry)
  }

  /// Looks at everything inside, and at what the host has said last. The number of ready entries.
  private mutating func scan() -> Int {
    var ready = 0
    for i in entries.indices {
      if let file = entries[i].file {
        let now: PollEvents
        if entries[i].hostIndex >= 0 {
          now = PollEvents.fromHost(host[entries[i].hostIndex].revents)
        } else {
          now = file.poll()
        }
        entries[i].revents = now.intersection(entries[i].events)
      }
      if !entries[i].revents.isEmpty { ready += 1 }
    }
    return ready
  }

  /// Waits until something is ready. 0 at the deadline (0: do not wait, nil: for ever).
  ///
  /// - Throws: ERESTARTNOHAND when a signal is pending.
  mutating func wait(_ task: Task, deadlineNs: UInt64?) throws(Errno) -> Int {
    let mayWait = deadlineNs != 0
    PollWaiter.askHost(&host, deadlineNs: 0)
    var ready = scan()
    if ready > 0 || !mayWait { return ready }
    let waiter = PollWaiter(task)
    for entry in entries {
      if let queue = entry.file?.waitQueue { waiter.register(queue) }
    }
    defer { waiter.unregister() }
    while true {
      ready = scan()
      if ready > 0 { return ready }
      if task.hasInterruptingSignal { throw .ERESTARTNOHAND }
      if let deadlineNs, Clock.monotonicNs() >= deadlineNs { return 0 }
      // `entries` is looked at through a copy: the closure runs while `host` is changed.
      let copy = self
      waiter.sleep(&host, deadlineNs: deadlineNs) {
        var again = copy
        return again.scan() > 0
      }
    }
  }
}

extension PollEvents {
  /// The host's 16 bits; readable and writable also in their other spelling.
  static func fromHost(_ bits: UInt16) -> PollEvents {
    var events = PollEvents(rawValue: UInt32(bits))
    if events.contains(.POLLIN) { events.insert(.POLLRDNORM) }
    if events.contains(.POLLOUT) { events.insert(.POLLWRNORM) }
    return events
  }
}
