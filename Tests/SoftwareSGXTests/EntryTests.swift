import CTestEnclave
import SGX
import SoftwareSGX
import Testing

extension MachineTests {
  /// EENTER, ERESUME, EEXIT (SDM vol. 3D, 38.4): what passes and what is refused.
  @Suite(.serialized) struct EntryTests {
    @Test(arguments: [SoftwareSGX.Mode.strict, .fast, .strictHidden])
    func registersPassThrough(mode: SoftwareSGX.Mode) throws {
      let enclave = try TestEnclave(mode).start()
      try onThread(enclave) {
        for i in 0..<100 as Range<UInt64> {
          var run = EnclaveRun(tcs: TestEnclave.area(0), function: 2)
          (run.rdi, run.rsi, run.rdx, run.r8) = (0, i, i * 3, i * 7)
          #expect(enclave.machine.enter(&run) == .eexit)
          #expect(run.rdi == 1 && run.rsi == i + 1 && run.rdx == i * 3 + 1 && run.r8 == i * 7 + 1)
          #expect(run.r9 == 0, "CSSA")
        }
      }
    }

    @Test(arguments: [SoftwareSGX.Mode.strict, .fast])
    func basesComeFromTheTCS(mode: SoftwareSGX.Mode) throws {
      let enclave = try TestEnclave(mode).start()
      try onThread(enclave) {
        let (exit, run) = enclave.call(Int(TEST_BASES))
        #expect(exit == .eexit)
        #expect(run.rdi == TestEnclave.area(0) + 0x8000 && run.rsi == TestEnclave.area(0) + 0x8000)
      }
    }

    /// EEXIT changes no flag and no extended state: the way out must put the host's back.
    @Test(arguments: [SoftwareSGX.Mode.strict, .fast])
    func hostStateSurvivesADirtyExit(mode: SoftwareSGX.Mode) throws {
      let enclave = try TestEnclave(mode).start()
      try onThread(enclave) {
        let mxcsr = test_host_mxcsr()
        for _ in 0..<10 {
          #expect(enclave.call(Int(TEST_DIRTY_EXIT)).exit == .eexit)
          #expect(test_host_mxcsr() & ~0x3F == mxcsr & ~0x3F && test_host_x87_control() == 0x37F)
          #expect(test_host_x87_tags() == 0, "the x87 stack is empty")
          #expect(test_host_flags() & 0x4_0400 == 0, "DF and AC")
        }
      }
    }

    @Test func entryIsRefused() throws {
      let enclave = try TestEnclave(.strict, nssa: 1)
      try onThread(enclave) {
        var run = EnclaveRun(tcs: TestEnclave.area(0), function: 2)
        #expect(enclave.machine.enter(&run) == .refused(.generalProtection(.notInitialized)))
      }
      try enclave.start()
      var run = EnclaveRun(tcs: TestEnclave.area(0), function: 2)
      #expect(enclave.machine.enter(&run) == .refused(.wrongState(.threadNotAttached)))
      try onThread(enclave) {
        var run = EnclaveRun(tcs: TestEnclave.base, function: 2)
        #expect(enclave.machine.enter(&run) == .refused(.generalProtection(.notTCS)))
        run.tcs = TestEnclave.area(0) + 8
        #expect(enclave.machine.enter(&run) == .refused(.generalProtection(.notTCS)))
        run.tcs = 1 << 50
        #expect(enclave.machine.enter(&run) == .refused(.generalProtection(.notTCS)))
        run.tcs = TestEnclave.area(0)
        run.function = 4
        #expect(enclave.machine.enter(&run) == .refused(.generalProtection(.leaf)))
        #expect(enclave.resume() == .refused(.generalProtection(.nothingSaved)))
        // The only SSA frame is filled by a fault: no second EENTER.
        #expect(
          enclave.call(Int(TEST_LOAD), 8).exit == .fault(vector: 14, errorCode: 4, address: 0))
        #expect(enclave.call(Int(TEST_NOP)).exit == .refused(.generalProtection(.cssaExhausted)))
      }
    }

    @Test(arguments: [SoftwareSGX.Mode.strict, .fast])
    func busyTCSIsRefused(mode: SoftwareSGX.Mode) throws {
      let enclave = try TestEnclave(mode).start()
      let flag = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
      flag.pointee = 0
      let address = UInt64(UInt(bitPattern: flag))
      let busy = EnclaveExit.refused(.generalProtection(.tcsBusy))
      let inside = startThread(enclave) {
        // The other thread may be inside at this moment; then this one is the one refused.
        var result = enclave.call(Int(TEST_SPIN), address)
        while result.exit == busy { result = enclave.call(Int(TEST_SPIN), address) }
        return result
      }
      try onThread(enclave) {
        var exit = enclave.call(Int(TEST_NOP)).exit
        while exit == .eexit { exit = enclave.call(Int(TEST_NOP)).exit }
        #expect(exit == .refused(.generalProtection(.tcsBusy)))
        #expect(enclave.resume() == .refused(.generalProtection(.tcsBusy)))
      }
      flag.pointee = 1
      let (exit, run) = try inside.value()
      #expect(exit == .eexit && run.rdi == 0)
    }

    @Test(arguments: [SoftwareSGX.Mode.strict, .fast])
    func manyThreads(mode: SoftwareSGX.Mode) throws {
      let enclave = try TestEnclave(mode, threads: 8).start()
      let threads = (0..<8).map { index in
        startThread(enclave) {
          for i in 0..<2000 as Range<UInt64> {
            let (exit, run) = enclave.call(Int(TEST_NOP), i, thread: index)
            guard exit == .eexit, run.rsi == i + 1 else { return false }
          }
          return true
        }
      }
      for thread in threads { #expect(try thread.value()) }
    }
  }
}
