import Crypto
import Testing

@testable import Attestation

/// Verified evidence and a policy of which one rule refuses it.
@Suite("Each policy rule decides alone")
struct PolicyTests {
  private func check(
    _ id: Step.ID, _ evidence: MadeEvidence = MadeEvidence(),
    context: PolicyContext = PolicyContext(), sourceLocation: SourceLocation = #_sourceLocation,
    good: (inout Policy) -> Void, bad: (inout Policy) -> Void
  ) throws {
    var policy = Policy.default
    good(&policy)
    let passed = try evidence.verdict(policy: policy, context: context)
    #expect(passed.isAccepted, Comment(rawValue: passed.text), sourceLocation: sourceLocation)
    policy = .default
    bad(&policy)
    let refused = try evidence.verdict(policy: policy, context: context)
    let text = Comment(rawValue: refused.text)
    #expect(refused.outcome == .refusedByPolicy, text, sourceLocation: sourceLocation)
    #expect(refused.exitCode == 2, sourceLocation: sourceLocation)
    #expect(
      refused.steps.filter { $0.outcome == .refused }.map(\.id) == [id], text,
      sourceLocation: sourceLocation)
    // The status is known all the same: it is not the acceptance.
    #expect(refused.status != nil, sourceLocation: sourceLocation)
  }

  private let mrenclave = [UInt8](repeating: 0xE0, count: 32)
  private let mrsigner = [UInt8](repeating: 0x51, count: 32)
  private let other = [UInt8](repeating: 0xAA, count: 32)

  @Test("MRENCLAVE") func mrenclaveList() throws {
    try check(
      .policyIdentity, good: { $0.mrenclave = [other, mrenclave] }, bad: { $0.mrenclave = [other] })
  }
  @Test("MRSIGNER") func signer() throws {
    try check(
      .policyIdentity,
      good: { $0.signers = [.init(MRSIGNER: mrsigner, ISVPRODID: 7, minimumISVSVN: 3)] },
      bad: { $0.signers = [.init(MRSIGNER: other, ISVPRODID: 7, minimumISVSVN: 3)] })
  }
  @Test("ISVPRODID") func product() throws {
    try check(
      .policyIdentity,
      good: { $0.signers = [.init(MRSIGNER: mrsigner, ISVPRODID: 7, minimumISVSVN: 0)] },
      bad: { $0.signers = [.init(MRSIGNER: mrsigner, ISVPRODID: 8, minimumISVSVN: 0)] })
  }
  @Test("minimum ISVSVN") func svn() throws {
    try check(
      .policyIdentity,
      good: { $0.signers = [.init(MRSIGNER: mrsigner, ISVPRODID: 7, minimumISVSVN: 3)] },
      bad: { $0.signers = [.init(MRSIGNER: mrsigner, ISVPRODID: 7, minimumISVSVN: 4)] })
  }
  @Test("one of several enclaves and signers is enough") func either() throws {
    var policy = Policy.default
    policy.mrenclave = [other]
    policy.signers = [
      .init(MRSIGNER: other, ISVPRODID: 7, minimumISVSVN: 0),
      .init(MRSIGNER: mrsigner, ISVPRODID: 1, minimumISVSVN: 0),
      .init(MRSIGNER: mrsigner, ISVPRODID: 7, minimumISVSVN: 1),
    ]
    #expect(try MadeEvidence().verdict(policy: policy).isAccepted)
  }
  @Test("DEBUG is refused, and allowed only by insecure_allow_debug") func debug() throws {
    try check(
      .policyDebug, .with { $0.report[48] |= 2 }, good: { $0.insecureAllowDebug = true },
      bad: { _ in })
  }
  @Test("MODE64BIT, PROVISIONKEY, EINITTOKEN_KEY by default", arguments: [0x01, 0x15, 0x25])
  func defaultAttributes(_ flags: UInt8) throws {
    try check(
      .policyAttributes, .with { $0.report[48] = flags },
      good: {
        $0.attributes = .init(
          value: [flags, 0, 0, 0, 0, 0, 0, 0], mask: [UInt8](repeating: 0xFF, count: 8))
      }, bad: { _ in })
  }
  @Test("ATTRIBUTES with a mask") func attributes() throws {
    try check(
      .policyAttributes, .with { $0.report[48] |= 0x40 },
      good: {
        $0.attributes = .init(
          value: [5, 0, 0, 0, 0, 0, 0, 0], mask: [0xBF, 255, 0, 0, 0, 0, 0, 0])
      },
      bad: {
        $0.attributes = .init(
          value: [5, 0, 0, 0, 0, 0, 0, 0], mask: [0xFF, 255, 0, 0, 0, 0, 0, 0])
      })
  }
  @Test("XFRM with a mask") func xfrm() throws {
    try check(
      .policyAttributes, .with { $0.report[56] = 0xE7 },
      good: { $0.xfrm = .init(value: [3] + zero(7), mask: [0x1B] + zero(7)) },
      bad: { $0.xfrm = .init(value: [3] + zero(7), mask: [0xFF] + zero(7)) })
  }
  @Test("MISCSELECT with a mask") func miscselect() throws {
    try check(
      .policyAttributes, .with { $0.report[16] = 3 },
      good: { $0.miscselect = .init(value: [1, 0, 0, 0], mask: [1, 255, 255, 255]) },
      bad: { $0.miscselect = .init(value: [1, 0, 0, 0], mask: [255, 255, 255, 255]) })
  }
  @Test("CONFIGID, CONFIGSVN, ISVFAMILYID, ISVEXTPRODID", arguments: 0..<4)
  func configuration(_ which: Int) throws {
    let evidence = MadeEvidence.with {
      $0.report[48] |= 0x80
      $0.report[192] = 9
      $0.report[260] = 4
      $0.report[304] = 2
      $0.report[32] = 6
    }
    func set(_ policy: inout Policy, _ off: UInt8) {
      switch which {
      case 0: policy.configID = [9 + off] + zero(63)
      case 1: policy.minimumConfigSVN = 4 + UInt16(off)
      case 2: policy.isvFamilyID = [2 + off] + zero(15)
      default: policy.isvExtProdID = [6 + off] + zero(15)
      }
    }
    try check(.policyConfiguration, evidence, good: { set(&$0, 0) }, bad: { set(&$0, 1) })
  }
  @Test("CONFIGID means nothing without KSS") func kss() throws {
    try check(.policyConfiguration, good: { _ in }, bad: { $0.configID = zero(64) })
  }
  @Test(
    "statuses",
    arguments: [
      TCBStatus.SWHardeningNeeded, .ConfigurationNeeded, .ConfigurationAndSWHardeningNeeded,
    ])
  func status(_ status: TCBStatus) throws {
    let evidence = MadeEvidence.with {
      $0.tcbInfo.levels[0].status = status.rawValue
      $0.tcbInfo.levels[0].advisories = ["INTEL-SA-1"]
    }
    try check(
      .policyTCBStatus, evidence,
      good: {
        $0.statuses = [.UpToDate, status]
        $0.allowedAdvisories = ["INTEL-SA-1"]
      },
      bad: {
        $0.statuses = [.UpToDate]
        $0.allowedAdvisories = ["INTEL-SA-1"]
      })
  }
  @Test("UpToDate can be refused, too") func upToDate() throws {
    try check(.policyTCBStatus, good: { _ in }, bad: { $0.statuses = [] })
  }
  @Test("OutOfDate within the grace period") func grace() throws {
    let evidence = MadeEvidence.with {
      $0.tcbInfo.levels[0].status = "OutOfDate"
      $0.tcbInfo.levels[0].advisories = ["INTEL-SA-1"]
      $0.tcbInfo.levels[0].date = "2026-02-19T12:00:00Z"  // ten days before
    }
    func set(_ policy: inout Policy, _ days: Int) {
      policy.statuses = [.OutOfDate]
      policy.allowedAdvisories = ["INTEL-SA-1"]
      policy.outOfDateGraceDays = days
    }
    try check(.policyTCBStatus, evidence, good: { set(&$0, 10) }, bad: { set(&$0, 9) })
  }
  @Test("Revoked is never accepted") func revoked() throws {
    var policy = Policy.default
    policy.statuses = Set(TCBStatus.allCases)
    policy.allowedAdvisories = ["INTEL-SA-1"]
    policy.outOfDateGraceDays = 3650
    let evidence = MadeEvidence.with {
      $0.tcbInfo.levels[0].status = "Revoked"
      $0.tcbInfo.levels[0].advisories = ["INTEL-SA-1"]
    }
    let verdict = try evidence.verdict(policy: policy)
    #expect(verdict.status == .Revoked)
    #expect(verdict.steps.filter { $0.outcome == .refused }.map(\.id) == [.policyTCBStatus])
  }
  @Test("advisories: all must be allowed, those of platform and QE")
  func advisories() throws {
    let evidence = MadeEvidence.with {
      $0.tcbInfo.levels[0].status = "SWHardeningNeeded"
      $0.tcbInfo.levels[0].advisories = ["INTEL-SA-1", "INTEL-SA-2"]
      $0.qeIdentity.levels = [(1, "UpToDate", ["INTEL-SA-3"])]
    }
    for missing in 1...3 {
      let all: Set = ["INTEL-SA-1", "INTEL-SA-2", "INTEL-SA-3"]
      try check(
        .policyAdvisories, evidence, good: { $0.allowedAdvisories = all },
        bad: { $0.allowedAdvisories = all.subtracting(["INTEL-SA-\(missing)"]) })
    }
  }
  @Test("a status without advisories still needs an allow-list") func noAdvisories() throws {
    let evidence = MadeEvidence.with { $0.tcbInfo.levels[0].status = "SWHardeningNeeded" }
    try check(
      .policyAdvisories, evidence, good: { $0.allowedAdvisories = ["INTEL-SA-1"] }, bad: { _ in })
  }
  @Test("refused advisories count even when UpToDate") func refusedAdvisories() throws {
    let evidence = MadeEvidence.with { $0.tcbInfo.levels[0].advisories = ["INTEL-SA-1"] }
    try check(
      .policyAdvisories, evidence, good: { $0.refusedAdvisories = ["INTEL-SA-2"] },
      bad: { $0.refusedAdvisories = ["INTEL-SA-1"] })
  }
  @Test("TCB evaluation data number, the lower of the two documents") func number() throws {
    let evidence = MadeEvidence.with {
      $0.tcbInfo.evaluationDataNumber = 20
      $0.qeIdentity.evaluationDataNumber = 19
    }
    try check(
      .policyEvaluationNumber, evidence, good: { $0.minimumEvaluationDataNumber = 19 },
      bad: { $0.minimumEvaluationDataNumber = 20 })
  }
  @Test("PPID, platform instance id, FMSPC", arguments: 0..<3)
  func platform(_ which: Int) throws {
    let evidence = MadeEvidence.with {
      $0.pki.sgx.ppid[0] = 1
      $0.pki.sgx.platformInstanceID[0] = 2
    }
    func set(_ policy: inout Policy, _ off: UInt8) {
      switch which {
      case 0: policy.ppid = [[1 + off] + zero(15)]
      case 1: policy.platformInstanceID = [[2 + off] + zero(15)]
      default: policy.fmspc = [[0x43 + off, 0x4C, 0x4F, 0x49, 0x53, 0x54]]
      }
    }
    try check(.policyPlatform, evidence, good: { set(&$0, 0) }, bad: { set(&$0, 1) })
  }
  @Test("REPORTDATA, every byte of it", arguments: [0, 31, 32, 63])
  func reportData(_ offset: Int) throws {
    let data = (0..<64).map { UInt8($0) }
    let evidence = MadeEvidence.with { $0.report.replaceSubrange(320..<384, with: data) }
    var wrong = data
    wrong[offset] ^= 1
    try check(
      .policyReportData, evidence, good: { $0.reportData = .exact(data) },
      bad: { $0.reportData = .exact(wrong) })
  }
  @Test("REPORTDATA as a hash of things") func reportDataHash() throws {
    let hash = Array(SHA256.hash(data: Array("label".utf8) + [1, 2, 3])) + zero(32)
    let evidence = MadeEvidence.with { $0.report.replaceSubrange(320..<384, with: hash) }
    try check(
      .policyReportData, evidence,
      good: {
        $0.reportData = .sha256([.bytes(Array("label".utf8)), .nonce])
        $0.nonce = [1, 2, 3]
      },
      bad: {
        $0.reportData = .sha256([.bytes(Array("label".utf8)), .nonce])
        $0.nonce = [1, 2, 4]
      })
    let long = Array(SHA512.hash(data: [7]))
    try check(
      .policyReportData, .with { $0.report.replaceSubrange(320..<384, with: long) },
      good: { $0.reportData = .sha512([.bytes([7])]) },
      bad: { $0.reportData = .sha512([.bytes([8])]) })
  }
  @Test("a hash that needs a nonce is undecided without one") func missingNonce() throws {
    var policy = Policy.default
    policy.reportData = .sha256([.nonce])
    #expect(try MadeEvidence().verdict(policy: policy).outcome == .undecided)
  }
  @Test("the nonce, followed by zeros") func nonce() throws {
    let evidence = MadeEvidence.with { $0.report.replaceSubrange(320..<324, with: [1, 2, 3, 4]) }
    try check(
      .policyNonce, evidence, good: { $0.nonce = [1, 2, 3, 4] }, bad: { $0.nonce = [1, 2, 3] })
  }
  @Test("the age of collateral") func collateralAge() throws {
    let evidence = MadeEvidence.with {
      $0.pckCRL.thisUpdate = MadeEvidence.time.adding(seconds: -100)
    }
    try check(
      .policyCollateralAge, evidence, good: { $0.maximumCollateralAgeSeconds = 100 },
      bad: { $0.maximumCollateralAgeSeconds = 99 })
  }
  @Test("the age of evidence") func evidenceAge() throws {
    let context = PolicyContext(evidenceTime: MadeEvidence.time.adding(seconds: -100))
    try check(
      .policyEvidenceAge, context: context, good: { $0.maximumEvidenceAgeSeconds = 100 },
      bad: { $0.maximumEvidenceAgeSeconds = 99 })
    var policy = Policy.default
    policy.maximumEvidenceAgeSeconds = 100
    #expect(try MadeEvidence().verdict(policy: policy).outcome == .undecided)
  }
  @Test("require_hardware refuses a software machine whose root is trusted") func hardware() throws
  {
    try check(.policyHardware, good: { _ in }, bad: { $0.requireHardware = true })
  }
  @Test("MRTD") func mrtd() throws {
    try check(
      .policyIdentity, .td(), good: { $0.td.mrtd = [[0xAD] + zero(47)] },
      bad: { $0.td.mrtd = [[0xAE] + zero(47)] })
  }
  @Test("RTMRs, MRSEAM, MRCONFIGID, MROWNER, MROWNERCONFIG, XFAM, TDATTRIBUTES", arguments: 0..<10)
  func td(_ which: Int) throws {
    func set(_ policy: inout Policy, _ value: UInt8) {
      let list = [[value] + zero(47)]
      switch which {
      case 0...3: policy.td.rtmr[which] = list
      case 4: policy.td.mrseam = list
      case 5: policy.td.mrconfigid = list
      case 6: policy.td.mrowner = list
      case 7: policy.td.mrownerconfig = list
      case 8:
        policy.td.xfam = .init(value: [value] + zero(7), mask: [UInt8](repeating: 255, count: 8))
      default:
        policy.td.attributes = .init(
          value: [0, 0, 0, 0x10 + value, 0, 0, 0, 0], mask: [UInt8](repeating: 255, count: 8))
      }
    }
    try check(.policyTD, .td(), good: { set(&$0, 0) }, bad: { set(&$0, 1) })
  }
  @Test("a policy for enclaves refuses TDs, and the other way round") func mixed() throws {
    try check(
      .policyIdentity, .td(), good: { _ in }, bad: { $0.mrenclave = [mrenclave] })
    try check(
      .policyIdentity, good: { _ in }, bad: { $0.td.mrtd = [zero(48)] })
  }
  @Test("TCB info of version 2 knows no advisories, so only UpToDate passes") func version2() {
    let testCase = TestCase(folder: "quotes/sgx-v3-00906ed50000-334652-202205-SWHardeningNeeded")
    var policy = Policy.default
    policy.insecureAllowDebug = true
    policy.allowedAdvisories = ["INTEL-SA-00334"]
    let at = (testCase.info["expect"] as! [[String: Any]])[0]["at"] as! Int
    let verdict = Verifier().verify(
      testCase.quote, collateral: testCase.collateral,
      at: Timestamp(secondsSince1970: Int64(at)), policy: policy)
    #expect(verdict.steps.filter { $0.outcome == .refused }.map(\.id) == [.policyAdvisories])
  }

  private func zero(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
}
