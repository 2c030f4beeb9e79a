import Crypto
import SoftwareQuoting

@testable import Attestation

/// The policy, and what RA-TLS adds to it.
extension RuleTable {
  /// Evidence that passes the verification and, but for one rule, the policy.
  private static func policyCase(
    _ what: String, _ outcome: Verdict.Outcome = .refusedByPolicy,
    of evidence: MadeEvidence = MadeEvidence(), context: PolicyContext = PolicyContext(),
    _ change: @escaping (inout Policy) -> Void
  ) -> Case {
    Case(what, outcome) {
      var policy = Policy.default
      change(&policy)
      return try evidence.verdict(policy: policy, context: context)
    }
  }

  private static func report(_ change: (inout [UInt8]) -> Void) -> MadeEvidence {
    .with { change(&$0.report) }
  }

  private static let mrenclave = [UInt8](repeating: 0xE0, count: 32)
  private static let mrsigner = [UInt8](repeating: 0x51, count: 32)
  private static let other = [UInt8](repeating: 0xAA, count: 32)
  private static let all = [UInt8](repeating: 0xFF, count: 8)

  static func policy(_ rule: Rule) -> [Case] {
    switch rule {
    case .policyHardware: return [policyCase("a software machine") { $0.requireHardware = true }]
    case .policyDebug:
      return [policyCase("an enclave", of: report { $0[48] |= 2 }) { _ in }]
        + (0..<8).map { bit in
          policyCase("a TD, bit \(bit)", of: td { $0[120] = 1 << bit }) { _ in }
        }
    case .policyINIT: return [policyCase("", of: report { $0[48] = 0x04 }) { _ in }]
    case .policyMODE64BIT: return [policyCase("", of: report { $0[48] = 0x01 }) { _ in }]
    case .policyPROVISIONKEY: return [policyCase("", of: report { $0[48] = 0x15 }) { _ in }]
    case .policyEINITTOKEN_KEY: return [policyCase("", of: report { $0[48] = 0x25 }) { _ in }]
    case .policyATTRIBUTES:
      return [
        policyCase("a bit too many", of: report { $0[48] |= 0x40 }) {
          $0.attributes = .init(value: [5] + zeros(7), mask: all)
        },
        policyCase("a bit too few") { $0.attributes = .init(value: [0x85] + zeros(7), mask: all) },
      ]
    case .policyXFRM:
      return [policyCase("") { $0.xfrm = .init(value: [7] + zeros(7), mask: all) }]
    case .policyMISCSELECT:
      return [
        policyCase("", of: report { $0[16] = 2 }) {
          $0.miscselect = .init(value: zeros(4), mask: [2, 0, 0, 0])
        }
      ]
    case .policyForTDs: return [policyCase("an enclave") { $0.td.mrtd = [zeros(48)] }]
    case .policyForEnclaves: return [policyCase("a TD", of: .td()) { $0.mrenclave = [mrenclave] }]
    case .policyMRENCLAVE:
      return [
        policyCase("MRENCLAVE") { $0.mrenclave = [other] },
        policyCase("MRSIGNER") {
          $0.signers = [.init(MRSIGNER: other, ISVPRODID: 7, minimumISVSVN: 3)]
        },
      ]
    case .policyISVPRODID:
      return [
        policyCase("8") { $0.signers = [.init(MRSIGNER: mrsigner, ISVPRODID: 8, minimumISVSVN: 0)] }
      ]
    case .policyISVSVN:
      return [
        policyCase("4") { $0.signers = [.init(MRSIGNER: mrsigner, ISVPRODID: 7, minimumISVSVN: 4)] }
      ]
    case .policyKSS: return [policyCase("not set") { $0.configID = zeros(64) }]
    case .policyCONFIGID, .policyCONFIGSVN, .policyISVFAMILYID, .policyISVEXTPRODID:
      return [configuration(rule)]
    case .policyRevoked, .policyStatus, .policyGracePeriod, .policyRefusedAdvisory,
      .policyUnknownAdvisories, .policyAdvisories, .policyEvaluationNumber:
      return tcbPolicy(rule)
    case .policyPPID: return [policyCase("") { $0.ppid = [[1] + zeros(15)] }]
    case .policyPlatformInstanceID:
      return [policyCase("") { $0.platformInstanceID = [[1] + zeros(15)] }]
    case .policyFMSPC: return [policyCase("") { $0.fmspc = [zeros(6)] }]
    default: return binding(rule)
    }
  }

