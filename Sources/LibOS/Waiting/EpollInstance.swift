import EnclaveRuntime
import LinuxABI

/// The interest list and the ready list of an epoll instance (epoll(7)).
///
/// A file's change puts its item on the ready list. epoll_wait takes items from there, asks each file once
/// more, and puts level-triggered ones that were ready back at the end. So its cost depends on the
/// number of ready files only, and nothing leaves the enclave unless a host stream is in the list.
///
/// `lock` guards the interest list and is held while files are asked; two instances are locked together only
/// along nesting, which has no cycles. `readyLock` guards the ready list and is innermost.
final class EpollInstance: @unchecked Sendable {
  let lock = Lock()
  private var items: [EpollKey: EpollItem] = [:]
  private var hostItems: [EpollItem] = []
  /// Waiters in epoll_wait, and whoever polls this instance.
  let queue = WaitQueue()

  private let readyLock = SpinLock()
  private var firstReady: EpollItem?
  private var lastReady: EpollItem?

  init() {}

  /// What it watches, by descriptor.
  func list() -> [EpollItem] {
    lock.withLock { items.values.sorted { $0.fd < $1.fd } }
  }

  // MARK: Ready list

  /// The file of an item has changed.
  func changed(_ item: EpollItem, _ events: PollEvents) {
    readyLock.lock()
    let wanted = item.events & ~Epoll.privateBits
    // Disabled by EPOLLONESHOT, or not what it waits for.
    if !item.isListed || wanted == 0 || (!events.isEmpty && events.rawValue & wanted == 0) {
      readyLock.unlock()
      return
    }
    _ = appendReady(item)
    readyLock.unlock()
    // Also when it was on the list already: each change is news to an instance that watches this one (EPOLLET).
    queue.wakeAll(.readable)
  }

  private func appendReady(_ item: EpollItem) -> Bool {
    if item.isReady { return false }
    item.isReady = true
    if let lastReady { lastReady.nextReady = item } else { firstReady = item }
    lastReady = item
    return true
  }

  /// Takes the first item off the list. `isLast`: nothing was behind it.
  private func takeReady() -> (item: EpollItem, isLast: Bool)? {
    readyLock.lock()
    defer { readyLock.unlock() }
    guard let item = firstReady else { return nil }
    firstReady = item.nextReady
    if firstReady == nil { lastReady = nil }
    item.nextReady = nil
    item.isReady = false
    return (item, firstReady == nil)
  }

  /// Appends the chain of `nextKept` that begins at `first`.
  private func putBack(_ first: EpollItem) {
    var at: EpollItem? = first
    readyLock.lock()
    while let item = at {
      at = item.nextKept
      item.nextKept = nil
      if item.isListed { _ = appendReady(item) }
    }
    readyLock.unlock()
  }

  private var hasReadyItems: Bool {
    readyLock.lock()
    defer { readyLock.unlock() }
    return firstReady != nil
  }

  // MARK: Interest list

  /// EPOLL_CTL_ADD. EEXIST if it is there already.
  func add(_ file: File, _ fd: Int32, events: UInt32, data: UInt64) throws(Errno) {
    let key = EpollKey(fd: fd, file: AddressIdentity.of(file))
    let item = EpollItem(self, file, fd, events: events, data: data)
    lock.lock()
    if items[key] != nil {
      lock.unlock()
      throw .EEXIST
    }
    items[key] = item
    EpollLinks.add(item)
    let isHost = file.mayHaveHostStream
    if isHost { hostItems.append(item) }
    var ready = false
    if let queue = file.waitQueue {
      queue.add(item)
      ready = item.currentEvents() != 0
    }
    lock.unlock()
    // A waiter must take it into its host poll.
    if isHost { self.queue.wakeAll() }
    if ready { changed(item, []) }
  }

