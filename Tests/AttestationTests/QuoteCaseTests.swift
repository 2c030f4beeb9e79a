import Foundation
import Testing

@testable import Attestation

@Suite("Real quotes with real collateral")
struct QuoteCaseTests {
  static let cases = TestCase.all("quotes")

  @Test("there are 51 of them") func count() { #expect(Self.cases.count == 51) }

  @Test(
    "the expected status at the expected time, and expired a day after the end", arguments: cases)
  func status(_ testCase: TestCase) throws {
    let prepared = PreparedCollateral(testCase.collateral)
    let quote = testCase.quote
    let expectations = testCase.info["expect"] as! [[String: Any]]
    for expectation in expectations {
      let time = Timestamp(secondsSince1970: (expectation["at"] as! NSNumber).int64Value)
      let status = expectation["status"] as! String
      let verdict = Verifier().verify(quote, collateral: prepared, at: time)
      let text = Comment(rawValue: verdict.text)
      if status == "FAIL:EXPIRED" {
        #expect(verdict.outcome == .undecided || verdict.outcome == .refusedByVerification, text)
        #expect(verdict.steps.contains { $0.code?.rawValue.hasSuffix("EXPIRED") == true }, text)
        #expect(verdict.status == nil, text)
      } else if status.hasPrefix("FAIL:") {
        #expect(verdict.outcome == .refusedByVerification, text)
        #expect(verdict.steps.contains { $0.code?.rawValue == String(status.dropFirst(5)) }, text)
        #expect(verdict.status == nil, text)
      } else {
        #expect(verdict.status?.rawValue == status, text)
        #expect(
          verdict.evidence?.advisories == (expectation["advisory_ids"] as? [String])?.sorted())
        #expect(verdict.evidence?.tcbDate.description == expectation["tcb_date"] as? String)
        let debug = (testCase.info["quote"] as! [String: Any])["body"] as! [String: Any]
        let isDebug = debug["debug"] as! Bool
        #expect(verdict.isAccepted == (status == "UpToDate" && !isDebug), text)
        #expect(verdict.exitCode == (status == "UpToDate" && !isDebug ? 0 : 2))
        #expect(!verdict.isSoftware)
      }
    }
  }

  @Test("valid up to the last second of the collateral, and not one longer", arguments: cases)
  func lastSecond(_ testCase: TestCase) throws {
    let collateral = testCase.info["collateral"] as! [String: Any]
    let end = Timestamp(
      iso8601: (collateral["valid_to"] as! String).replacing(" ", with: "T")
        .replacing("+00:00", with: "Z"))!
    let prepared = PreparedCollateral(testCase.collateral)
    let last = Verifier().verify(testCase.quote, collateral: prepared, at: end)
    let after = Verifier().verify(
      testCase.quote, collateral: prepared, at: end.adding(seconds: 1))
    let isUnsupported = testCase.folder.hasSuffix("TCB_NOT_SUPPORTED")
    #expect((last.evidence != nil) == !isUnsupported, Comment(rawValue: last.text))
    if let evidence = last.evidence { #expect(evidence.expires == end) }
    #expect(after.evidence == nil)
    #expect(after.steps.contains { $0.code?.rawValue.hasSuffix("EXPIRED") == true })
  }

  @Test("the parsed body is what an independent parser saw", arguments: cases)
  func body(_ testCase: TestCase) throws {
    let quote = try Quote(testCase.quote)
    let expected = testCase.info["quote"] as! [String: Any]
    #expect(Int(quote.header.version) == expected["version"] as? Int)
    #expect(quote.header.tee == (expected["tee"] as! String == "sgx" ? .sgx : .tdx))
    #expect(Int(quote.signature.certificationData.type) == expected["cert_data_type"] as? Int)
    let body = expected["body"] as! [String: Any]
    var parsed: [String: Any] = [:]
    switch quote.body {
    case .enclave(let r):
      parsed = [
        "cpusvn": Hex.encode(r.CPUSVN), "miscselect": Int(littleEndian(r.MISCSELECT)),
        "attributes": Hex.encode(r.ATTRIBUTES), "mrenclave": Hex.encode(r.MRENCLAVE),
        "mrsigner": Hex.encode(r.MRSIGNER), "isvprodid": Int(r.ISVPRODID),
        "isvsvn": Int(r.ISVSVN), "report_data": Hex.encode(r.REPORTDATA), "debug": quote.isDebug,
      ]
    case .td(let r):
      parsed = [
        "tee_tcb_svn": Hex.encode(r.TEE_TCB_SVN), "mrseam": Hex.encode(r.MRSEAM),
        "mrsignerseam": Hex.encode(r.MRSIGNERSEAM),
        "seamattributes": Hex.encode(r.SEAMATTRIBUTES),
        "tdattributes": Hex.encode(r.TDATTRIBUTES), "xfam": Hex.encode(r.XFAM),
        "mrtd": Hex.encode(r.MRTD), "mrconfigid": Hex.encode(r.MRCONFIGID),
        "mrowner": Hex.encode(r.MROWNER), "mrownerconfig": Hex.encode(r.MROWNERCONFIG),
        "rtmr": r.RTMR.map(Hex.encode), "report_data": Hex.encode(r.REPORTDATA),
        "debug": quote.isDebug,
      ]
      if let svn = r.TEE_TCB_SVN_2 { parsed["tee_tcb_svn2"] = Hex.encode(svn) }
      if let service = r.MRSERVICETD { parsed["mrservicetd"] = Hex.encode(service) }
    }
    #expect(body.count == parsed.count)
    for (key, value) in body {
      #expect("\(value)" == "\(parsed[key] ?? "nothing")" || isEqual(value, parsed[key]), "\(key)")
    }
  }

  private func isEqual(_ a: Any, _ b: Any?) -> Bool {
    (a as? NSObject) == (b as? NSObject)
  }
}