  private static func configuration(_ rule: Rule) -> Case {
    policyCase("", of: report { $0[48] |= 0x80 }) {
      switch rule {
      case .policyCONFIGID: $0.configID = zeros(63) + [1]
      case .policyCONFIGSVN: $0.minimumConfigSVN = 1
      case .policyISVFAMILYID: $0.isvFamilyID = [1] + zeros(15)
      default: $0.isvExtProdID = zeros(15) + [1]
      }
    }
  }

  private static func tcbPolicy(_ rule: Rule) -> [Case] {
    func level(_ status: String, _ advisories: [String] = ["INTEL-SA-1"]) -> MadeEvidence {
      .with {
        $0.tcbInfo.levels[0].status = status
        $0.tcbInfo.levels[0].advisories = advisories
        $0.tcbInfo.levels[0].date = "2026-02-19T12:00:00Z"  // ten days before
      }
    }
    func lenient(_ policy: inout Policy) {
      policy.statuses = Set(TCBStatus.allCases)
      policy.allowedAdvisories = ["INTEL-SA-1"]
      policy.outOfDateGraceDays = 3650
    }
    switch rule {
    case .policyRevoked:
      return [policyCase("by the most lenient policy", of: level("Revoked"), lenient)]
    case .policyStatus:
      return TCBStatus.ofLevels.filter { $0 != .Revoked }.map { status in
        policyCase(status.rawValue, of: level(status.rawValue)) {
          lenient(&$0)
          $0.statuses.remove(status)
        }
      }
    case .policyGracePeriod:
      return ["OutOfDate", "OutOfDateConfigurationNeeded"].flatMap { status in
        [
          policyCase("\(status), over", of: level(status)) {
            lenient(&$0)
            $0.outOfDateGraceDays = 9
          },
          policyCase("\(status), none given", of: level(status)) {
            lenient(&$0)
            $0.outOfDateGraceDays = nil
          },
        ]
      }
    case .policyRefusedAdvisory:
      return [
        policyCase("though UpToDate", of: level("UpToDate")) {
          $0.refusedAdvisories = ["INTEL-SA-1"]
        },
        policyCase("though allowed as well", of: level("SWHardeningNeeded")) {
          lenient(&$0)
          $0.refusedAdvisories = ["INTEL-SA-1"]
        },
      ]
    case .policyUnknownAdvisories:
      return [
        Case("TCB info of version 2", .refusedByPolicy) {
          let old = TestCase(folder: "quotes/sgx-v3-00906ed50000-334652-202205-SWHardeningNeeded")
          let at = (old.info["expect"] as! [[String: Any]])[0]["at"] as! Int
          var policy = Policy.default
          policy.insecureAllowDebug = true
          policy.allowedAdvisories = ["INTEL-SA-00334"]
          return Verifier().verify(
            old.quote, collateral: old.collateral, at: Timestamp(secondsSince1970: Int64(at)),
            policy: policy)
        }
      ]
    case .policyAdvisories:
      return [
        policyCase("by the default policy", of: level("SWHardeningNeeded")) { _ in },
        policyCase("one of two", of: level("SWHardeningNeeded", ["INTEL-SA-1", "INTEL-SA-2"])) {
          $0.allowedAdvisories = ["INTEL-SA-1"]
        },
        policyCase("none, and no list", of: level("SWHardeningNeeded", [])) { _ in },
        policyCase(
          "the quoting enclave's",
          of: {
            var evidence = level("SWHardeningNeeded", [])
            evidence.qeIdentity.levels = [(1, "UpToDate", ["INTEL-SA-3"])]
            return evidence
          }()
        ) { $0.allowedAdvisories = ["INTEL-SA-1"] },
      ]
    case .policyEvaluationNumber:
      let numbers = MadeEvidence.with {
        $0.tcbInfo.evaluationDataNumber = 20
        $0.qeIdentity.evaluationDataNumber = 19
      }
      return [policyCase("", of: numbers) { $0.minimumEvaluationDataNumber = 20 }]
    default: return []
    }
  }

