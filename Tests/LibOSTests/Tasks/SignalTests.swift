import CEnclave
import EnclaveRuntime
import Foundation
import LinuxABI
import Testing

@testable import LibOS

@Suite("signal(7)", .serialized) struct SignalTests {
  @Test("a standard signal is queued once, real-time signals in order") func queues() throws {
    var pending = PendingSignals()
    try pending.add(SignalInfo(.SIGUSR1, code: 0), limit: 10)
    try pending.add(SignalInfo(.SIGUSR1, code: 0), limit: 10)
    for i in 0..<3 {
      var info = SignalInfo(Signal(rawValue: 40), code: SignalInfo.SI_QUEUE)
      info.word1 = UInt64(i)
      try pending.add(info, limit: 10)
    }
    let all = SignalSet(bits: .max)
    #expect(pending.take(all)?.signo == Signal.SIGUSR1.rawValue)
    for i in 0..<3 { #expect(pending.take(all)?.word1 == UInt64(i)) }
    #expect(pending.take(all) == nil)
  }

  @Test("EAGAIN: the queue of real-time signals is full") func full() throws {
    var pending = PendingSignals()
    let info = SignalInfo(Signal(rawValue: 40), code: SignalInfo.SI_QUEUE)
    try pending.add(info, limit: 1)
    #expect(throws: Errno.EAGAIN) { try pending.add(info, limit: 1) }
  }

  @Test("faults come before lower numbers") func faultsFirst() throws {
    var pending = PendingSignals()
    try pending.add(SignalInfo(.SIGHUP, code: 0), limit: 10)
    try pending.add(SignalInfo(.SIGSEGV, code: 1), limit: 10)
    #expect(pending.take(SignalSet(bits: .max))?.signo == Signal.SIGSEGV.rawValue)
  }

  @Test("an ignored signal is dropped, a blocked one waits") func ignored() throws {
    let h = try TaskHarness()
    var action = KernelSigaction()
    action.handler = KernelSigaction.SIG_IGN
    h.process.setAction(.SIGUSR1, action)
    try h.process.send(SignalInfo(.SIGUSR1, code: 0))
    #expect(h.process.signals.pending.set.isEmpty)
    h.main.setBlocked(SignalSet(.SIGUSR1))
    try h.process.send(SignalInfo(.SIGUSR1, code: 0))
    #expect(h.process.signals.pending.set.contains(.SIGUSR1))
    #expect(!h.main.hasInterruptingSignal)
    // Ignoring it once more takes it away.
    h.process.setAction(.SIGUSR1, action)
    #expect(h.process.signals.pending.set.isEmpty)
  }

  @Test("SIGCONT cancels stop signals and the reverse") func stopAndContinue() throws {
    let h = try TaskHarness()
    h.main.setBlocked(SignalSet(bits: .max))
    try h.process.send(SignalInfo(.SIGTSTP, code: 0))
    try h.process.send(SignalInfo(.SIGCONT, code: 0))
    #expect(!h.process.signals.pending.set.contains(.SIGTSTP))
    try h.process.send(SignalInfo(.SIGTTIN, code: 0))
    #expect(!h.process.signals.pending.set.contains(.SIGCONT))
  }

  @Test("rt_sigtimedwait takes a blocked signal sent by another thread") func timedwait() throws {
    let h = try TaskHarness()
    h.main.setBlocked(SignalSet(.SIGUSR2))
    let process = h.process
    let t = h.thread { t in
      t.setBlocked(SignalSet(.SIGUSR2))
      usleep(20_000)
      try? process.send(SignalInfo(.SIGUSR2, code: SignalInfo.SI_USER, pid: 5, uid: 6))
    }
    var set = SignalSet(.SIGUSR2)
    var info = [UInt8](repeating: 0xFF, count: 128)
    let result = withUnsafePointer(to: &set) { s in
      info.withUnsafeMutableBytes { i in
        errno { () throws(Errno) in
          try h.main.sys_rt_sigtimedwait(
            UInt(bitPattern: s), info: UInt(bitPattern: i.baseAddress!), timeout: 0, setSize: 8)
        }
      }
    }
    t.join()
    #expect(result == 12)
    #expect(info[16] == 5 && info[20] == 6 && info[127] == 0)
  }

  @Test("EINTR ends a sleep, and the call says how it restarts") func interruptedSleep() throws {
    let h = try TaskHarness()
    let process = h.process
    var action = KernelSigaction()
    action.handler = 0x1000
    process.setAction(.SIGUSR1, action)
    let main = h.main
    let t = h.thread { t in
      t.setBlocked(SignalSet(.SIGUSR1))
      usleep(20_000)
      try? process.send(SignalInfo(.SIGUSR1, code: 0), to: main)
    }
    #expect(throws: Errno.ERESTART_RESTARTBLOCK) {
      try main.sleepRelative(ns: 10_000_000_000, clock: 1, remaining: 0)
    }
    t.join()
    if case .sleep = main.restart {} else { Issue.record("no restart block") }
  }

  @Test("sigreturn takes back exactly what the frame saved") func frameRoundTrip() throws {
    let h = try TaskHarness()
    let area = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 64)
    defer { area.deallocate() }
    area.initializeMemory(as: UInt8.self, repeating: 0, count: 4096)
    cl_block().pointee.xsave_area = UInt64(UInt(bitPattern: area))
    let stack = UnsafeMutableRawPointer.allocate(byteCount: 65536, alignment: 64)
    defer { stack.deallocate() }
    var regs = cl_regs()
    regs.rsp = UInt64(UInt(bitPattern: stack)) + 60_000
    regs.rip = 0x1234
    regs.r12 = 0xABCD
    regs.rax = 99
    regs.rflags = 0x246
    regs.mxcsr = 0x1FA0
    regs.orig_rax = .max
    withUnsafeMutableBytes(of: &regs.xmm) { for i in 0..<256 { $0[i] = UInt8(i) } }
    let before = regs
    var action = KernelSigaction()
    action.handler = 0x5000
    let info = SignalInfo(.SIGUSR1, code: SignalInfo.SI_TKILL, pid: 1, uid: 2)
    let mask = SignalSet(.SIGHUP)
    withUnsafeMutablePointer(to: &regs) { p in
      #expect(h.main.pushSignalFrame(info, action: action, mask: mask, p))
    }
    #expect(regs.rip == 0x5000 && regs.rdi == 10 && regs.rax == 0)
    #expect(regs.rsp % 16 == 8)
    #expect(before.rsp - regs.rsp > 128 + 440)
    #expect(regs.xsave != 0)
    // The handler returns: RET pops the trampoline's address.
    regs.rsp += 8
    regs.r12 = 0
    try withUnsafeMutablePointer(to: &regs) { p in try h.main.popSignalFrame(p) }
    #expect(regs.rip == 0x1234 && regs.r12 == 0xABCD && regs.rax == 99 && regs.rsp == before.rsp)
    #expect(h.main.signals.blocked == mask)
    let restored = area.loadUnaligned(fromByteOffset: 160 + 16, as: UInt8.self)
    #expect(restored == 16)
    #expect(area.load(fromByteOffset: 24, as: UInt32.self) == 0x1FA0)
  }

  @Test("EPERM, EINVAL and ENOMEM of sigaltstack") func altstack() throws {
    let h = try TaskHarness()
    var s = SignalStack()
    s.sp = 0x10000
    s.size = 100
    s.flags = 0
    #expect(throws: Errno.ENOMEM) { try h.main.changeSignalStack(s, userSP: 0, minimum: 2048) }
    s.size = 8192
    s.flags = 8
    #expect(throws: Errno.EINVAL) { try h.main.changeSignalStack(s, userSP: 0, minimum: 2048) }
    s.flags = 0
    try h.main.changeSignalStack(s, userSP: 0, minimum: 2048)
    #expect(throws: Errno.EPERM) { try h.main.changeSignalStack(s, userSP: 0x10100, minimum: 2048) }
    #expect(h.main.reportedSignalStack(0x10100).flags == SignalStack.SS_ONSTACK)
  }
}
