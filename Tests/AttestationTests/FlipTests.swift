import Testing

@testable import Attestation
import AttestationCampaign

/// A sample here; `Scripts/flip-attestation` changes every bit of every byte.
@Suite("A changed byte is never accepted")
struct FlipTests {
  @Test(
    "flips of a byte in every 83",
    arguments: [
      "quotes/sgx-v3-00606a000000-8fcedd-202606-SWHardeningNeeded",
      "quotes/tdx-v5-90c06f000000-cf77a6-202602-UpToDate",
    ])
  func sample(_ folder: String) {
    let testCase = TestCase(folder: folder)
    let expected = (testCase.info["expect"] as! [[String: Any]])[0]
    var policy = Policy.default
    policy.allowedAdvisories = Set(expected["advisory_ids"] as! [String])
    let campaign = FlipCampaign(
      quote: testCase.quote, collateral: testCase.collateral,
      time: Timestamp(secondsSince1970: Int64(expected["at"] as! Int)), policy: policy)
    #expect(campaign.base.isAccepted)
    let result = campaign.run(stride: 83, masks: [1])
    #expect(result.tried > 250)
    #expect(result.accepted.isEmpty)
  }

  @Test("a quote cut at any length is refused, and does not crash")
  func truncation() {
    let testCase = TestCase(folder: "quotes/tdx-v5-90c06f000000-cf77a6-202602-UpToDate")
    let quote = testCase.quote
    for count in stride(from: 0, to: quote.count, by: 7) {
      #expect(throws: QuoteFormatError.self) { try Quote(Array(quote[..<count])) }
    }
  }
}
