import Foundation
import Testing

@testable import Attestation

/// A complete self-made PKI, to reach every status and every check.
@Suite("Synthetic cases")
struct SyntheticCaseTests {
  static let cases = TestCase.all("synthetic")

  static let anchor: TrustAnchor = {
    let pem = TestData.bytes("synthetic/root_ca.pem")
    let root = try! PKICertificate.list(pem: pem)[0]
    return TrustAnchor.software(fingerprint: root.sha256)!
  }()

  static func time(_ testCase: TestCase) -> Timestamp {
    Timestamp(secondsSince1970: (testCase.info["at"] as! NSNumber).int64Value)
  }

  @Test("the expected result with their own root", arguments: cases)
  func ownRoot(_ testCase: TestCase) {
    let verdict = Verifier(anchors: [Self.anchor]).verify(
      testCase.quote, collateral: testCase.collateral, at: Self.time(testCase))
    let text = Comment(rawValue: verdict.text)
    let expected = testCase.info["expect"] as! String
    #expect(verdict.isSoftware, text)
    #expect(verdict.text.hasPrefix("SOFTWARE, NO PROTECTION"))
    if testCase.folder.hasSuffix("qe-report-data-tail") {
      // QVL compares 32 bytes; we are strict, which the case allows.
      #expect(verdict.outcome == .refusedByVerification, text)
    } else if expected.hasPrefix("FAIL:") {
      #expect(verdict.evidence == nil, text)
      let codes = verdict.steps.compactMap(\.code?.rawValue)
      // This one calls itself TDX without having TDX components.
      let code =
        testCase.folder.hasSuffix("tcbinfo-id-tdx")
        ? "MALFORMED" : Self.codes[String(expected.dropFirst(5))]!
      #expect(codes.contains { $0.hasPrefix(code) }, text)
      // Only the rule that the case is about decides, besides what needs it.
      let failed = verdict.steps.filter { $0.outcome == .refused || $0.outcome == .undecided }
      #expect(Set(failed.map(\.code)).count == 1, text)
    } else {
      #expect(verdict.status?.rawValue == expected, text)
      let isDebug = testCase.info["debug"] as! Bool
      #expect(verdict.isAccepted == (expected == "UpToDate" && !isDebug), text)
    }
  }

  @Test("refused with Intel's root", arguments: cases)
  func intelRoot(_ testCase: TestCase) {
    let verdict = Verifier().verify(
      testCase.quote, collateral: testCase.collateral, at: Self.time(testCase))
    #expect(verdict.outcome == .refusedByVerification, Comment(rawValue: verdict.text))
    #expect(verdict.steps.contains { $0.code == .UNTRUSTED_ROOT })
    #expect(verdict.evidence == nil)
  }

  static let codes: [String: String] = [
    "CRL_EXPIRED": "CRL_EXPIRED",
    "PCK_CERT_CHAIN_EXPIRED": "CERTIFICATE_EXPIRED",
    "QE_IDENTITY_EXPIRED": "QE_IDENTITY_EXPIRED",
    "TCB_INFO_EXPIRED": "TCB_INFO_EXPIRED",
    "TCB_INFO_MISMATCH": "TCB_INFO_MISMATCH",
    "TCB_NOT_SUPPORTED": "TCB_NOT_SUPPORTED",
    "QE_ATTR": "QE_ATTRIBUTES",
    "QE_MISC": "QE_MISCSELECT",
    "QE_ID": "QE_",
    "QE_IDENTITY_MISMATCH": "QE_IDENTITY_MISMATCH",
    "INTERMEDIATE_REVOKED": "INTERMEDIATE_REVOKED",
    "PCK_REVOKED": "PCK_REVOKED",
    "TCB_SIGNING_REVOKED": "TCB_SIGNING_REVOKED",
    "TCB_INFO_UNSUPPORTED_FORMAT": "MALFORMED",
    "TCB_UNRECOGNIZED_STATUS": "MALFORMED",
  ]
}
