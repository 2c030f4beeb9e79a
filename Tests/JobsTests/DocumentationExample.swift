import Attestation
import Foundation
import Jobs
import Testing

/// The example of Jobs.docc, so that it compiles; `DocumentationTests` sees that both are the same.
private func example() throws {
  // The owner: a key, and for each offer a fresh nonce.
  let owner = try OwnerKey(contentsOf: "owner.pem")
  let nonce = (0..<32).map { _ in UInt8.random(in: 0...255) }

  // 1. offer: the provider starts an instance for this owner.
  let provider = Provider(cloister: "/usr/bin/cloister")
  let instance = try provider.offer(
    payload: "payload", owner: "owner.pub", nonce: nonce, to: "offer")
  defer { instance.stop() }

  // 2. seal: nothing is encrypted before the offer was verified; there is no other way to a VerifiedOffer.
  let policy = try JobPolicy(contentsOf: "policy.toml")
  let trust = JobTrust(collateral: try CollateralFolder.read("collateral"))
  let offer = try VerifiedOffer(
    contentsOf: "offer", owner: owner.publicKey, nonce: nonce, policy: policy, trust: trust)
  var sealing = Sealing(to: offer, owner: owner)
  sealing.arguments = ["--frame", "12"]
  _ = try sealing.run(inputs: ["scene"], job: "job", ticket: "job.ticket")

  // 3. run: the provider hands the job to the waiting instance.
  try provider.run(payload: "payload", job: "job", to: "result")

  // 4. open: the result must be of this job, input, payload and enclave.
  let opened = try OpenedResult(
    "result", ticket: try JobTicket(contentsOf: "job.ticket"), to: "out")
  print(opened.receipt.receipt.exitCode ?? 255)

  // 5. receipt verify: for who pays; no secret is needed.
  let receipt = try VerifiedReceipt(contentsOf: "result", policy: policy, trust: trust)
  try receipt.requireInputsAreData()
  try receipt.requireOutput(of: "result")
}

@Suite("jobs: documentation") struct DocumentationTests {
  @Test("the example is the one that is compiled here") func example() throws {
    let here = URL(filePath: #filePath)
    func lines(_ text: Substring) -> [String] {
      // How it is wrapped does not matter.
      text.split { $0.isWhitespace }.map(String.init)
    }
    let source = try String(contentsOf: here, encoding: .utf8)
    let page = try String(
      contentsOf: here.deletingLastPathComponent().appending(
        path: "../../Sources/Jobs/Jobs.docc/Jobs.md"), encoding: .utf8)
    let compiled = try #require(source.split(separator: "private func example() throws {\n").last)
    let shown = try #require(page.split(separator: "```swift\n").dropFirst().first)
    #expect(
      lines(try #require(compiled.split(separator: "\n}\n").first))
        == lines(try #require(shown.split(separator: "```").first)))
  }
}
