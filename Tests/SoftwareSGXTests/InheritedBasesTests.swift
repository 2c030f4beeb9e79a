import CTestEnclave
import Foundation
import SGX
import SoftwareSGX
import Testing

extension MachineTests {
  /// Signals in host threads. In fast mode GS stays the enclave's after an EEXIT, and clone(2) passes it on: GS
  /// does not tell whether the thread that a signal interrupts is the one inside.
  @Suite(.serialized) struct InheritedBasesTests {
    static let modes: [SoftwareSGX.Mode] = [.strict, .fast]
    static let repetitions = 1000
    /// OGSBASGX of the TCS that computes.
    static let gs = TestEnclave.area(0) + 0x8000

    /// A thread that computes inside with the first TCS until `body` is through.
    private func whileOneComputes(
      _ mode: SoftwareSGX.Mode, _ body: (TestEnclave) throws -> Void
    ) throws {
      let e = try TestEnclave(mode, threads: 2).start()
      let flag = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
      defer { flag.deallocate() }
      flag.pointee = 0
      let address = UInt64(UInt(bitPattern: flag))
      let computing = startThread(e) { e.call(Int(TEST_SPIN), address) }
      // It pushes its count below the CSSA on its stack.
      let count = TestEnclave.area(0) + 0xB000 - 16
      while TestEnclave.peek(count) == 0 { usleep(100) }
      let before = TestEnclave.peek(count)
      let result = Result { try body(e) }
      while TestEnclave.peek(count) == before { usleep(100) }
      flag.pointee = 1
      let (exit, run) = try computing.value()
      #expect(exit == .eexit && run.rdi == 0, "the thread inside has noticed nothing")
      try result.get()
    }

    /// Runs `body` on a thread of its own, which is not attached and takes kicks, as a new one does.
    private func onPlainThread<T>(_ body: @escaping @Sendable () throws -> T) throws -> T {
      let done = DispatchSemaphore(value: 0)
      nonisolated(unsafe) var result: Result<T, any Error>?
      let thread = Thread {
        // The pool that runs the tests blocks all signals.
        var kick = sigset_t()
        sigemptyset(&kick)
        sigaddset(&kick, SoftwareSGX.kickSignal)
        pthread_sigmask(SIG_UNBLOCK, &kick, nil)
        result = Result { try body() }
        done.signal()
      }
      thread.stackSize = 1 << 20
      thread.start()
      done.wait()
      return try result!.get()
    }

    /// How many of the kicks that the calling thread sends itself do not arrive or change what it has.
    private static func harmfulKicks() -> Int {
      let (fs, gs) = (test_host_fs(), test_host_gs())
      return (0..<repetitions).count { i in
        errno = Int32(i)
        raise(SoftwareSGX.kickSignal)
        let isChanged = errno != Int32(i) || test_host_fs() != fs || test_host_gs() != gs
        var pending = sigset_t()
        sigpending(&pending)
        return isChanged || sigismember(&pending, SoftwareSGX.kickSignal) != 0
      }
    }

    @Test("a thread that is not attached, with the GS of one that is inside", arguments: modes)
    func kicksOfAThreadThatIsNotAttached(mode: SoftwareSGX.Mode) throws {
      try whileOneComputes(mode) { _ in
        let harmful = try onPlainThread {
          test_set_host_gs(Self.gs)
          defer { test_set_host_gs(0) }
          return Self.harmfulKicks()
        }
        #expect(harmful == 0)
      }
    }

    @Test("a thread that is attached with the GS of one that is inside", arguments: modes)
    func kicksOfAThreadThatIsAttached(mode: SoftwareSGX.Mode) throws {
      try whileOneComputes(mode) { e in
        try onPlainThread {
          test_set_host_gs(Self.gs)
          try e.machine.attachThread()
          #expect(test_host_gs() == 0, "it is not the host's")
          #expect(Self.harmfulKicks() == 0)
          // The same with the GS of the thread inside while this one is attached, and with the one of its own TCS.
          test_set_host_gs(Self.gs)
          #expect(Self.harmfulKicks() == 0)
          for i in 0..<10 as Range<UInt64> {
            let (exit, run) = e.call(Int(TEST_NOP), i, thread: 1)
            #expect(exit == .eexit && run.rsi == i + 1)
            #expect(Self.harmfulKicks() == 0)
          }
          e.machine.detachThread()
          #expect(test_host_gs() == 0)
          #expect(Self.harmfulKicks() == 0)
        }
      }
    }

