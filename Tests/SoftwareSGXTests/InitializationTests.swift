import CTestEnclave
import Foundation
import SGX
import SoftwareSGX
import Testing

extension MachineTests {
  /// ECREATE, EADD, EINIT (SDM vol. 3D, 38.3): each refusal by its name.
  @Suite(.serialized) struct InitializationTests {
    private func refused(
      _ error: SGXError, resign: Bool = true, _ comment: Comment? = nil,
      flags: ATTRIBUTES.Flags = .MODE64BIT, _ change: (inout SIGSTRUCT) -> Void
    ) throws {
      let e = try TestEnclave(.strict, flags: flags)
      var s = try TestEnclave.key.sign(e.unsignedSigstruct())
      change(&s)
      if resign { s = try TestEnclave.key.sign(s) }
      #expect(throws: error, comment) { try e.machine.initialize(s) }
    }

    @Test func sigstructIsChecked() throws {
      try refused(.invalidMeasurement) { $0.enclaveHash[0] ^= 1 }
      try refused(.invalidSignature, resign: false) { $0.enclaveHash[0] ^= 1 }
      try refused(.invalidSignature, resign: false) { $0.isvSVN += 1 }
      try refused(.invalidSigstruct(.quotients), resign: false) { $0.signature[5] ^= 1 }
      try refused(.invalidSigstruct(.quotients), resign: false) { $0.q1[0] ^= 1 }
      try refused(.invalidSigstruct(.quotients), resign: false) { $0.q2[0] ^= 1 }
      try refused(.invalidSigstruct(.modulus), resign: false) {
        $0.modulus = $0.q1; $0.modulus[383] = 0
      }
      try refused(.invalidSigstruct(.exponent), resign: false) { $0.exponent = 65537 }
      try refused(.invalidSigstruct(.vendor)) { $0.vendor = 1 }
      try refused(.invalidAttribute(.attributes)) { $0.attributes.flags.insert(.DEBUG) }
      try refused(.invalidAttribute(.attributes), flags: [.MODE64BIT, .DEBUG]) {
        $0.attributes.flags.remove(.DEBUG)
      }
      try refused(.invalidAttribute(.attributes)) { $0.attributes.flags.insert(.INIT) }
      try refused(.invalidAttribute(.xfrm)) { $0.attributes.xfrm = .legacy }
      try refused(.invalidAttribute(.miscSelect)) { $0.miscSelect = [] }
      try refused(.invalidSigstruct(.kss)) { $0.isvFamilyID[0] = 1 }
      try refused(.invalidSigstruct(.kss)) { $0.isvExtProdID[15] = 1 }
      try refused(.invalidAttribute(.cet)) {
        $0.cetAttributes = 1
        $0.cetAttributesMask = 1
      }
    }

    /// What the masks do not cover may differ.
    @Test func masksAreRespected() throws {
      let e = try TestEnclave(.strict, flags: [.MODE64BIT, .DEBUG])
      var s = e.unsignedSigstruct()
      s.attributes.flags.remove(.DEBUG)
      s.attributeMask.flags.remove(.DEBUG)
      s.miscSelect = []
      s.miscMask = 0
      try e.machine.initialize(try TestEnclave.key.sign(s))
    }

