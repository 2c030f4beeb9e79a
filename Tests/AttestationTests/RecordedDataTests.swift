import Foundation
import Testing

@testable import Attestation

/// The recorded data besides the cases: other sources, malformed documents, odd forms.
@Suite("Recorded data")
struct RecordedDataTests {
  @Test(
    "malformed documents",
    arguments: TestData.files(in: "malformed").filter { $0.hasSuffix("json") })
  func malformed(_ name: String) {
    let text = TestData.bytes("malformed/\(name)")
    let isIdentity = name.hasPrefix("qe_") || name.hasPrefix("fortanix")
    // These two parse in the reference; their signatures are dummies.
    if name == "qe_identity_with_advisoryids.json" {
      #expect(
        (try? QEIdentity(text))?.levels[0].advisories == ["INTEL-SA-00079", "INTEL-SA-00076"])
    } else if name == "fortanix_corrupt_qe3_identity.json" {
      // Well-formed, wrongly signed.
      let collateral = Collateral([
        .qeIdentity: text,
        .qeIdentityIssuerChain: TestData.bytes(
          "quotes/sgx-v3-00606a000000-9aab09-202207-UpToDate/qe_identity_issuer_chain.pem"),
      ])
      #expect(throws: Stop.self) { try PreparedCollateral(collateral).qeIdentity.get() }
    } else if isIdentity {
      #expect(throws: FormatError.self) { try QEIdentity(text) }
    } else {
      // tcbInfo.json among them: it has no pceId, which the verification needs.
      #expect(throws: FormatError.self) { try TCBInfo(text) }
    }
  }

  @Test("quotes without collateral parse, and are undecided")
  func withoutCollateral() throws {
    for name in TestData.files(in: "quotes-without-collateral") {
      let bytes = TestData.bytes("quotes-without-collateral/\(name)")
      _ = try Quote(bytes)
      let verdict = Verifier().verify(
        bytes, collateral: Collateral(), at: Timestamp(iso8601: "2022-01-01T00:00:00Z")!)
      #expect(!verdict.isAccepted && verdict.evidence == nil)
      let signatures: [Step.ID] = [.attestationKey, .quoteSignature]
      for id in signatures {
        #expect(verdict.steps.first { $0.id == id }?.outcome == .passed, "\(name)")
      }
      if name.contains("certtype3") {
        #expect(verdict.steps.first { $0.id == .pckChain }?.outcome == .undecided)
      } else {
        // Among them a quote with the older root certificate of the same key.
        #expect(verdict.steps.first { $0.id == .pckChain }?.outcome == .passed, "\(name)")
        #expect(verdict.steps.first { $0.id == .qeReportSignature }?.outcome == .passed)
      }
    }
  }

  @Test("a quote padded to 8000 bytes is the quote") func padded() throws {
    let padded = TestData.bytes("quotes-without-collateral/cos113_tdx_v4_padded_8000.bin")
    let testCase = TestCase(folder: "quotes/tdx-v4-00806f050000-00b252-202506-UpToDate")
    #expect(try Quote(padded) == Quote(testCase.quote))
    let at = (testCase.info["expect"] as! [[String: Any]])[0]["at"] as! Int
    let verdict = Verifier().verify(
      padded, collateral: testCase.collateral, at: Timestamp(secondsSince1970: Int64(at)))
    #expect(verdict.isAccepted, Comment(rawValue: verdict.text))
  }

  @Test("a corrupted real quote") func corrupted() {
    let verdict = Verifier().verify(
      TestData.bytes("real-negative/fortanix_quote_corrupted.bin"), collateral: Collateral(),
      at: Timestamp(iso8601: "2020-06-01T00:00:00Z")!)
    #expect(verdict.outcome == .refusedByVerification)
    #expect(verdict.steps.contains { $0.code == .QUOTE_SIGNATURE })
  }

  @Test("Intel's sample with a test root is refused, without a crash") func qvlSample() {
    let folder = "qvl-sample/tdx"
    let collateral = Collateral([
      .tcbInfo: TestData.bytes("\(folder)/tcbInfo.json"),
      .tcbInfoIssuerChain: TestData.bytes("\(folder)/tcbSignChain.pem"),
      .qeIdentity: TestData.bytes("\(folder)/qeIdentity.json"),
      .qeIdentityIssuerChain: TestData.bytes("\(folder)/tcbSignChain.pem"),
      .rootCRL: TestData.bytes("\(folder)/rootCaCrl.der"),
      .pckCRL: TestData.bytes("\(folder)/intermediateCaCrl.der"),
      .pckCRLIssuerChain: TestData.bytes("\(folder)/pckSignChain.pem"),
    ])
    let verdict = Verifier().verify(
      TestData.bytes("\(folder)/quote.dat"), collateral: collateral,
      at: Timestamp(iso8601: "2023-06-01T00:00:00Z")!)
    #expect(verdict.outcome == .refusedByVerification)
  }

  @Test("PCK certificates: extensions of sample and platform-CA certificates")
  func pckCertificates() throws {
    let platform = try PCKExtension(certificateDER: TestData.bytes("pck-certs/multi_pck.der"))
    #expect(platform.platformInstanceID != nil && platform.smtEnabled != nil)
    #expect(platform.type == .scalable)
    // The samples of the selection tool are P-384 and sign themselves: no PCK certificates.
    for index in [0, 2, 4, 6] {
      let pem = TestData.bytes("pck-certs/pck\(index)_sample.pem")
      #expect(throws: FormatError("the certificate is not ECDSA P-256 with SHA-256")) {
        try PKICertificate.list(pem: pem)
      }
    }
    #expect(throws: FormatError("tcbInfo.version 1 is not supported, 2 and 3 are")) {
      try TCBInfo(
        Array(
          #"{"tcbInfo":{"version":1},"signature":"\#(String(repeating: "00", count: 64))"}"#.utf8))
    }
  }

  @Test("recorded answers of the PCS: documents are signed by their chains")
  func pcsResponses() throws {
    for (name, key) in [
      ("sgx_tcb_info_v3", "tcb_info_json"), ("sgx_tcb_info_alt", "tcb_info_json"),
      ("tdx_tcb_info_00806F050000", "tcb_info_json"),
      ("sgx_qe_identity_v3", "enclave_identity_json"),
      ("sgx_qae_identity", "enclave_identity_json"),
    ] {
      let json = TestData.json("pcs-responses/\(name).json")
      let document = Array((json[key] as! String).utf8)
      let chain = Array((json["issuer_chain"] as! String).utf8)
      let isInfo = key == "tcb_info_json"
      let prepared = PreparedCollateral(
        Collateral([
          isInfo ? .tcbInfo : .qeIdentity: document,
          isInfo ? .tcbInfoIssuerChain : .qeIdentityIssuerChain: chain,
        ]))
      if isInfo {
        #expect(throws: Never.self) { try prepared.tcbInfo.get() }
      } else {
        #expect(throws: Never.self) { try prepared.qeIdentity.get() }
      }
    }
    let crl = TestData.json("pcs-responses/pck_crl_processor.json")
    #expect(try CRL(Array((crl["crl_data"] as! String).utf8)).revokedCount == 0)
  }

  @Test("the pinned root is the certificate of both dates")
  func root() throws {
    for name in ["intel_sgx_root_ca.der", "intel_sgx_root_ca_old_2033.der"] {
      let root = try PKICertificate(der: TestData.bytes(name))
      #expect(TrustAnchor.intel.matches(root) && root.isSigned(by: root))
    }
    let other = try PKICertificate.list(pem: TestData.bytes("synthetic/root_ca.pem"))[0]
    #expect(!TrustAnchor.intel.matches(other))
  }
}
