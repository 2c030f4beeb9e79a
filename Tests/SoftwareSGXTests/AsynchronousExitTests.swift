import CTestEnclave
import SGX
import SoftwareSGX
import Testing

extension MachineTests {
  /// AEX and ERESUME (SDM vol. 3D, chapter 40): what is saved, what the host gets, what comes back.
  @Suite(.serialized) struct AsynchronousExitTests {
    static let modes: [SoftwareSGX.Mode] = [.strict, .fast]

    /// In TEST_REGISTERS_IN: values that cannot be there by accident, and flags with DF, AC, CF, OF.
    static let flags: UInt64 = 0x4_0000 | 0x400 | 0x800 | 0x2 | 0x1 | 0x200
    private func fillRegisters(rcx: UInt64 = 0xC1C1, rsi: UInt64 = 0xC6C6, rdi: UInt64 = 0xC7C7) {
      let d = TestEnclave.data
      for i in 0..<16 as Range<UInt64> {
        TestEnclave.poke(0xAB00_0000_0000_0000 + i * 0x0101_0101, at: d + i * 8)
      }
      TestEnclave.poke(rcx, at: d + 8)
      TestEnclave.poke(rsi, at: d + 48)
      TestEnclave.poke(rdi, at: d + 56)
      TestEnclave.poke(Self.flags, at: d + 128)
      // x87 control word, MXCSR (flush to zero, all masked, inexact set), ST0-7, XMM, upper halves of YMM.
      var area = [UInt8](repeating: 0, count: 4096)
      area.put(0x027F as UInt16, at: 0)
      area.put(0x9FA0 as UInt32, at: 24)
      area.put(0xFFFF as UInt32, at: 28)
      area[4] = 0xFF
      for i in 0..<8 {
        for j in 0..<8 { area[32 + i * 16 + j] = UInt8(0x80 + i * 8 + j) }
        area.put(0x3FFF as UInt16, at: 32 + i * 16 + 8)
      }
      for i in 0..<256 { area[160 + i] = UInt8(truncatingIfNeeded: i &* 5 &+ 1) }
      for i in 0..<256 { area[576 + i] = UInt8(truncatingIfNeeded: i &* 3 &+ 2) }
      area.put(7 as UInt64, at: 512)
      TestEnclave.poke(area, at: d + UInt64(TEST_XSAVE_IN))
    }

    /// x87, SSE and AVX parts of an XSAVE area, without what FXSAVE leaves undefined.
    private func extended(_ address: UInt64) -> [UInt8] {
      let a = TestEnclave.peek(address, 832)
      return Array(a[0..<5]) + Array(a[24..<28]) + Array(a[32..<416]) + Array(a[576..<832])
    }

    /// Runs `instruction`, checks the frame, skips `skip` bytes in the handler, resumes, compares all.
    private func roundTrip(
      _ e: TestEnclave, _ instruction: Int, offset: UInt64, skip: UInt64, vector: UInt8,
      exitinfo: UInt32, rcx: UInt64 = 0xC1C1, rsi: UInt64 = 0xC6C6, rdi: UInt64 = 0xC7C7,
      clobbered: Set<UInt64> = [], pc: UInt64 = 0
    ) throws {
      fillRegisters(rcx: rcx, rsi: rsi, rdi: rdi)
      let exit = e.call(Int(TEST_RUN), UInt64(instruction)).exit
      guard case .fault(vector: vector, _, _) = exit else {
        Issue.record("left with \(exit)")
        return
      }
      // The sticky flags may be the host's own.
      #expect(test_host_mxcsr() & ~0x3F == 0x1F80 && test_host_x87_control() == 0x37F)
      #expect(test_host_flags() & 0x4_0400 == 0, "DF and AC are clear outside")
      let gpr = e.gpr(), d = TestEnclave.data
      for i in 0..<16 as Range<UInt64> where i != 4 && !clobbered.contains(i) {
        #expect(TestEnclave.peek(gpr + i * 8) == TestEnclave.peek(d + i * 8), "register \(i)")
      }
      let rip = TestEnclave.base + test_enclave_instructions_offset() + offset
      #expect(TestEnclave.peek(gpr + SSA.GPRSGX.rip) == rip + pc)
      #expect(TestEnclave.peek(gpr + SSA.GPRSGX.rflags) & 0x4_0ED5 == Self.flags & 0x4_0ED5)
      #expect(UInt32(truncatingIfNeeded: TestEnclave.peek(gpr + SSA.GPRSGX.exitinfo)) == exitinfo)
      #expect(TestEnclave.peek(gpr + SSA.GPRSGX.fsbase) == TestEnclave.area(0) + 0x8000)
      #expect(TestEnclave.peek(gpr + SSA.GPRSGX.gsbase) == TestEnclave.area(0) + 0x8000)
      #expect(
        TestEnclave.peek(gpr + SSA.GPRSGX.ursp) == TestEnclave.peek(TestEnclave.area(0) + 0x8000))
      #expect(
        TestEnclave.peek(gpr + SSA.GPRSGX.urbp) == TestEnclave.peek(TestEnclave.area(0) + 0x8008))
      let frame = TestEnclave.area(0) + 0x1000
      #expect(extended(frame) == extended(d + UInt64(TEST_XSAVE_IN)), "XSAVE area")
      #expect(TestEnclave.peek(frame + 512) == 7 && TestEnclave.peek(frame + 520) == 0)

