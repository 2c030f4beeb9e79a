import CTestEnclave
import SGX
import SoftwareSGX
import Testing

extension MachineTests {
  /// EACCEPT, EMODPE, EACCEPTCOPY and the driver's calls that go with them (SDM vol. 3D, 38.3 and 38.4).
  @Suite(.serialized) struct LeafTests {
    static let heap: UInt64 = 0xC0_0000_0000
    static let modes: [SoftwareSGX.Mode] = [.strict, .fast]

    static func gp(_ result: (exit: EnclaveExit, rax: UInt64, zf: Bool)) -> Bool {
      result.exit == .fault(vector: 13, errorCode: 0, address: 0)
    }
    static func pf(_ result: (exit: EnclaveExit, rax: UInt64, zf: Bool), _ address: UInt64) -> Bool
    {
      if case .fault(vector: 14, _, address: address) = result.exit { true } else { false }
    }
    static func ok(_ result: (exit: EnclaveExit, rax: UInt64, zf: Bool)) -> Bool {
      result.exit == .eexit && result.rax == 0 && !result.zf
    }
    static func mismatch(_ result: (exit: EnclaveExit, rax: UInt64, zf: Bool)) -> Bool {
      result.exit == .eexit && result.rax == SGXReturn.SGX_PAGE_ATTRIBUTES_MISMATCH && result.zf
    }
    static let pendingRW = SECINFO.Flags.regRW.union(.pending)