    /// The kernel's timer hits every step of attaching and detaching.
    @Test("kicks while a thread with an inherited GS is attached and detached", arguments: modes)
    func stormDuringAttach(mode: SoftwareSGX.Mode) throws {
      try whileOneComputes(mode) { e in
        try onPlainThread {
          let start = Date()
          test_start_kicks(SoftwareSGX.kickSignal, 29_000)
          defer { test_stop_kicks() }
          var rounds: UInt64 = 0
          while -start.timeIntervalSinceNow < 1 {
            test_set_host_gs(Self.gs)
            try e.machine.attachThread()
            var (exit, run) = e.call(Int(TEST_NOP), rounds, thread: 1)
            while exit == .interrupted {
              run.function = 3
              exit = e.machine.enter(&run)
            }
            e.machine.detachThread()
            guard exit == .eexit, run.rsi == rounds + 1, test_host_gs() == 0 else {
              Issue.record("round \(rounds): \(exit)")
              return
            }
            rounds += 1
          }
          #expect(rounds > 100)
        }
      }
    }

    /// The TCS of a thread that is just being detached is another's already. In fast mode the machine finds the thread
    /// by the TCS, so forgetting the old one must not forget the new one.
    @Test("a TCS changes hands while its last thread is detached")
    func handOverDuringDetach() throws {
      let e = try TestEnclave(.fast).start()
      let busy = EnclaveExit.refused(.generalProtection(.tcsBusy))
      let isOver = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
      isOver.pointee = 0
      defer { isOver.deallocate() }
      nonisolated(unsafe) let over = isOver
      let stays = startThread(e) {
        var (entries, spin) = (0, 1 as UInt32)
        while over.pointee == 0 {
          // Any distance from the other's exit.
          spin = spin &* 1_664_525 &+ 1_013_904_223
          for _ in 0..<(spin >> 24) { _ = test_host_x87_control() }
          let exit = e.call(Int(TEST_NOP)).exit
          guard exit == .eexit || exit == busy else { return (entries, exit) }
          if exit == .eexit { entries += 1 }
        }
        return (entries, .eexit)
      }
      let rounds = try onPlainThread {
        let start = Date()
        var rounds = 0
        while -start.timeIntervalSinceNow < 1 {
          for _ in 0..<100 {
            try e.machine.attachThread()
            while e.call(Int(TEST_NOP)).exit == busy {}
            e.machine.detachThread()
          }
          rounds += 100
        }
        over.pointee = 1
        return rounds
      }
      let (entries, exit) = try stays.value()
      #expect(exit == .eexit && entries > 100 && rounds > 100)
    }

    /// ELRANGE begins at 0, so a broken pointer of the host leads into it; the host's own handler has the fault.
    @Test("a null call of host code is no exit of the enclave: not attached")
    func nullCall() async {
      await #expect(processExitsWith: .exitCode(7)) {
        test_exit_on_fault(8)
        let e = try TestEnclave(.fast).start()
        try onThread(e) { #expect(e.call(Int(TEST_NOP)).exit == .eexit) }
        test_call(8)
      }
    }

    @Test("a null call of host code is no exit of the enclave: attached, after an entry")
    func nullCallOfAnAttachedThread() async {
      await #expect(processExitsWith: .exitCode(7)) {
        test_exit_on_fault(8)
        let e = try TestEnclave(.fast).start()
        try onThread(e) {
          #expect(e.call(Int(TEST_NOP)).exit == .eexit)
          test_call(8)
        }
      }
    }

    @Test("a fault of a new thread, with the GS of one that is inside, is the host's")
    func faultOfANewThread() async {
      await #expect(processExitsWith: .exitCode(7)) {
        test_exit_on_fault(1 << 46)
        let suite = InheritedBasesTests()
        try suite.whileOneComputes(.fast) { _ in
          try suite.onPlainThread {
            test_set_host_gs(Self.gs)
            test_call(1 << 46)
          }
        }
      }
    }

    /// As Linux has it: who ignores SIGSEGV dies of a fault all the same.
    @Test("a fault whose signal is ignored ends the process") func ignoredFault() async {
      await #expect(processExitsWith: .signal(SIGSEGV)) {
        signal(SIGSEGV, SIG_IGN)
        alarm(20)
        let e = try TestEnclave(.fast).start()
        try onThread(e) { #expect(e.call(Int(TEST_NOP)).exit == .eexit) }
        test_call(1 << 46)
      }
    }
  }
}
