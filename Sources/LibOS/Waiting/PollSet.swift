import EnclaveRuntime
import LinuxABI

/// The files one poll(2) or select(2) waits for.
struct PollSet {
  struct Entry {
    var file: File?
    /// What is waited for; POLLERR and POLLHUP always are.
    var events: PollEvents
    var revents: PollEvents = []
    /// Place in `host`, if the file has a host stream now.
    fileprivate var hostIndex = -1
  }

  private(set) var entries: [Entry] = []
  private var host: [Host.PollEntry] = []
  private var mayHaveHost = false

  mutating func reserve(_ count: Int) { entries.reserveCapacity(count) }

  /// `file` nil: ignored, or already answered by `revents`.
  mutating func add(_ file: File?, _ events: PollEvents, revents: PollEvents = []) {
    if let file, file.mayHaveHostStream { mayHaveHost = true }
    entries.append(
      Entry(file: file, events: events.union([.POLLERR, .POLLHUP]), revents: revents))
  }

  /// Which host streams to ask, as of now: a socket may have got one since the last look.
  private mutating func collectHost() {
    if !mayHaveHost { return }
    host.removeAll(keepingCapacity: true)
    for i in entries.indices {
      entries[i].hostIndex = -1
      guard let file = entries[i].file, let stream = file.hostStream else { continue }
      entries[i].hostIndex = host.count
      host.append(
        Host.PollEntry(
          stream: UInt32(truncatingIfNeeded: stream),
          events: PollEvents.toHost(entries[i].events.rawValue)))
    }
  }

  /// Looks at everything inside, and at what the host has said last. The number of ready entries.
  private mutating func scan() -> Int {
    var ready = 0
    for i in entries.indices {
      if let file = entries[i].file {
        var now: PollEvents = []
        if entries[i].hostIndex >= 0 {
          now = file.hostEvents(PollEvents.fromHost(host[entries[i].hostIndex].revents))
        }
        if file.waitQueue != nil || entries[i].hostIndex < 0 { now.formUnion(file.poll()) }
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
    collectHost()
    var ready = scan()
    // Nothing inside is ready: the first question to the host may as well be the one that waits.
    if ready > 0 || !mayWait {
      if !host.isEmpty {
        PollWaiter.askHost(&host, deadlineNs: 0)
        ready = scan()
      }
      return ready
    }
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
      collectHost()
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
  /// What the host may be asked for; errors and hang-ups it tells unasked.
  static func toHost(_ events: UInt32) -> UInt16 {
    var asked = PollEvents(rawValue: events)
    if asked.contains(.POLLRDNORM) { asked.insert(.POLLIN) }
    if asked.contains(.POLLWRNORM) { asked.insert(.POLLOUT) }
    return UInt16(truncatingIfNeeded: asked.rawValue & 0x2007)
  }

  /// The host's 16 bits; readable and writable also in their other spelling.
  static func fromHost(_ bits: UInt16) -> PollEvents {
    var events = PollEvents(rawValue: UInt32(bits))
    if events.contains(.POLLIN) { events.insert(.POLLRDNORM) }
    if events.contains(.POLLOUT) { events.insert(.POLLWRNORM) }
    return events
  }
}