    /// A payload's signature leaves KSS to whoever starts it, and nothing else.
    @Test func signaturesMayPermitKSS() throws {
      func start(_ flags: ATTRIBUTES.Flags, permits: Bool) throws {
        let e = try TestEnclave(.strict, flags: flags)
        var s = e.unsignedSigstruct()
        s.attributes.flags = [.MODE64BIT]
        if permits { s.attributeMask.flags.remove(.KSS) }
        try e.machine.initialize(try TestEnclave.key.sign(s))
      }
      try start([.MODE64BIT], permits: true)
      try start([.MODE64BIT, .KSS], permits: true)
      #expect(throws: SGXError.invalidAttribute(.attributes)) {
        try start([.MODE64BIT, .KSS], permits: false)
      }
      #expect(throws: SGXError.invalidAttribute(.attributes)) {
        try start([.MODE64BIT, .DEBUG], permits: true)
      }
    }

    @Test func nothingAfterEINIT() throws {
      let e = try TestEnclave(.strict).start()
      #expect(throws: SGXError.wrongState(.alreadyInitialized)) {
        try e.add([UInt8](repeating: 0, count: 4096), at: 0x10_0000, .regRW)
      }
      #expect(throws: SGXError.wrongState(.alreadyInitialized)) {
        try e.machine.initialize(try TestEnclave.key.sign(e.unsignedSigstruct()))
      }
      #expect(throws: SGXError.wrongState(.alreadyCreated)) { try e.machine.create(e.secs) }
      #expect(throws: SGXError.wrongState(.oneEnclave)) {
        let second = try SoftwareSGX(mode: .strict, stateFile: TestEnclave.stateFile)
        try second.create(e.secs)
      }
    }

    @Test func pagesAreChecked() throws {
      let e = try TestEnclave(.strict)
      let page = [UInt8](repeating: 0, count: 4096)
      #expect(throws: SGXError.generalProtection(.pageExists)) {
        try e.add(page, at: TestEnclave.base, .regRW)
      }
      #expect(throws: SGXError.generalProtection(.outOfRange)) {
        try e.add(page, at: 1 << 40, .regRW)
      }
      #expect(throws: SGXError.generalProtection(.outOfRange)) { try e.add(page, at: 0, .regRW) }
      #expect(throws: SGXError.generalProtection(.outOfRange)) {
        try e.add(page, at: 0x10_0001, .regRW)
      }
      #expect(throws: SGXError.generalProtection(.size)) {
        try e.add([UInt8](repeating: 0, count: 100), at: 0x10_0000, .regRW)
      }
      #expect(throws: SGXError.generalProtection(.permissions)) {
        try e.add(page, at: 0x10_0000, SECINFO.Flags([.w], .reg))
      }
      #expect(throws: SGXError.generalProtection(.permissions)) {
        try e.add(page, at: 0x10_0000, SECINFO.Flags([.r], .tcs))
      }
      #expect(throws: SGXError.generalProtection(.pageType)) {
        try e.add(page, at: 0x10_0000, SECINFO.Flags([.r], .trim))
      }
      var tcs = TCS(ossa: 0, nssa: 1, oentry: 0, ofsbase: 0, ogsbase: 0)
      tcs.flags = .DBGOPTIN
      #expect(throws: SGXError.generalProtection(.reservedBits)) {
        try e.add(tcs.encoded(), at: 0x10_0000, .tcs)
      }
      tcs.flags = []
      tcs.ossa = 4
      #expect(throws: SGXError.generalProtection(.alignment)) {
        try e.add(tcs.encoded(), at: 0x10_0000, .tcs)
      }
      // None of it was measured or added.
      try e.start()
    }

    @Test func secsIsChecked() throws {
      let machine = try SoftwareSGX(mode: .strict, stateFile: TestEnclave.stateFile)
      func create(_ error: SGXError, _ change: (inout SECS) -> Void) {
        var secs = SECS(
          size: 1 << 40, ssaFrameSize: 1, attributes: ATTRIBUTES(flags: .MODE64BIT, xfrm: .legacy))
        change(&secs)
        #expect(throws: error) { try machine.create(secs) }
      }
      create(.notSupported(.base)) { $0.size = 1 << 41 }
      create(.notSupported(.base)) { $0.baseAddress = 1 << 40 }
      create(.generalProtection(.xfrm)) { $0.attributes.xfrm.formUnion(.init(rawValue: 1 << 62)) }
      create(.notSupported(.attributes)) { $0.attributes.flags.insert(.AEXNOTIFY) }
      #expect(throws: SGXError.wrongState(.notCreated)) {
        try machine.initialize(SigstructTests.unsigned())
      }
    }

    /// The measurement of a real enclave, through the machine, equals the script's.
    @Test func mrenclaveOfTheTestEnclave() throws {
      let e = try TestEnclave(.strict)
      var script = "1 \(1 << 40)\n"
      func page(_ address: UInt64, _ flags: SECINFO.Flags, _ bytes: [UInt8]) {
        script += "\(address) \(flags.rawValue) 1 \(hex(bytes))\n"
      }
      for at in stride(from: 0, to: UInt64(TEST_CODE_SIZE), by: 4096) {
        page(TestEnclave.base + at, .regRX, TestEnclave.peek(TestEnclave.base + at, 4096))
      }
      for at in stride(from: 0, to: UInt64(TEST_DATA_SIZE), by: 4096) {
        page(TestEnclave.data + at, .regRW, TestEnclave.peek(TestEnclave.data + at, 4096))
      }
      let area = TestEnclave.area(0)
      page(area, .tcs, TestEnclave.peek(area, 4096))
      for at in [0x1000, 0x2000, 0x8000, 0x9000, 0xA000, 0xB000] as [UInt64] {
        page(area + at, .regRW, TestEnclave.peek(area + at, 4096))
      }
      let expected = try runProgram(["python3", resource("mrenclave.py")], input: script)
      #expect(hex(e.machine.mrenclave!) == expected)
    }

    /// In the hidden mode the host cannot read the enclave while nobody is inside.
    @Test func hiddenWhenIdle() throws {
      @Sendable func readable() -> Bool {
        let pipe = Pipe()
        let source = UnsafeRawPointer(bitPattern: UInt(TestEnclave.data))!
        return write(pipe.fileHandleForWriting.fileDescriptor, source, 8) == 8
      }
      try TestEnclave(.strict).start()
      #expect(readable())
      let e = try TestEnclave(.strictHidden).start()
      #expect(!readable())
      try onThread(e) {
        #expect(e.call(Int(TEST_NOP)).exit == .eexit)
        #expect(!readable())
        #expect(e.call(Int(TEST_LOAD), 0x5000_0000).exit != .eexit)
        #expect(!readable())
      }
    }

    @Test func fastSitesAreChecked() throws {
      let e = try TestEnclave(.fast)
      #expect(throws: SGXError.generalProtection(.pageMissing), "not initialized") {
        try e.machine.patchFast(sites: [TestEnclave.base])
      }
      try e.machine.initialize(try TestEnclave.key.sign(e.unsignedSigstruct()))
      for site in [
        TestEnclave.base, TestEnclave.base + test_enclave_enclu_offset() + 1, 1 << 41,
        TestEnclave.data,
      ] {
        #expect(throws: SGXError.wrongState(.fastSite)) { try e.machine.patchFast(sites: [site]) }
      }
      let strict = try TestEnclave(.strict).start()
      #expect(throws: SGXError.wrongState(.fastSite)) {
        try strict.machine.patchFast(sites: [TestEnclave.base + test_enclave_enclu_offset()])
      }
    }
  }
}
