import SGX
import Testing

/// Every structure: its size, that decoding gives back what was encoded, and what is refused.
@Suite struct StructureTests {
  private func pattern(_ count: Int, _ seed: UInt8) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0) &* 7 &+ seed }
  }

  @Test func secs() throws {
    var secs = SECS(
      size: 1 << 40, ssaFrameSize: 1,
      attributes: ATTRIBUTES(flags: [.MODE64BIT, .KSS, .DEBUG], xfrm: [.x87, .sse, .avx]))
    secs.configID = pattern(64, 3)
    secs.configSVN = 9
    let bytes = secs.encoded()
    #expect(bytes.count == 4096)
    #expect(bytes.littleEndian(at: 0, as: UInt64.self) == 1 << 40)
    #expect(bytes[192] == 3 && bytes[260] == 9 && bytes[48] == 0x86 && bytes[56] == 7)
    #expect(try SECS(bytes) == secs)
    for reserved in [24, 63 + 1, 128, 160, 256, 262, 4095] {
      var wrong = bytes
      wrong[reserved] = 1
      #expect(throws: SGXError.generalProtection(.reservedBits)) { try SECS(wrong) }
    }
    #expect(throws: SGXError.generalProtection(.size)) { try SECS([]) }
  }

  @Test func secsChecks() throws {
    let good = SECS(size: 1 << 20, ssaFrameSize: 1, attributes: ATTRIBUTES(flags: .MODE64BIT))
    try good.validate()
    func refused(_ error: SGXError, _ change: (inout SECS) -> Void) {
      var secs = good
      change(&secs)
      #expect(throws: error) { try secs.validate() }
    }
    refused(.generalProtection(.size)) { $0.size = 3 << 20 }
    refused(.generalProtection(.size)) { $0.size = 4096 }
    refused(.generalProtection(.base)) { $0.baseAddress = 4096 }
    refused(.generalProtection(.size)) { $0.ssaFrameSize = 0 }
    refused(.generalProtection(.attributes)) { $0.attributes.flags.insert(.INIT) }
    refused(.generalProtection(.attributes)) { $0.attributes.flags.remove(.MODE64BIT) }
    refused(.generalProtection(.xfrm)) { $0.attributes.xfrm = [.x87] }
    refused(.generalProtection(.miscSelect)) { $0.miscSelect = MISCSELECT(rawValue: 4) }
    refused(.generalProtection(.kss)) { $0.configSVN = 1 }
    refused(.generalProtection(.kss)) { $0.configID[5] = 1 }
  }

  @Test func tcs() throws {
    let tcs = TCS(ossa: 0x1000, nssa: 4, oentry: 0x2345, ofsbase: 0x5000, ogsbase: 0x6000)
    let bytes = tcs.encoded()
    #expect(bytes.count == 4096 && bytes[28] == 4 && bytes[64] == 0xFF)
    #expect(try TCS(bytes) == tcs)
    try tcs.validate()
    for reserved in [0, 40, 72, 4095] {
      var wrong = bytes
      wrong[reserved] = 1
      #expect(throws: SGXError.generalProtection(.reservedBits)) { try TCS(wrong) }
    }
    var wrong = tcs
    wrong.ossa = 0x1001
    #expect(throws: SGXError.generalProtection(.alignment)) { try wrong.validate() }
    wrong = tcs
    wrong.cssa = 1
    #expect(throws: SGXError.generalProtection(.reservedBits)) { try wrong.validate() }
    wrong = tcs
    wrong.gslimit = 0
    #expect(throws: SGXError.generalProtection(.reservedBits)) { try wrong.validate() }
  }

  @Test func secinfo() throws {
    #expect(SECINFO.Flags([.r, .x], .reg) == .regRX)
    #expect(SECINFO.Flags.type(.tcs) == .tcs && SECINFO.Flags.regRW.pageType == .reg)
    let info = SECINFO(.regRWX)
    #expect(try SECINFO(info.encoded()) == info)
    var wrong = info.encoded()
    wrong[8] = 1
    #expect(throws: SGXError.generalProtection(.reservedBits)) { try SECINFO(wrong) }
    try SECINFO(.regR).validateForEADD()
    try SECINFO(.tcs).validateForEADD()
    let refusals: [(SECINFO.Flags, SGXError)] = [
      (SECINFO.Flags([.w], .reg), .generalProtection(.permissions)),
      (SECINFO.Flags([.r], .tcs), .generalProtection(.permissions)),
      (SECINFO.Flags([.r], .trim), .generalProtection(.pageType)),
      (SECINFO.Flags([.r, .pending], .reg), .generalProtection(.reservedBits)),
    ]
    for (flags, error) in refusals {
      #expect(throws: error) { try SECINFO(flags).validateForEADD() }
    }
  }

  @Test func report() throws {
    var report = REPORT()
    report.cpuSVN = pattern(16, 1)
    report.miscSelect = .EXINFO
    report.isvExtProdID = pattern(16, 2)
    report.attributes = ATTRIBUTES(flags: [.INIT, .MODE64BIT])
    report.mrenclave = pattern(32, 3)
    report.mrsigner = pattern(32, 4)
    report.configID = pattern(64, 5)
    report.isvProdID = 6
    report.isvSVN = 7
    report.configSVN = 8
    report.isvFamilyID = pattern(16, 9)
    report.reportData = pattern(64, 10)
    report.keyID = pattern(32, 11)
    report.mac = pattern(16, 12)
    let bytes = report.encoded()
    #expect(bytes.count == 432 && report.body().count == 384)
    #expect(bytes[64] == 3 && bytes[128] == 4 && bytes[320] == 10 && bytes[416] == 12)
    #expect(try REPORT(bytes) == report)
    for reserved in [21, 96, 160, 262] {
      var wrong = bytes
      wrong[reserved] = 1
      #expect(throws: SGXError.generalProtection(.reservedBits)) { try REPORT(wrong) }
    }
    let target = TARGETINFO(of: report)
    #expect(target.measurement == report.mrenclave && target.configID == report.configID)
    #expect(try TARGETINFO(target.encoded()) == target)
    for reserved in [49, 56, 128, 511] {
      var wrong = target.encoded()
      wrong[reserved] = 1
      #expect(throws: SGXError.generalProtection(.reservedBits)) { try TARGETINFO(wrong) }
    }
  }

  @Test func keyrequest() throws {
    var request = KEYREQUEST(.seal, policy: [.MRSIGNER, .CONFIGID])
    request.isvSVN = 2
    request.cpuSVN = pattern(16, 1)
    request.attributeMask = ATTRIBUTES(flags: .all)
    request.keyID = pattern(32, 2)
    request.miscMask = 0xFFFF_FFFF
    request.configSVN = 4
    let bytes = request.encoded()
    #expect(bytes.count == 512 && bytes[0] == 4 && bytes[2] == 0x0A && bytes[40] == 2)
    #expect(try KEYREQUEST(bytes) == request)
    for reserved in [3, 7, 78, 511] {
      var wrong = bytes
      wrong[reserved] = 1
      #expect(throws: SGXError.generalProtection(.reservedBits)) { try KEYREQUEST(wrong) }
    }
  }

  @Test func ssaOffsets() {
    #expect(SSA.gprOffset(pages: 1) == 4096 - 184 && SSA.exinfoOffset(pages: 1) == 4096 - 200)
    let info = SSA.EXITINFO(rawValue: 0x8000_030E)
    #expect(info.isValid && info.vector == 14 && info.type == .hardware)
  }
}