  /// EPOLL_CTL_MOD; re-arms EPOLLONESHOT.
  func modify(_ file: File, _ fd: Int32, events: UInt32, data: UInt64) throws(Errno) {
    lock.lock()
    guard let item = items[EpollKey(fd: fd, file: AddressIdentity.of(file))] else {
      lock.unlock()
      throw .ENOENT
    }
    if item.events & Epoll.EPOLLEXCLUSIVE != 0 {
      lock.unlock()
      throw .EINVAL
    }
    readyLock.lock()
    item.events = events
    readyLock.unlock()
    item.data = data
    item.reported = 0
    let isHost = file.mayHaveHostStream
    let ready = file.waitQueue != nil && item.currentEvents() != 0
    lock.unlock()
    if ready { changed(item, []) }
    if isHost { queue.wakeAll() }
  }

  /// EPOLL_CTL_DEL.
  func remove(_ file: File, _ fd: Int32) throws(Errno) {
    lock.lock()
    guard let item = items.removeValue(forKey: EpollKey(fd: fd, file: AddressIdentity.of(file)))
    else {
      lock.unlock()
      throw .ENOENT
    }
    unlist(item)
    lock.unlock()
    EpollLinks.remove(item)
  }

  /// The last descriptor of an item's file was closed.
  func forget(_ item: EpollItem) {
    lock.lock()
    let key = EpollKey(fd: item.fd, file: AddressIdentity.of(item.file))
    if items[key] === item { items[key] = nil }
    unlist(item)
    lock.unlock()
  }

  /// The instance itself is closed.
  func close() {
    lock.lock()
    var all: [EpollItem] = []
    all.reserveCapacity(items.count)
    for item in items.values { all.append(item) }
    items = [:]
    for item in all { unlist(item) }
    lock.unlock()
    for item in all { EpollLinks.remove(item) }
  }

  /// Lock held.
  private func unlist(_ item: EpollItem) {
    item.file.waitQueue?.remove(item)
    hostItems.removeAll { $0 === item }
    readyLock.lock()
    item.isListed = false
    if item.isReady {
      var previous: EpollItem?
      var at = firstReady
      while let here = at, here !== item {
        previous = here
        at = here.nextReady
      }
      if let previous { previous.nextReady = item.nextReady } else { firstReady = item.nextReady }
      if lastReady === item { lastReady = previous }
      item.nextReady = nil
      item.isReady = false
    }
    readyLock.unlock()
  }

  /// Instances that this one watches, for the check against cycles and deep nesting.
  func nestedInstances() -> [EpollInstance] {
    lock.lock()
    defer { lock.unlock() }
    var out: [EpollInstance] = []
    for item in items.values {
      if let nested = item.file as? EpollFile { out.append(nested.instance) }
    }
    return out
  }

  // MARK: Waiting

  /// Up to `most` events into user memory at `address`; how many. Nil: the host has to be asked first, which `host` nil says
  /// that it was not.
  private func collect(
    _ host: [Host.PollEntry]?, _ address: UInt, most: Int
  ) throws(Errno) -> Int? {
    lock.lock()
    defer { lock.unlock() }
    if host == nil, !hostItems.isEmpty { return nil }
    var count = 0
    func emit(_ item: EpollItem, _ events: UInt32) throws(Errno) {
      let at = address + UInt(count * Epoll.eventSize)
      try UserMemory.write(events, to: at)
      try UserMemory.write(item.data, to: at + 4)
      count += 1
      if item.events & Epoll.EPOLLONESHOT != 0 {
        readyLock.lock()
        item.events &= Epoll.privateBits
        readyLock.unlock()
      }
    }
    var emitted: [EpollItem] = []
    for entry in host ?? [] where entry.revents != 0 && count < most {
      for item in hostItems where item.file.hostStream == UInt64(entry.stream) && count < most {
        var said = item.file.hostEvents(PollEvents.fromHost(entry.revents))
        if item.file.waitQueue != nil, !item.isEdgeTriggered { said.formUnion(item.file.poll()) }
        let events = item.news(said.rawValue & (item.events & ~Epoll.privateBits))
        if events != 0 {
          try emit(item, events)
          emitted.append(item)
        }
      }
    }
    // Items that stay ready go behind everything that was there: none is asked twice.
    var firstKept: EpollItem?
    var lastKept: EpollItem?
    func keep(_ item: EpollItem) {
      if let lastKept { lastKept.nextKept = item } else { firstKept = item }
      lastKept = item
    }
    defer { if let firstKept { putBack(firstKept) } }
    while count < most, let (item, isLast) = takeReady() {
      if emitted.contains(where: { $0 === item }) {
        keep(item)
        continue
      }
      let events = item.currentEvents()
      if events == 0 { continue }
      do throws(Errno) {
        try emit(item, events)
      } catch {
        keep(item)
        if count > 0 { return count }
        throw error
      }
      if !item.isEdgeTriggered { keep(item) }
      // What became ready since then is for the next call.
      if isLast { break }
    }
    return count
  }

