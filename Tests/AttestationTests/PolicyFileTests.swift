import Testing

@testable import Attestation

@Suite("Policy files")
struct PolicyFileTests {
  @Test("every key") func all() throws {
    let text = String(decoding: TestData.bytes("policies/every-key.toml"), as: UTF8.self)
    let policy = try PolicyFile.parse(text, readFile: { $0 == "key" ? [9] : [] })
    #expect(policy.mrenclave == [[UInt8](repeating: 0xAB, count: 32)])
    #expect(
      policy.signers == [.init(MRSIGNER: policy.mrenclave[0], ISVPRODID: 1, minimumISVSVN: 2)])
    #expect(policy.insecureAllowDebug && policy.requireHardware)
    #expect(policy.miscselect == .init(value: [1, 0, 0, 0], mask: [1, 0, 0, 0]))
    #expect(policy.xfrm?.mask == [UInt8](repeating: 255, count: 8))
    #expect(policy.td.rtmr.map(\.count) == [1, 1, 1, 1])
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
