import CTestEnclave
import Foundation
import SGX
import SoftwareSGX
import Testing

extension MachineTests {
  /// Kicks: a thread is made to leave the enclave again and again. A kernel timer sends the signals, so that
  /// they come at any instruction even on a busy machine.
  @Suite(.serialized) struct InterruptTests {
    static let modes: [SoftwareSGX.Mode] = [.strict, .fast]
    static let wanted = 3000
    static let limit = 5.0

    /// Enters again with ERESUME as long as it is interrupted; with `handler`, after an EENTER at CSSA 1.
    private static func finish(
      _ e: TestEnclave, _ run: inout EnclaveRun, handler: Bool = false, onKick: () -> Void
    ) -> EnclaveExit {
      var exit = e.machine.enter(&run)
      while exit == .interrupted {
        onKick()
        if handler {
          var inside = e.call(Int(TEST_NOP)).exit
          while inside == .interrupted { inside = e.resume() }
          guard inside == .eexit else { return inside }
        }
        run.function = 3
        exit = e.machine.enter(&run)
      }
      return exit
    }

    @Test(arguments: modes, [false, true])
    func storm(mode: SoftwareSGX.Mode, withHandler: Bool) throws {
      let e = try TestEnclave(mode).start()
      let (kicks, exit, run) = try onThread(e) { () -> (Int, EnclaveExit, EnclaveRun) in
        let flag = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
        defer { flag.deallocate() }
        flag.pointee = 0
        var run = EnclaveRun(tcs: TestEnclave.area(0), function: 2)
        (run.rdi, run.rsi) = (UInt64(TEST_SPIN), UInt64(UInt(bitPattern: flag)))
        var kicks = 0
        let start = Date()
        test_start_kicks(SoftwareSGX.kickSignal, 41_000)
        let exit = Self.finish(e, &run, handler: withHandler) {
          kicks += 1
          if kicks >= Self.wanted || -start.timeIntervalSinceNow > Self.limit { flag.pointee = 1 }
        }
        test_stop_kicks()
        return (kicks, exit, run)
      }
      #expect(exit == .eexit && run.rdi == 0, "every register was intact")
      #expect(kicks > 100)
      #expect(run.rsi > 1000, "and it made progress")
    }

    /// Kicks that come while a leaf is carried out are not lost and do no harm.
    @Test(arguments: modes) func stormDuringLeaves(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      let heap: UInt64 = 0xC0_0000_0000, pages: UInt64 = mode == .fast ? 5000 : 500
      try e.machine.augment(address: heap, length: pages * 4096, copied: false)
      let kicks = try onThread(e) { () -> Int in
        let operands = TestEnclave.data + UInt64(TEST_OPERANDS)
        let secinfo = TestEnclave.data + UInt64(TEST_SECINFO)
        TestEnclave.poke(SECINFO(SECINFO.Flags.regRW.union(.pending)).encoded(), at: secinfo)
        var kicks = 0
        // Each page is accepted in the first round and refused in the others.
        var expected: UInt64 = 0
        let start = Date()
        test_start_kicks(SoftwareSGX.kickSignal, 41_000)
        defer { test_stop_kicks() }
        while kicks < Self.wanted, -start.timeIntervalSinceNow < Self.limit {
          for (i, word) in [ENCLU.EACCEPT, secinfo, heap, 0, 4096].enumerated() {
            TestEnclave.poke(word, at: operands + UInt64(i) * 8)
          }
          var run = EnclaveRun(tcs: TestEnclave.area(0), function: 2)
          (run.rdi, run.rsi, run.rdx) = (UInt64(TEST_LEAF_LOOP), pages, operands)
          #expect(Self.finish(e, &run) { kicks += 1 } == .eexit)
          #expect(run.rdi == expected)
          #expect(TestEnclave.peek(operands + 16) == heap + pages * 4096, "each page once")
          expected = SGXReturn.SGX_PAGE_ATTRIBUTES_MISMATCH
        }
        return kicks
      }
      #expect(kicks > 100)
      for i in 0..<pages {
        #expect(SoftwareSGX.pageEntry(heap + i * 4096) == 0x243)
      }
    }

    /// Entering and leaving as fast as possible: the kicks fall into the half-switched states.
    @Test(arguments: modes) func stormDuringEntries(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        let start = Date()
        let before = SoftwareSGX.statistics.kicks
        test_start_kicks(SoftwareSGX.kickSignal, 29_000)
        defer { test_stop_kicks() }
        var i: UInt64 = 0
        while -start.timeIntervalSinceNow < 1 {
          for _ in 0..<100 {
            i += 1
            var run = EnclaveRun(tcs: TestEnclave.area(0), function: 2)
            run.rsi = i
            guard Self.finish(e, &run, onKick: {}) == .eexit, run.rsi == i + 1 else {
              Issue.record("entry \(i)")
              return
            }
          }
        }
        #expect(SoftwareSGX.statistics.kicks > before)
      }
    }

    @Test(arguments: modes) func anotherThreadKicks(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      let words = UnsafeMutablePointer<UInt64>.allocate(capacity: 2)
      defer { words.deallocate() }
      words.initialize(repeating: 0, count: 2)
      let address = UInt64(UInt(bitPattern: words))
      nonisolated(unsafe) let left = words + 1
      let spinner = startThread(e) { () -> (EnclaveExit, EnclaveExit) in
        let first = e.call(Int(TEST_SPIN), address).exit
        left.pointee = 1
        // The kicker must have stopped before this thread may end.
        while left.pointee == 1 { usleep(100) }
        var second = e.resume()
        while second == .interrupted { second = e.resume() }
        return (first, second)
      }
      // A kick before the first EENTER is nobody's business, so one is not enough.
      while left.pointee == 0 {
        e.machine.interrupt(thread: spinner.handle)
        usleep(1000)
      }
      words.pointee = 1
      left.pointee = 2
      let (first, second) = try spinner.value()
      #expect(first == .interrupted && second == .eexit)
    }

    /// A kick that comes while the host has the thread is not lost: the next ERESUME returns at once.
    @Test(arguments: modes) func kickBeforeResume(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        #expect(e.call(Int(TEST_LOAD), 0x5000_0000).exit != .eexit)
        e.machine.interrupt(thread: UInt(pthread_self()))
        #expect(e.resume() == .interrupted)
        #expect(e.resume() != .interrupted)
        e.recover()
        #expect(e.call(Int(TEST_NOP)).exit == .eexit)
      }
    }
  }
}