  /// Host streams of the interest list, with what is wanted of them.
  private func hostEntries() -> [Host.PollEntry] {
    lock.lock()
    defer { lock.unlock() }
    if hostItems.isEmpty { return [] }
    var out: [Host.PollEntry] = []
    for item in hostItems where item.events & ~Epoll.privateBits != 0 {
      guard let stream = item.file.hostStream else { continue }
      let told = item.told()
      let asked = PollEvents.toHost(item.events & ~Epoll.privateBits & ~told)
      // Everything was told, or a hang-up, which the host would tell for ever.
      if told != 0, asked == 0 || told & 0x18 != 0 { continue }
      out.append(Host.PollEntry(stream: UInt32(truncatingIfNeeded: stream), events: asked))
    }
    return out
  }

  /// epoll_wait(2). `deadlineNs` 0: do not wait, nil: for ever.
  ///
  /// - Throws: EINTR when a signal is pending.
  func wait(_ task: Task, _ address: UInt, most: Int, deadlineNs: UInt64?) throws(Errno) -> Int {
    // Without a host stream in the list nobody needs to be asked.
    if let n = try collect(nil, address, most: most), n > 0 || deadlineNs == 0 { return n }
    var host = hostEntries()
    // Nothing inside is ready: the first question to the host may as well be the one that waits.
    if deadlineNs == 0 || hasReadyItems { PollWaiter.askHost(&host, deadlineNs: 0) }
    var n = try collect(host, address, most: most) ?? 0
    if n > 0 || deadlineNs == 0 { return n }
    let waiter = PollWaiter(task)
    waiter.register(queue)
    defer { waiter.unregister() }
    while true {
      n = try collect(host, address, most: most) ?? 0
      if n > 0 { return n }
      if task.hasInterruptingSignal { throw .EINTR }
      if let deadlineNs, Clock.monotonicNs() >= deadlineNs { return 0 }
      host = hostEntries()
      waiter.sleep(&host, deadlineNs: deadlineNs) { hasReadyItems }
    }
  }

  /// Is anything ready? For poll(2) on the instance and for nesting.
  func poll() -> PollEvents {
    var host = hostEntries()
    PollWaiter.askHost(&host, deadlineNs: 0)
    for entry in host where entry.revents != 0 { return .readable }
    lock.lock()
    defer { lock.unlock() }
    // Items that are no longer ready leave the list.
    while let (item, _) = takeReady() {
      if item.currentEvents() != 0 {
        putBack(item)
        return .readable
      }
    }
    return []
  }
}

/// Which interest lists a file is in, so that its last close takes it out of them.
enum EpollLinks {
  /// Guards every file's `epollItems`. After an instance's lock.
  private static let lock = Lock()

  static func add(_ item: EpollItem) {
    lock.lock()
    item.file.epollItems.append(item)
    lock.unlock()
  }

  static func remove(_ item: EpollItem) {
    lock.lock()
    item.file.epollItems.removeAll { $0 === item }
    lock.unlock()
  }

  /// No descriptor refers to the file any more.
  static func forget(_ file: File) {
    lock.lock()
    let items = file.epollItems
    file.epollItems = []
    lock.unlock()
    for item in items { item.epoll.forget(item) }
  }
}