    @Test(arguments: modes) func eaccept(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        let page = Self.heap
        #expect(Self.pf(e.pageLeaf(ENCLU.EACCEPT, Self.pendingRW, page), page))
        e.recover()
        try e.machine.augment(address: page, length: 4 * 4096, copied: false)
        #expect(throws: SGXError.generalProtection(.pageExists)) {
          try e.machine.augment(address: page + 4096, length: 4096, copied: false)
        }
        if mode == .strict {
          #expect(e.faults(Int(TEST_LOAD), page))
        }
        #expect(
          Self.mismatch(e.pageLeaf(ENCLU.EACCEPT, SECINFO.Flags.regRWX.union(.pending), page)))
        #expect(Self.mismatch(e.pageLeaf(ENCLU.EACCEPT, SECINFO.Flags.regR.union(.pr), page)))
        #expect(Self.ok(e.pageLeaf(ENCLU.EACCEPT, Self.pendingRW, page)))
        #expect(e.call(Int(TEST_STORE), page, 42).exit == .eexit)
        let (exit, run) = e.call(Int(TEST_LOAD), page)
        #expect(exit == .eexit && run.rdi == 42)
        #expect(Self.mismatch(e.pageLeaf(ENCLU.EACCEPT, Self.pendingRW, page)), "accepted twice")
        // The other pages are still pending.
        for i in 1..<4 as Range<UInt64> {
          #expect(Self.ok(e.pageLeaf(ENCLU.EACCEPT, Self.pendingRW, page + i * 4096)))
        }
      }
    }

    @Test(arguments: modes) func eacceptOperands(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode, nssa: 2).start()
      try onThread(e) {
        try e.machine.augment(address: Self.heap, length: 4096, copied: false)
        let secinfo = TestEnclave.data + UInt64(TEST_SECINFO)
        func expectGP(_ flags: SECINFO.Flags, _ page: UInt64, _ comment: Comment) {
          #expect(Self.gp(e.pageLeaf(ENCLU.EACCEPT, flags, page)), comment)
          e.recover()
        }
        expectGP(.regRW, Self.heap, "neither pending nor PR")
        expectGP(SECINFO.Flags.regRW.union(.modified), Self.heap, "REG is never modified")
        expectGP(SECINFO.Flags([.pending], .trim), Self.heap, "TRIM is never pending")
        expectGP(SECINFO.Flags([.r, .w, .pending], .secs), Self.heap, "not a type to accept")
        expectGP(
          SECINFO.Flags(rawValue: Self.pendingRW.rawValue | 0x40), Self.heap, "reserved flag")
        expectGP(Self.pendingRW, Self.heap + 8, "misaligned page")
        expectGP(Self.pendingRW, 1 << 40, "outside of ELRANGE")
        expectGP(Self.pendingRW, ~0xFFF, "outside of ELRANGE")
        TestEnclave.poke(SECINFO(Self.pendingRW).encoded(), at: secinfo)
        TestEnclave.poke(1, at: secinfo + 56)
        #expect(Self.gp(e.leaf(ENCLU.EACCEPT, secinfo, Self.heap)), "reserved bytes of SECINFO")
        e.recover()
        TestEnclave.poke(0, at: secinfo + 56)
        #expect(Self.gp(e.leaf(ENCLU.EACCEPT, secinfo + 8, Self.heap)), "misaligned SECINFO")
        e.recover()
        #expect(Self.gp(e.leaf(ENCLU.EACCEPT, 1 << 41, Self.heap)), "SECINFO outside of ELRANGE")
        e.recover()
        #expect(Self.pf(e.leaf(ENCLU.EACCEPT, 0x5000_0000, Self.heap), 0x5000_0000))
        // The saved RIP is the ENCLU's own, so that ERESUME tries again.
        #expect(
          TestEnclave.peek(e.gpr() + SSA.GPRSGX.rip)
            == TestEnclave.base + test_enclave_enclu_offset())
        e.recover()
        #expect(Self.ok(e.pageLeaf(ENCLU.EACCEPT, Self.pendingRW, Self.heap)))
      }
    }

    /// A leaf that faults is carried out when its cause has gone and the enclave is resumed.
    @Test(arguments: modes) func faultingLeafResumes(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        #expect(Self.pf(e.pageLeaf(ENCLU.EACCEPT, Self.pendingRW, Self.heap), Self.heap))
        // The leaf's words were on the host's stack and are not looked at any more.
        try e.machine.augment(address: Self.heap, length: 4096, copied: false)
        TestEnclave.poke(TestEnclave.data + UInt64(TEST_OPERANDS), at: e.gpr() + SSA.GPRSGX.r12)
        #expect(e.resume() == .eexit)
        #expect(TestEnclave.peek(TestEnclave.data + UInt64(TEST_OPERANDS)) == 0, "RAX")
        #expect(e.call(Int(TEST_STORE), Self.heap, 1).exit == .eexit)
      }
    }

    @Test(arguments: modes) func permissions(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        let page = Self.heap
        try e.machine.augment(address: page, length: 4096, copied: false)
        #expect(Self.ok(e.pageLeaf(ENCLU.EACCEPT, Self.pendingRW, page)))
        // jmp back: an EEXIT through the enclave's own code is not needed, `ud2` will do.
        #expect(e.call(Int(TEST_STORE), page, 0x0B0F).exit == .eexit)
        #expect(e.faults(Int(TEST_JUMP), page, vector: 14), "not executable")

        // EMODPE extends the EPCM, the page tables follow with the host's call.
        #expect(e.pageLeaf(ENCLU.EMODPE, .regRWX, page).exit == .eexit)
        #expect(e.faults(Int(TEST_JUMP), page, vector: 14), "page tables have not followed")
        try e.machine.restrictPermissions(address: page, length: 4096, to: [.r, .x])
        #expect(e.faults(Int(TEST_STORE), page, vector: 14), "EMODPR has taken W")
        #expect(Self.mismatch(e.pageLeaf(ENCLU.EACCEPT, SECINFO.Flags.regRW.union(.pr), page)))
        #expect(Self.ok(e.pageLeaf(ENCLU.EACCEPT, SECINFO.Flags.regRX.union(.pr), page)))
        #expect(e.faults(Int(TEST_JUMP), page, vector: 6), "the ud2 in that page")

        // EMODPR never adds.
        try e.machine.restrictPermissions(address: page, length: 4096, to: [.r, .w])
        #expect(Self.ok(e.pageLeaf(ENCLU.EACCEPT, SECINFO.Flags.regR.union(.pr), page)))
        #expect(e.faults(Int(TEST_STORE), page, vector: 14))

        // Page tables alone: the driver has no EMODPR without R.
        try e.machine.restrictPermissions(address: page, length: 4096, to: [])
        #expect(e.faults(Int(TEST_LOAD), page, vector: 14))
        try e.machine.restrictPermissions(address: page, length: 4096, to: [.r])
        #expect(e.call(Int(TEST_LOAD), page).exit == .eexit)

        #expect(throws: SGXError.generalProtection(.permissions)) {
          try e.machine.restrictPermissions(address: page, length: 4096, to: [.w])
        }
        #expect(throws: SGXError.generalProtection(.pageMissing)) {
          try e.machine.restrictPermissions(address: page + 4096, length: 4096, to: [.r])
        }
        #expect(Self.gp(e.pageLeaf(ENCLU.EMODPE, SECINFO.Flags([.w], .reg), page)), "W without R")
        e.recover()
        #expect(Self.pf(e.pageLeaf(ENCLU.EMODPE, .regRW, page + 4096), page + 4096))
        e.recover()
        let tcs = TestEnclave.area(0)
        #expect(Self.pf(e.pageLeaf(ENCLU.EMODPE, .regRW, tcs), tcs), "not a REG page")
        e.recover()
      }
    }

    @Test(arguments: modes) func measuredPermissionsHold(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        #expect(e.faults(Int(TEST_STORE), TestEnclave.base + 0x1800, vector: 14), "code is RX")
        #expect(e.faults(Int(TEST_JUMP), TestEnclave.data, vector: 14), "data are not executable")
        #expect(e.faults(Int(TEST_LOAD), TestEnclave.area(0), vector: 14), "a TCS is out of reach")
        #expect(e.faults(Int(TEST_LOAD), 0x1234_5000, vector: 14), "no page")
      }
    }

    @Test(arguments: modes) func trimAndRemove(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        let page = Self.heap, length: UInt64 = 3 * 4096
        let trim = SECINFO.Flags([.modified], .trim)
        try e.machine.augment(address: page, length: length, copied: false)
        #expect(throws: SGXError.generalProtection(.pageType), "still pending") {
          try e.machine.modifyType(address: page, length: length, to: .trim)
        }
        for i in 0..<3 as Range<UInt64> {
          #expect(Self.ok(e.pageLeaf(ENCLU.EACCEPT, Self.pendingRW, page + i * 4096)))
          #expect(e.call(Int(TEST_STORE), page + i * 4096, 7).exit == .eexit)
        }
        #expect(throws: SGXError.generalProtection(.pageType)) {
          try e.machine.remove(address: page, length: length)
        }
        try e.machine.modifyType(address: page, length: length, to: .trim)
        #expect(e.faults(Int(TEST_LOAD), page, vector: 14))
        #expect(throws: SGXError.generalProtection(.pageType), "not accepted yet") {
          try e.machine.remove(address: page, length: length)
        }
        #expect(
          Self.mismatch(e.pageLeaf(ENCLU.EACCEPT, SECINFO.Flags([.r, .modified], .trim), page)))
        for i in 0..<3 as Range<UInt64> {
          #expect(Self.ok(e.pageLeaf(ENCLU.EACCEPT, trim, page + i * 4096)))
        }
        try e.machine.remove(address: page, length: length)
        #expect(throws: SGXError.generalProtection(.pageMissing)) {
          try e.machine.remove(address: page, length: 4096)
        }
        #expect(e.faults(Int(TEST_LOAD), page, vector: 14))
        // What comes back is zero.
        try e.machine.augment(address: page, length: 4096, copied: false)
        #expect(Self.ok(e.pageLeaf(ENCLU.EACCEPT, Self.pendingRW, page)))
        #expect(e.call(Int(TEST_LOAD), page).run.rdi == 0)
      }
    }

    @Test(arguments: modes) func newTCS(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode, threads: 2).start()
      try onThread(e) {
        let page = Self.heap
        try e.machine.augment(address: page, length: 4096, copied: false)
        #expect(Self.ok(e.pageLeaf(ENCLU.EACCEPT, Self.pendingRW, page)))
        // It borrows the second thread's SSA and block.
        let area = TestEnclave.area(1)
        TestEnclave.poke(
          TCS(
            ossa: area + 0x1000, nssa: 2, oentry: TestEnclave.base, ofsbase: area + 0x8000,
            ogsbase: area + 0x8000
          ).encoded(), at: page)
        try e.machine.modifyType(address: page, length: 4096, to: .tcs)
        var run = EnclaveRun(tcs: page, function: 2)
        #expect(e.machine.enter(&run) == .refused(.generalProtection(.notTCS)), "not accepted")
        #expect(Self.ok(e.pageLeaf(ENCLU.EACCEPT, SECINFO.Flags([.modified], .tcs), page)))
        run.rsi = 5
        #expect(e.machine.enter(&run) == .eexit && run.rsi == 6)
        // And away again.
        try e.machine.modifyType(address: page, length: 4096, to: .trim)
        #expect(e.machine.enter(&run) == .refused(.generalProtection(.notTCS)))
      }
    }

    @Test("EACCEPT refuses a TCS that EADD would refuse", arguments: modes)
    func illegalTCS(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode, threads: 2).start()
      try onThread(e) {
        let area = TestEnclave.area(1)
        let good = TCS(
          ossa: area + 0x1000, nssa: 2, oentry: TestEnclave.base, ofsbase: area + 0x8000,
          ogsbase: area + 0x8000
        ).encoded()
        // STATE, DBGOPTIN, OSSA, CSSA = NSSA, AEP, OFSBASGX, OGSBASGX, FSLIMIT, GSLIMIT, a reserved byte.
        let faults: [(Int, UInt8)] = [
          (0, 1), (8, 1), (16, 1), (24, 2), (40, 1), (48, 1), (56, 1), (64, 0), (68, 0), (72, 1),
          (4095, 1),
        ]
        for (i, (at, value)) in faults.enumerated() {
          let page = Self.heap + UInt64(i) * 4096
          try e.machine.augment(address: page, length: 4096, copied: false)
          #expect(Self.ok(e.pageLeaf(ENCLU.EACCEPT, Self.pendingRW, page)))
          var bytes = good
          bytes[at] = value
          TestEnclave.poke(bytes, at: page)
          try e.machine.modifyType(address: page, length: 4096, to: .tcs)
          let accept = e.pageLeaf(ENCLU.EACCEPT, SECINFO.Flags([.modified], .tcs), page)
          #expect(Self.gp(accept), "byte \(at)")
          e.recover()
          var run = EnclaveRun(tcs: page, function: 2)
          #expect(e.machine.enter(&run) == .refused(.generalProtection(.notTCS)))
        }
      }
    }

    @Test(arguments: modes) func eacceptcopy(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        let page = Self.heap, source = TestEnclave.data + UInt64(TEST_XSAVE_IN)
        TestEnclave.poke([UInt8](repeating: 0x5A, count: 4096), at: source)
        #expect(Self.pf(e.pageLeaf(ENCLU.EACCEPTCOPY, .regRW, page, source), page))
        e.recover()
        try e.machine.augment(address: page, length: 2 * 4096, copied: false)
        #expect(Self.gp(e.pageLeaf(ENCLU.EACCEPTCOPY, Self.pendingRW, page, source)))
        e.recover()
        #expect(Self.gp(e.pageLeaf(ENCLU.EACCEPTCOPY, .regRW, page, source + 8)))
        e.recover()
        #expect(Self.pf(e.pageLeaf(ENCLU.EACCEPTCOPY, .regRW, page, page + 4096), page + 4096))
        e.recover()
        #expect(Self.ok(e.pageLeaf(ENCLU.EACCEPTCOPY, .regRW, page, source)))
        #expect(e.call(Int(TEST_LOAD), page + 4088).run.rdi == 0x5A5A_5A5A_5A5A_5A5A)
        #expect(e.call(Int(TEST_STORE), page, 1).exit == .eexit)
        #expect(Self.mismatch(e.pageLeaf(ENCLU.EACCEPTCOPY, .regRW, page, source)), "not pending")
        #expect(Self.ok(e.pageLeaf(ENCLU.EACCEPTCOPY, .regR, page + 4096, source)))
        #expect(e.call(Int(TEST_LOAD), page + 4096).run.rdi == 0x5A5A_5A5A_5A5A_5A5A)
        #expect(e.faults(Int(TEST_STORE), page + 4096, vector: 14))
      }
    }

    @Test(arguments: modes) func leavesThatDoNotExist(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        for leaf in [ENCLU.EENTER, ENCLU.ERESUME, 8, 9, 0x1000] as [UInt64] {
          #expect(Self.gp(e.leaf(leaf, TestEnclave.area(0), 0)), "leaf \(leaf)")
          e.recover()
        }
      }
    }

    @Test func rangesAreChecked() throws {
      let e = try TestEnclave(.strict)
      #expect(throws: SGXError.wrongState(.notInitialized)) {
        try e.machine.augment(address: Self.heap, length: 4096, copied: false)
      }
      try e.start()
      let wrong: [(UInt64, UInt64)] = [
        (Self.heap + 1, 4096), (Self.heap, 100), (Self.heap, 0), (1 << 40, 4096), (0, 4096),
        (Self.heap, ~0xFFF), (~0xFFF, 0x2000),
      ]
      for (address, length) in wrong {
        #expect(throws: SGXError.generalProtection(.outOfRange)) {
          try e.machine.augment(address: address, length: length, copied: false)
        }
        #expect(throws: SGXError.generalProtection(.outOfRange)) {
          try e.machine.remove(address: address, length: length)
        }
        #expect(throws: SGXError.generalProtection(.outOfRange)) {
          try e.machine.modifyType(address: address, length: length, to: .trim)
        }
        #expect(throws: SGXError.generalProtection(.outOfRange)) {
          try e.machine.restrictPermissions(address: address, length: length, to: [.r])
        }
      }
      #expect(throws: SGXError.generalProtection(.pageExists), "the trampoline's page stays free") {
        let fast = try TestEnclave(.fast).start()
        try fast.machine.augment(
          address: SoftwareSGX.trampolineAddress, length: 4096, copied: false)
      }
    }
  }
}
