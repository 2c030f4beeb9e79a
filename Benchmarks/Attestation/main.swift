import Attestation
import AttestationCampaign
import Foundation

// attestation-bench speed FOLDER | flips FOLDER
//
// FOLDER is a case of Tests/AttestationTests/Resources/quotes.

func fail(_ text: String) -> Never {
  FileHandle.standardError.write(Data((text + "\n").utf8))
  exit(64)
}

guard CommandLine.arguments.count == 3 else { fail("usage: attestation-bench speed|flips FOLDER") }
let folder = CommandLine.arguments[2]
let quote = try CollateralFolder.readFile(folder + "/quote.bin", limit: 1 << 20)
let collateral = try CollateralFolder.read(folder)
let info = try JSONSerialization.jsonObject(
  with: Data(contentsOf: URL(fileURLWithPath: folder + "/case.json")))
guard let expectations = (info as? [String: Any])?["expect"] as? [[String: Any]],
  let at = expectations.first?["at"] as? NSNumber
else { fail("\(folder)/case.json has no time") }
let time = Timestamp(secondsSince1970: at.int64Value)
var policy = Policy.default
policy.allowedAdvisories = Set(expectations[0]["advisory_ids"] as? [String] ?? [])
let campaign = FlipCampaign(quote: quote, collateral: collateral, time: time, policy: policy)
guard campaign.base.isAccepted else { fail(campaign.base.text) }

/// Seconds of processor time that this process has used: other programs on the machine do not count.
func processorSeconds() -> Double { Double(clock()) / Double(CLOCKS_PER_SEC) }

/// Calls a second of processor time, over two seconds of it.
func rate(_ body: () -> Bool) -> Double {
  let start = processorSeconds()
  var count = 0
  while processorSeconds() - start < 2 {
    for _ in 0..<20 { guard body() else { fail("not accepted") } }
    count += 20
  }
  return Double(count) / (processorSeconds() - start)
}

switch CommandLine.arguments[1] {
case "speed":
  let prepared = PreparedCollateral(collateral)
  let verifier = Verifier()
  let warm = rate {
    verifier.verify(quote, collateral: prepared, at: time, policy: policy).isAccepted
  }
  let cold = rate {
    verifier.verify(quote, collateral: collateral, at: time, policy: policy).isAccepted
  }
  print("warm (parsed collateral): \(Int(warm)) verifications/s on one core")
  print("cold (everything parsed): \(Int(cold)) verifications/s on one core")
case "flips":
  let result = campaign.run(stride: 1, masks: [1, 2, 4, 8, 16, 32, 64, 128, 255])
  print(
    "\(result.tried) flips, \(result.accepted.count) accepted, "
      + "\(result.insignificant.count) in the case of a signature's hexadecimal digits")
  for flip in result.accepted { print("ACCEPTED: \(flip)") }
  exit(result.accepted.isEmpty ? 0 : 1)
default: fail("speed or flips")
}