  private static func binding(_ rule: Rule) -> [Case] {
    let time = MadeEvidence.time
    switch rule {
    case .policyReportData:
      return [0, 31, 32, 63].map { index in
        policyCase("byte \(index)") {
          var data = zeros(64)
          data[index] = 1
          $0.reportData = .exact(data)
        }
      } + [
        policyCase("SHA-256") { $0.reportData = .sha256([.bytes([1])]) },
        policyCase("SHA-512") { $0.reportData = .sha512([.bytes([1])]) },
        policyCase(
          "SHA-256, and something behind it",
          of: report {
            $0.replaceSubrange(320..<352, with: Array(SHA256.hash(data: [1])))
            $0[383] = 1
          }
        ) { $0.reportData = .sha256([.bytes([1])]) },
      ]
    case .policyReportDataNonce:
      return [policyCase("none given", .undecided) { $0.reportData = .sha256([.nonce]) }]
    case .policyNonce:
      return [
        policyCase("another") { $0.nonce = [1] },
        policyCase(
          "its beginning only",
          of: report {
            $0[320] = 1; $0[321] = 2
          }
        ) { $0.nonce = [1] },
        policyCase("empty") { $0.nonce = [] },
      ]
    case .policyCollateralAge:
      return [
        ("TCB info", MadeEvidence.with { $0.tcbInfo.issueDate = after(-100) }),
        ("QE identity", .with { $0.qeIdentity.issueDate = after(-100) }),
        ("PCK CRL", .with { $0.pckCRL.thisUpdate = after(-100) }),
      ].map { what, evidence in
        policyCase(what, of: evidence) { $0.maximumCollateralAgeSeconds = 99 }
      }
    case .policyEvidenceAge:
      return [
        policyCase("too old", context: .init(evidenceTime: time.adding(seconds: -100))) {
          $0.maximumEvidenceAgeSeconds = 99
        },
        policyCase("from the future", context: .init(evidenceTime: time.adding(seconds: 301))) {
          $0.maximumEvidenceAgeSeconds = 99
        },
      ]
    case .policyEvidenceTime:
      return [policyCase("not given", .undecided) { $0.maximumEvidenceAgeSeconds = 99 }]
    default: return []
    }
  }

  /// A TD of version 1.5, so that MRSERVICETD is there.
  private static func td(_ change: (inout [UInt8]) -> Void) -> MadeEvidence {
    var evidence = MadeEvidence.td(version15: true)
    var body = zeros(648)
    body.replaceSubrange(0..<3, with: [5, 1, 3])
    body[123] = 0x10
    body.replaceSubrange(584..<587, with: [5, 1, 3])
    change(&body)
    evidence.setTD(body)
    return evidence
  }

  static func tdPolicy(_ rule: Rule) -> [Case] {
    func one(_ what: String = "", _ change: @escaping (inout TDRules) -> Void) -> [Case] {
      [policyCase(what, of: td { _ in }) { change(&$0.td) }]
    }
    let wrong = [[1] + zeros(47)]
    switch rule {
    case .policyMRTD: return one { $0.mrtd = wrong }
    case .policyRTMR: return (0..<4).flatMap { index in one("\(index)") { $0.rtmr[index] = wrong } }
    case .policyMRSEAM: return one { $0.mrseam = wrong }
    case .policyMRCONFIGID: return one { $0.mrconfigid = wrong }
    case .policyMROWNER: return one { $0.mrowner = wrong }
    case .policyMROWNERCONFIG: return one { $0.mrownerconfig = wrong }
    case .policyMRSERVICETD:
      return one("another") { $0.mrservicetd = wrong }
        + [policyCase("none in a report 1.0", of: .td()) { $0.td.mrservicetd = [zeros(48)] }]
    case .policyTDATTRIBUTES: return one { $0.attributes = .init(value: zeros(8), mask: all) }
    case .policyXFAM: return one { $0.xfam = .init(value: [3] + zeros(7), mask: all) }
    default: return []
    }
  }

  static func ratls(_ rule: Rule) -> [Case] {
    /// A certificate whose quote is never looked at: these rules come first.
    func check(_ outcome: Verdict.Outcome, _ policy: Policy) -> [Case] {
      [
        Case("", outcome) {
          let made = try RATLSCertificate(nonce: [1], at: MadeEvidence.time) { _ in [1, 2, 3] }
          return Verifier().verify(
            ratlsCertificate: made.der, collateral: PreparedCollateral(Collateral()),
            at: MadeEvidence.time, policy: policy)
        }
      ]
    }
    var policy = Policy.default
    switch rule {
    case .ratlsFormat:
      return [
        Case("a certificate without evidence", .refusedByVerification) {
          Verifier().verify(
            ratlsCertificate: TestData.bytes("intel_sgx_root_ca.der"),
            collateral: PreparedCollateral(Collateral()), at: MadeEvidence.time)
        }
      ]
    case .ratlsNonce:
      policy.nonce = [2]
      return check(.refusedByVerification, policy)
    case .ratlsReportDataRule:
      policy.reportData = .exact(zeros(64))
      return check(.undecided, policy)
    default: return []
    }
  }
}