      // The handler at CSSA 1 uses the next frame and changes the saved RIP.
      let (handled, run) = e.call(Int(TEST_SKIP), skip)
      #expect(handled == .eexit && run.rdi == 0)
      let nop = e.call(Int(TEST_NOP))
      #expect(nop.exit == .eexit && nop.run.r9 == 1, "CSSA is 1 for the handler")
      #expect(e.resume() == .eexit)
      for i in 0..<16 as Range<UInt64> where i != 4 && !clobbered.contains(i) {
        #expect(TestEnclave.peek(d + 0x100 + i * 8) == TestEnclave.peek(d + i * 8), "register \(i)")
      }
      #expect(TestEnclave.peek(d + 0x180) & 0x4_0ED5 == Self.flags & 0x4_0ED5, "RFLAGS")
      #expect(extended(d + UInt64(TEST_XSAVE_OUT)) == extended(d + UInt64(TEST_XSAVE_IN)))
      #expect(e.resume() == .refused(.generalProtection(.nothingSaved)))
    }

    @Test(arguments: modes) func invalidOpcode(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        for _ in 0..<20 {
          try roundTrip(
            e, Int(TEST_I_UD2), offset: 0, skip: 2, vector: Vector.UD, exitinfo: 0x8000_0306)
        }
      }
    }

    /// SYSCALL and INT n are #UD inside an enclave. Unlike on hardware, SYSCALL has lost RCX and R11 here,
    /// INT 0x80 R8-R11 and the upper half of RAX.
    @Test(arguments: modes) func syscallIsInvalid(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        try roundTrip(
          e, Int(TEST_I_SYSCALL), offset: 24, skip: 2, vector: Vector.UD, exitinfo: 0x8000_0306,
          clobbered: [1, 11])
        try roundTrip(
          e, Int(TEST_I_INT80), offset: 48, skip: 2, vector: Vector.UD, exitinfo: 0x8000_0306,
          clobbered: [0, 8, 9, 10, 11])
      }
    }

    @Test(arguments: modes) func breakpoint(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        try roundTrip(
          e, Int(TEST_I_INT3), offset: 8, skip: 0, vector: Vector.BP, exitinfo: 0x8000_0603, pc: 1)
      }
    }

    @Test(arguments: modes) func divideError(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        try roundTrip(
          e, Int(TEST_I_DIV), offset: 16, skip: 2, vector: Vector.DE, exitinfo: 0x8000_0300, rcx: 0)
      }
    }

    @Test(arguments: modes) func pageFault(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        try roundTrip(
          e, Int(TEST_I_NULL), offset: 32, skip: 2, vector: Vector.PF, exitinfo: 0x8000_030E,
          rsi: 0x5000_0018)
        let exinfo = e.gpr() - SSA.EXINFO.size
        #expect(TestEnclave.peek(exinfo + SSA.EXINFO.maddr) == 0x5000_0018)
        #expect(TestEnclave.peek(exinfo + SSA.EXINFO.errcd) & 0x7 == 4, "a read by user code")
        // Outside, only the page is seen.
        let store = e.call(Int(TEST_STORE), TestEnclave.base + 0x1238).exit
        #expect(store == .fault(vector: 14, errorCode: 7, address: TestEnclave.base + 0x1000))
        e.recover()
      }
    }

    @Test(arguments: modes) func generalProtection(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        try roundTrip(
          e, Int(TEST_I_NONCANONICAL), offset: 40, skip: 2, vector: Vector.GP,
          exitinfo: 0x8000_030D,
          rdi: 0x8000_0000_0000_0000)
        let exinfo = e.gpr() - SSA.EXINFO.size
        #expect(TestEnclave.peek(exinfo) == 0 && TestEnclave.peek(exinfo + 8) == 0)
      }
    }

    /// Without MISCSELECT.EXINFO the enclave is not told of #PF and #GP.
    @Test func noEXINFO() throws {
      let e = try TestEnclave(.strict, miscSelect: []).start()
      try onThread(e) {
        #expect(
          e.call(Int(TEST_LOAD), 0x5000_0000).exit
            == .fault(vector: 14, errorCode: 4, address: 0x5000_0000))
        #expect(UInt32(truncatingIfNeeded: TestEnclave.peek(e.gpr() + SSA.GPRSGX.exitinfo)) == 0)
        e.recover()
      }
    }

    /// A fault in the handler uses the next frame; a third finds none.
    @Test(arguments: modes) func nestedFaults(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode, nssa: 3).start()
      try onThread(e) {
        #expect(e.call(Int(TEST_LOAD), 0x5000_0000).exit != .eexit)
        #expect(e.call(Int(TEST_LOAD), 0x6000_0000).exit != .eexit)
        #expect(TestEnclave.peek(e.gpr() - 16) == 0x5000_0000)
        #expect(TestEnclave.peek(e.gpr(frame: 1) - 16) == 0x6000_0000)
        #expect(e.call(Int(TEST_LOAD), 0x7000_0000).exit != .eexit)
        #expect(e.call(Int(TEST_NOP)).exit == .refused(.generalProtection(.cssaExhausted)))
      }
    }

    /// A corrupt XSAVE header: XRSTOR's #GP is the leaf's.
    @Test func corruptFrameIsRefused() throws {
      let e = try TestEnclave(.strict).start()
      try onThread(e) {
        #expect(e.call(Int(TEST_LOAD), 0x5000_0000).exit != .eexit)
        let header = TestEnclave.area(0) + 0x1000 + 512
        TestEnclave.poke(1 << 62, at: header)
        #expect(e.resume() == .refused(.generalProtection(.savedState)))
        TestEnclave.poke(3, at: header)
        e.recover()
        #expect(e.call(Int(TEST_NOP)).exit == .eexit)
      }
    }
  }
}
