import Testing

@testable import Attestation

@Suite("Policy files")
struct PolicyFileTests {
  @Test("every key") func all() throws {
    let b32 = String(repeating: "ab", count: 32)
    let b48 = String(repeating: "cd", count: 48)
    let b16 = String(repeating: "01", count: 16)
    let policy = try PolicyFile.parse(
      """
      [enclave]
      mrenclave = ["\(b32)"]
      insecure_allow_debug = true
      attributes = "0500000000000000"
      attributes_mask = "ffffffffffffffff"
      xfrm = "0300000000000000"
      miscselect = "01000000"
      miscselect_mask = "01000000"
      configid = "\(b32)\(b32)"
      minimum_configsvn = 2
      isvfamilyid = "\(b16)"
      isvextprodid = "\(b16)"
      [[enclave.signer]]
      mrsigner = "\(b32)"
      isvprodid = 1
      minimum_isvsvn = 2
      [td]
      mrtd = ["\(b48)"]
      rtmr0 = ["\(b48)"]
      rtmr3 = ["\(b48)"]
      mrseam = ["\(b48)"]
      mrconfigid = ["\(b48)"]
      mrowner = ["\(b48)"]
      mrownerconfig = ["\(b48)"]
      mrservicetd = ["\(b48)"]
      attributes = "0000001000000000"
      xfam = "e700060000000000"
      [tcb]
      accepted_statuses = ["UpToDate", "OutOfDate"]
      allowed_advisories = ["INTEL-SA-00615"]
      refused_advisories = ["INTEL-SA-00001"]
      out_of_date_grace_days = 30
      minimum_evaluation_data_number = 17
      [platform]
      ppid = ["\(b16)"]
      piid = ["\(b16)"]
      fmspc = ["00606a000000"]
      require_hardware = true
      [report_data]
      sha256 = ["text:label", "hex:0102", "file:key", "nonce"]
      [freshness]
      nonce = "0a0b"
      maximum_collateral_age_days = 7
      maximum_evidence_age_seconds = 60
      """, readFile: { $0 == "key" ? [9] : [] })
    #expect(policy.mrenclave == [[UInt8](repeating: 0xAB, count: 32)])
    #expect(
      policy.signers == [.init(MRSIGNER: policy.mrenclave[0], ISVPRODID: 1, minimumISVSVN: 2)])
    #expect(policy.insecureAllowDebug && policy.requireHardware)
    #expect(policy.miscselect == .init(value: [1, 0, 0, 0], mask: [1, 0, 0, 0]))
    #expect(policy.xfrm?.mask == [UInt8](repeating: 255, count: 8))
    #expect(policy.td.rtmr.map(\.count) == [1, 0, 0, 1])
    #expect(policy.statuses == [.UpToDate, .OutOfDate] && policy.outOfDateGraceDays == 30)
    #expect(policy.minimumEvaluationDataNumber == 17 && policy.fmspc.count == 1)
    #expect(
      policy.reportData
        == .sha256([.bytes(Array("label".utf8)), .bytes([1, 2]), .bytes([9]), .nonce]))
    #expect(policy.nonce == [10, 11] && policy.maximumCollateralAgeSeconds == 7 * 86400)
    #expect(policy.maximumEvidenceAgeSeconds == 60)
  }

  @Test("an empty file is the default policy") func empty() throws {
    let policy = try PolicyFile.parse("")
    #expect(policy.statuses == [.UpToDate, .SWHardeningNeeded])
    #expect(policy.allowedAdvisories.isEmpty && !policy.insecureAllowDebug)
  }

  @Test(
    "mistakes are errors that name the key",
    arguments: [
      ("[enclave]\nmrenclav = []", "enclave.mrenclav; did you mean mrenclave?"),
      ("[tbc]", "tbc; did you mean tcb?"),
      ("[tcb]\naccepted_statuses = [\"Uptodate\"]", "did you mean UpToDate?"),
      ("[tcb]\naccepted_statuses = [\"Revoked\"]", "Revoked cannot be accepted"),
      ("[tcb]\naccepted_statuses = [\"OutOfDate\"]", "out_of_date_grace_days"),
      ("[tcb]\nout_of_date_grace_days = 3", "OutOfDate"),
      ("[enclave]\nmrenclave = []", "is empty"),
      ("[enclave]\nmrenclave = [\"00\"]", "is not 32 bytes"),
      ("[enclave]\nmrenclave = \"00\"", "is not a list"),
      ("[enclave]\nattributes_mask = \"0000000000000000\"", "without"),
      (
        "[enclave]\nattributes = \"0500000000000000\"\nattributes_mask = \"0400000000000000\"",
        "leaves out"
      ),
      ("[[enclave.signer]]\nmrsigner = \"00\"", "enclave.signer.mrsigner"),
      ("[report_data]\n", "exactly one"),
      ("[report_data]\nsha256 = [\"key\"]", "none of"),
      ("[report_data]\nsha256 = [\"file:key\"]", "cannot read"),
      ("[platform]\nrequire_hardware = 1", "is not true or false"),
      ("[freshness]\nnonce = \"\"", "1 to 64 bytes"),
      ("[freshness]\nmaximum_collateral_age_days = -1", "is not an integer"),
      ("software = true", "unknown key software"),
      ("= 3", "line 1"),
    ])
  func mistakes(_ text: String, _ expected: String) {
    #expect {
      try PolicyFile.parse(text)
    } throws: { error in
      "\(error)".contains(expected)
    }
  }
}
