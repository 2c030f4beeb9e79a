import EnclaveCrypto
import Foundation
import JobFormat
import PayloadFormat
import Testing

/// Docs/vectors/job.txt, which a second implementation of the formats made (`Scripts/job-vectors`).
@Suite("Job formats, test vectors") struct JobVectorTests {
  let rows: [String: [UInt8]]

  init() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Docs/vectors/job.txt")
    var rows: [String: [UInt8]] = [:]
    for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
      let parts = line.split(separator: " ")
      if line.hasPrefix("#") || parts.count != 3 { continue }
      let digits = Array(parts[2].utf8)
      rows[String(parts[0])] = try stride(from: 0, to: digits.count, by: 2).map {
        try #require(UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16))
      }
    }
    self.rows = rows
  }

  func row(_ name: String) throws -> [UInt8] { try #require(rows[name], "no row \(name)") }

  func owner() throws -> OwnerContext {
    try #require(
      OwnerContext(publicKey: try row("owner.publicKey"), nonce: try row("owner.nonce")))
  }

  @Test("an owner and a nonce give CONFIGID")
  func CONFIGID() throws {
    #expect(try owner().CONFIGID == row("owner.CONFIGID"))
    #expect(OwnerContext.isBound(CONFIGID: try row("owner.CONFIGID")))
  }

  @Test("an offer is read, named, and written again")
  func offer() throws {
    let (offer, quote) = try Offer.parse(try row("offer"))
    #expect(try offer.owner == owner() && quote == Array("a quote".utf8))
    #expect(offer.flags == [.inputsAreData, .takesArguments])
    #expect(offer.madeNs == 1_700_000_000_123_456_789)
    #expect(offer.configuration == JobDigest.configuration(Array("measured".utf8)))
    #expect(try offer.digest == row("offer.digest"))
    #expect(try offer.reportData.encoded() == row("offer.reportData"))
    let pair = try #require(JobKeyPair(.x25519, privateKey: try row("instance.privateKey")))
    #expect(offer.keys == [pair.publicKey])
    let made = Offer(
      owner: offer.owner, instance: offer.instance, configuration: offer.configuration,
      madeNs: offer.madeNs, flags: offer.flags, keys: offer.keys)
    #expect(try made.encoded(quote: quote) == row("offer"))
  }

  @Test("a job is signed by its owner and opens with the instance's key")
  func job() throws {
    let job = try Job(try row("job"))
    #expect(try job.digest == row("job.digest") && job.offer == row("offer.digest"))
    #expect(job.isSigned(by: try owner()))
    #expect(job.volumeOffset == 4096)
    let order = try job.open(privateKey: try row("instance.privateKey"))
    #expect(order.flags == .repeatable && order.inputSize == 24576)
    #expect(try order.inputKey == row("order.inputKey"))
    #expect(try order.inputRoot == row("order.inputRoot"))
    #expect(order.inputCommitment == JobDigest.volume(superblock: try row("volume.superblock")))
    #expect(try order.inputCommitment == row("volume.commitment"))
    #expect(order.arguments == [Array("--frame".utf8), Array("7".utf8)])
    #expect(order.environment == [Array("SAMPLES=16".utf8)])
    let reply = try #require(JobKeyPair(.x25519, privateKey: try row("reply.privateKey")))
    #expect(order.replyKey == reply.publicKey)
  }

  @Test("a receipt is read, named, and written again")
  func receipt() throws {
    let (receipt, quote) = try Receipt.parse(try row("receipt"))
    #expect(try receipt.owner == owner() && quote == Array("another quote".utf8))
    #expect(try receipt.digest == row("receipt.digest") && receipt.job == row("job.digest"))
    #expect(receipt.exitCode == 3 && receipt.flags == [.inputsAreData, .repeatable])
    #expect(receipt.startNs == 1_000_000_000_000_000_000 && receipt.elapsedNs == 5_000_000_000)
    #expect(receipt.processorNs == 4_000_000_000 && receipt.peakMemory == 64 << 20)
    #expect(receipt.inputBytes == 24576 && receipt.outputBytes == 36864)
    #expect(receipt.outputSize == 32768)
    #expect(try receipt.encoded(quote: quote) == row("receipt"))
  }

  @Test("a result opens with the reply key")
  func result() throws {
    let result = try JobResult(try row("result"))
    #expect(try result.job == row("job.digest") && result.receipt == row("receipt"))
    let secrets = try result.open(privateKey: try row("reply.privateKey"))
    #expect(try secrets.outputKey == row("result.outputKey"))
    #expect(try secrets.outputRoot == row("result.outputRoot"))
    #expect(try secrets.receiptDigest == row("receipt.digest"))
  }
}
