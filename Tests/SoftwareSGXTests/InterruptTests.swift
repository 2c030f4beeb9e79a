import CTestEnclave
import Foundation
import SGX
import SoftwareSGX
import Testing

extension MachineTests {
  /// Kicks: a host thread makes another one leave the enclave, thousands of times.
  @Suite(.serialized) struct InterruptTests {
    static let modes: [SoftwareSGX.Mode] = [.strict, .fast]

    @Test(arguments: modes, [false, true])
    func storm(mode: SoftwareSGX.Mode, withHandler: Bool) throws {
      let e = try TestEnclave(mode).start()
      let flag = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
      flag.pointee = 0
      let address = UInt64(UInt(bitPattern: flag))
      // Signals that come too quickly are merged, so the kicks that arrived are counted.
      let count = UnsafeMutablePointer<Int>.allocate(capacity: 1)
      count.pointee = 0
      nonisolated(unsafe) let arrived = count
      let spinner = startThread(e) { () -> (Int, EnclaveRun) in
        var kicks = 0
        var run = EnclaveRun(tcs: TestEnclave.area(0), function: 2)
        (run.rdi, run.rsi) = (UInt64(TEST_SPIN), address)
        var exit = e.machine.enter(&run)
        while exit == .interrupted {
          kicks += 1
          arrived.pointee = kicks
          if withHandler {
            var handler = e.call(Int(TEST_NOP)).exit
            while handler == .interrupted { handler = e.resume() }
            if handler != .eexit { break }
          }
          run.function = 3
          exit = e.machine.enter(&run)
        }
        return exit == .eexit ? (kicks, run) : (-1, run)
      }
      let start = Date()
      while arrived.pointee < 1500, -start.timeIntervalSinceNow < 4 {
        e.machine.interrupt(thread: spinner.handle)
        for _ in 0..<Int.random(in: 0..<60) { _ = test_host_flags() }
        sched_yield()
      }
      flag.pointee = 1
      let (kicks, run) = try spinner.value()
      #expect(run.rdi == 0, "every register was intact")
      #expect(kicks > 100)
      #expect(run.rsi > 1000, "and it made progress")
    }

    /// Kicks that come while a leaf is carried out are not lost and do no harm.
    @Test(arguments: modes) func stormDuringLeaves(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      let heap: UInt64 = 0xC0_0000_0000, pages: UInt64 = 5_000
      try e.machine.augment(address: heap, length: pages * 4096)
      let count = UnsafeMutablePointer<Int>.allocate(capacity: 2)
      count.initialize(repeating: 0, count: 2)
      nonisolated(unsafe) let arrived = count
      nonisolated(unsafe) let stop = count + 1
      let worker = startThread(e) { () -> Bool in
        let operands = TestEnclave.data + UInt64(TEST_OPERANDS)
        let secinfo = TestEnclave.data + UInt64(TEST_SECINFO)
        TestEnclave.poke(SECINFO(SECINFO.Flags.regRW.union(.pending)).encoded(), at: secinfo)
        // Each page is accepted in the first round and refused in the others.
        var expected: UInt64 = 0
        while stop.pointee == 0 {
          for (i, word) in [ENCLU.EACCEPT, secinfo, heap, 0, 4096].enumerated() {
            TestEnclave.poke(word, at: operands + UInt64(i) * 8)
          }
          var run = EnclaveRun(tcs: TestEnclave.area(0), function: 2)
          (run.rdi, run.rsi, run.rdx) = (UInt64(TEST_LEAF_LOOP), pages, operands)
          var exit = e.machine.enter(&run)
          while exit == .interrupted {
            arrived.pointee += 1
            run.function = 3
            exit = e.machine.enter(&run)
          }
          guard exit == .eexit, run.rdi == expected else { return false }
          guard TestEnclave.peek(operands + 16) == heap + pages * 4096 else { return false }
          expected = SGXReturn.SGX_PAGE_ATTRIBUTES_MISMATCH
        }
        return true
      }
      let start = Date()
      while arrived.pointee < 500, -start.timeIntervalSinceNow < 8, !worker.isDone {
        e.machine.interrupt(thread: worker.handle)
        for _ in 0..<Int.random(in: 0..<60) { _ = test_host_flags() }
        sched_yield()
      }
      stop.pointee = 1
      #expect(try worker.value())
      #expect(arrived.pointee > 0)
      // Each page was accepted exactly once.
      for i in 0..<pages {
        #expect(csgxEntry(heap + i * 4096) == 0x243)
      }
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
