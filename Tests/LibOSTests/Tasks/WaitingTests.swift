import EnclaveRuntime
import Foundation
import LinuxABI
import Testing

@testable import LibOS

@Suite("poll(2), epoll(7), eventfd(2), timerfd_create(2)", .serialized) struct WaitingTests {
  private func events(_ n: Int, _ epoll: EpollFile, _ t: Task, timeoutNs: UInt64 = 0) -> [(
    UInt32, UInt64
  )] {
    var buffer = [UInt8](repeating: 0, count: n * 12)
    let count = buffer.withUnsafeMutableBytes { p in
      errno { () throws(Errno) in
        try epoll.instance.wait(
          t, UInt(bitPattern: p.baseAddress!), most: n,
          deadlineNs: timeoutNs == 0 ? 0 : Clock.monotonicNs() + timeoutNs)
      }
    }
    guard count > 0 else { return [] }
    return (0..<count).map { i in
      buffer.withUnsafeBytes {
        (
          $0.loadUnaligned(fromByteOffset: i * 12, as: UInt32.self),
          $0.loadUnaligned(fromByteOffset: i * 12 + 4, as: UInt64.self)
        )
      }
    }
  }

  private func add(_ value: UInt64, to file: Eventfd) {
    var value = value
    withUnsafeMutablePointer(to: &value) { p in
      var buffer = IOBuffer(user: UInt(bitPattern: p), count: 8)
      _ = try? file.write(&buffer, at: nil)
    }
  }

  private func take(_ file: File) -> UInt64 {
    var value: UInt64 = 0
    withUnsafeMutablePointer(to: &value) { p in
      var buffer = IOBuffer(user: UInt(bitPattern: p), count: 8)
      _ = try? file.read(&buffer, at: nil)
    }
    return value
  }

  @Test("level: reported for as long as it is ready") func level() throws {
    let h = try TaskHarness()
    let epoll = EpollFile()
    let file = Eventfd(count: 0, isSemaphore: false, flags: [.O_RDWR, .O_NONBLOCK])
    try epoll.instance.add(file, 5, events: 1, data: 42)
    #expect(events(4, epoll, h.main).isEmpty)
    add(1, to: file)
    for _ in 0..<3 {
      let e = events(4, epoll, h.main)
      #expect(e.count == 1 && e.first?.1 == 42)
    }
    #expect(take(file) == 1)
    #expect(events(4, epoll, h.main).isEmpty)
  }

  @Test("edge: reported once a change") func edge() throws {
    let h = try TaskHarness()
    let epoll = EpollFile()
    let file = Eventfd(count: 1, isSemaphore: true, flags: [.O_RDWR, .O_NONBLOCK])
    try epoll.instance.add(file, 5, events: 1 | Epoll.EPOLLET, data: 1)
    #expect(events(4, epoll, h.main).count == 1)
    #expect(events(4, epoll, h.main).isEmpty)
    add(2, to: file)
    #expect(events(4, epoll, h.main).count == 1)
    // A reader makes room, which is not what is waited for.
    _ = take(file)
    #expect(events(4, epoll, h.main).isEmpty)
  }

  @Test("one-shot: silent until it is armed again") func oneShot() throws {
    let h = try TaskHarness()
    let epoll = EpollFile()
    let file = Eventfd(count: 1, isSemaphore: false, flags: [.O_RDWR, .O_NONBLOCK])
    try epoll.instance.add(file, 5, events: 1 | Epoll.EPOLLONESHOT, data: 1)
    #expect(events(4, epoll, h.main).count == 1)
    add(1, to: file)
    #expect(events(4, epoll, h.main).isEmpty)
    try epoll.instance.modify(file, 5, events: 1 | Epoll.EPOLLONESHOT, data: 2)
    #expect(events(4, epoll, h.main).first?.1 == 2)
  }

  @Test("EEXIST, ENOENT, ELOOP") func errors() throws {
    _ = try TaskHarness()
    let a = EpollFile()
    let b = EpollFile()
    let file = Eventfd(count: 0, isSemaphore: false, flags: .O_RDWR)
    try a.instance.add(file, 1, events: 1, data: 0)
    #expect(throws: Errno.EEXIST) { try a.instance.add(file, 1, events: 1, data: 0) }
    #expect(throws: Errno.ENOENT) { try a.instance.remove(file, 2) }
    try a.instance.add(b, 2, events: 1, data: 0)
    #expect(throws: Errno.ELOOP) { try b.checkNesting(a) }
  }

  @Test("nested, and woken from another thread") func nested() throws {
    let h = try TaskHarness()
    let inner = EpollFile()
    let outer = EpollFile()
    let file = Eventfd(count: 0, isSemaphore: false, flags: .O_RDWR)
    try inner.instance.add(file, 1, events: 1, data: 1)
    try outer.instance.add(inner, 2, events: 1, data: 2)
    let t = h.thread { _ in
      usleep(20_000)
      self.add(1, to: file)
    }
    let e = events(4, outer, h.main, timeoutNs: 5_000_000_000)
    t.join()
    #expect(e.count == 1 && e.first?.1 == 2)
  }

  @Test("the last close takes a file out of the interest list") func lastClose() throws {
    let h = try TaskHarness()
    let epoll = EpollFile()
    let file = Eventfd(count: 1, isSemaphore: false, flags: .O_RDWR)
    let fd = try h.process.files.insert(file, closeOnExec: false)
    let second = try h.process.files.insert(file, closeOnExec: false)
    try epoll.instance.add(file, fd, events: 1, data: 1)
    _ = try h.process.files.remove(fd)
    #expect(events(4, epoll, h.main).count == 1)
    _ = try h.process.files.remove(second)
    #expect(events(4, epoll, h.main).isEmpty)
  }

  @Test("eventfd blocks a reader until it is written") func eventfd() throws {
    let h = try TaskHarness()
    let file = Eventfd(count: 0, isSemaphore: false, flags: .O_RDWR)
    let t = h.thread { _ in
      usleep(20_000)
      self.add(3, to: file)
    }
    #expect(take(file) == 3)
    t.join()
  }

  @Test("a timerfd counts its expiries") func timerfd() throws {
    let h = try TaskHarness()
    _ = h
    let file = Timerfd(ClockID.CLOCK_MONOTONIC, flags: .O_RDWR)
    try file.timer.set(valueNs: 5_000_000, intervalNs: 5_000_000, isAbsolute: false)
    usleep(30_000)
    #expect(take(file) >= 4)
    file.timer.disarm()
    #expect(file.timer.setting.remainingNs == 0)
  }

  @Test("alarm(2) sends SIGALRM and tells the rest of the earlier one") func alarm() throws {
    let h = try TaskHarness()
    h.main.setBlocked(SignalSet(.SIGALRM))
    #expect(errno { () throws(Errno) in try h.main.sys_alarm(seconds: 100) } == 0)
    #expect(errno { () throws(Errno) in try h.main.sys_alarm(seconds: 0) } == 100)
    let timer = try h.process.timers.interval(0, of: h.process)
    try timer.set(valueNs: 1_000_000, intervalNs: 0, isAbsolute: false)
    for _ in 0..<2000 where h.process.signals.pending.set.isEmpty { usleep(1000) }
    h.process.signals.lock.lock()
    #expect(h.process.signals.pending.set.contains(.SIGALRM))
    h.process.signals.lock.unlock()
  }
}
