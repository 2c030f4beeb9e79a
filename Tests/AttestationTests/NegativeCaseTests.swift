import Foundation
import Testing

@testable import Attestation

@Suite("Cases that must be refused")
struct NegativeCaseTests {
  @Test("derived from real cases by replacing files", arguments: TestCase.all("negative"))
  func negative(_ testCase: TestCase) { refuse(testCase) }

  @Test("forged with an attacker's keys", arguments: TestCase.all("attacks"))
  func attack(_ testCase: TestCase) {
    let verdict = refuse(testCase)
    #expect(verdict.outcome == .refusedByVerification)
  }

  @discardableResult
  private func refuse(_ testCase: TestCase) -> Verdict {
    let (quote, collateral, time) = testCase.derived()
    let verdict = Verifier().verify(quote, collateral: collateral, at: time)
    let text = Comment(rawValue: verdict.text)
    #expect(verdict.outcome == .refusedByVerification || verdict.outcome == .undecided, text)
    #expect(verdict.evidence == nil && verdict.status == nil, text)
    let expected = (testCase.info["expect"] as! String).dropFirst(5)
    let codes = verdict.steps.compactMap(\.code?.rawValue)
    #expect(codes.contains { Self.codes[String(expected), default: []].contains($0) }, text)
    return verdict
  }

  /// The reference's first failing check, and our codes for the same fault.
  static let codes: [String: Set<String>] = [
    "QUOTE_SIG": ["QUOTE_SIGNATURE", "QE_VENDOR_ID"],
    "QE_REPORT_DATA": ["QE_REPORT_DATA"],
    "QE_REPORT_SIG": ["QE_REPORT_SIGNATURE"],
    "PCK_CRL_MISMATCH": ["CRL", "MALFORMED"],
    "MALFORMED": ["MALFORMED"],
    "TCB_SIG": ["TCB_INFO_SIGNATURE"],
    "SIGNING_CERT_EXPIRED": ["CERTIFICATE_EXPIRED"],
    "TCB_INFO_EXPIRED": ["TCB_INFO_EXPIRED"],
    "QE_IDENTITY_EXPIRED": ["QE_IDENTITY_EXPIRED"],
    "CRL_EXPIRED": ["CRL_EXPIRED"],
    "ROOT_CRL_SIG": ["CRL"],
    "TCB_SIGNING_CN": ["TCB_SIGNING_CHAIN"],
    "PCK_CHAIN_SIG": ["PCK_CHAIN"],
    "PCK_CHAIN_LEN": ["PCK_CHAIN"],
    "UNTRUSTED_ROOT": ["UNTRUSTED_ROOT"],
  ]
}
