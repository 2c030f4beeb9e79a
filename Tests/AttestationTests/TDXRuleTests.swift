import Testing

@testable import Attestation

@Suite("Each TDX rule decides alone")
struct TDXRuleTests {
  private func expect(
    _ code: Stop.Code, at step: Step.ID, _ evidence: MadeEvidence,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let verdict = try evidence.verdict()
    let failed = verdict.steps.filter { $0.outcome == .refused && $0.id != .tcbStatus }
    #expect(
      failed.map(\.id) == [step], Comment(rawValue: verdict.text), sourceLocation: sourceLocation)
    #expect(failed.first?.code == code, sourceLocation: sourceLocation)
  }

  private func td(_ change: (inout [UInt8]) -> Void) -> MadeEvidence {
    var evidence = MadeEvidence.td()
    var body = [UInt8](repeating: 0, count: 584)
    body[0] = 5
    body[1] = 1
    body[2] = 3
    body[123] = 0x10
    change(&body)
    evidence.setTD(body)
    return evidence
  }

  @Test("MRSIGNERSEAM") func mrsignerseam() throws {
    try expect(.TDX_MODULE_MISMATCH, at: .tdxModule, td { $0[64] = 1 })
  }
  @Test("SEAMATTRIBUTES") func seamattributes() throws {
    try expect(.TDX_MODULE_MISMATCH, at: .tdxModule, td { $0[112] = 1 })
  }
  @Test("a module version that the TCB info does not know") func moduleVersion() throws {
    try expect(.TDX_MODULE_MISMATCH, at: .tdxModule, td { $0[1] = 2 })
  }
  @Test("a module SVN below all levels") func moduleSVN() throws {
    try expect(.TCB_NOT_SUPPORTED, at: .tcbLevel, td { $0[0] = 1 })
  }
  @Test("TEE_TCB_SVN below the level's") func component() throws {
    try expect(.TCB_NOT_SUPPORTED, at: .tcbLevel, td { $0[2] = 2 })
  }
  @Test("bytes 0 and 1 count when there is no module version") func oldModule() throws {
    try expect(
      .TCB_NOT_SUPPORTED, at: .tcbLevel,
      td {
        $0[0] = 8
        $0[1] = 0
      })
  }
  @Test("module status converges", arguments: [(5, "UpToDate"), (3, "OutOfDate"), (2, "Revoked")])
  func moduleStatus(_ svn: UInt8, _ status: String) throws {
    #expect(try td { $0[0] = svn }.verdict().status?.rawValue == status)
  }
  @Test("the identity must be TD_QE's") func identity() throws {
    var evidence = MadeEvidence.td()
    evidence.qeIdentity.id = "QE"
    try expect(.QE_IDENTITY_MISMATCH, at: .qeIdentityMatch, evidence)
  }
  @Test("TCB info for SGX with a TD quote") func sgxInfo() throws {
    var evidence = MadeEvidence.td()
    evidence.tcbInfo.id = "SGX"
    let verdict = try evidence.verdict()
    #expect(verdict.steps.contains { $0.code == .TCB_INFO_MISMATCH })
    #expect(verdict.outcome == .refusedByVerification)
  }
  @Test("a debug TD is refused by the default policy, whichever bit of the group", arguments: 0..<8)
  func debug(_ bit: Int) throws {
    let verdict = try td { $0[120] = 1 << bit }.verdict()
    #expect(verdict.outcome == .refusedByPolicy)
    #expect(verdict.steps.contains { $0.id == .policyDebug && $0.outcome == .refused })
  }

  // TD 1.5: relaunch is advised only if nothing but the TD's start is old.

  private func relaunch(_ change: (inout MadeEvidence, inout [UInt8]) -> Void) throws -> TCBStatus?
  {
    var evidence = MadeEvidence.td(version15: true)
    var body = [UInt8](repeating: 0, count: 648)
    body.replaceSubrange(0..<3, with: [3, 1, 3])
    body[123] = 0x10
    body.replaceSubrange(584..<587, with: [5, 1, 3])
    change(&evidence, &body)
    evidence.setTD(body)
    return try evidence.verdict().status
  }

  @Test("TDRelaunchAdvised") func advised() throws {
    #expect(try relaunch { _, _ in } == .TDRelaunchAdvised)
  }
  @Test("not if the module now loaded is old as well") func oldNow() throws {
    #expect(try relaunch { $1[584] = 4 } == .OutOfDate)
    #expect(try relaunch { $1[586] = 2 } == .OutOfDate)
    #expect(try relaunch { $1[585] = 0 } == .OutOfDate)
    #expect(try relaunch { $1[585] = 2 } == .OutOfDate)
  }
  @Test("not if the quoting enclave is old") func oldQE() throws {
    #expect(
      try relaunch { e, _ in e.qeIdentity.levels = [(1, "OutOfDate", [])] } == .OutOfDate)
  }
  @Test("not if the platform is old") func oldPlatform() throws {
    #expect(try relaunch { e, _ in e.tcbInfo.levels[0].status = "OutOfDate" } == .OutOfDate)
  }
  @Test("with configuration") func configuration() throws {
    #expect(
      try relaunch { e, _ in e.tcbInfo.levels[0].status = "ConfigurationNeeded" }
        == .TDRelaunchAdvisedConfigurationNeeded)
  }
}

@Suite("Convergence")
struct ConvergenceTests {
  @Test("every pair, as in the reference") func table() {
    for level in TCBStatus.allCases {
      #expect(Convergence.converge(level, with: .UpToDate) == level)
      #expect(Convergence.converge(level, with: .Revoked) == .Revoked)
    }
    let outOfDate: [TCBStatus: TCBStatus] = [
      .UpToDate: .OutOfDate, .SWHardeningNeeded: .OutOfDate,
      .ConfigurationNeeded: .OutOfDateConfigurationNeeded,
      .ConfigurationAndSWHardeningNeeded: .OutOfDateConfigurationNeeded,
      .OutOfDate: .OutOfDate, .OutOfDateConfigurationNeeded: .OutOfDateConfigurationNeeded,
      .Revoked: .Revoked,
    ]
    for (level, expected) in outOfDate {
      #expect(Convergence.converge(level, with: .OutOfDate) == expected)
    }
  }
}
