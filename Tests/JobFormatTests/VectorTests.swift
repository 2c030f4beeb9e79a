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
  func row(_ suite: Vectors, _ name: String) throws -> [UInt8] { try row("\(suite).\(name)") }

  /// What the rows' names begin with.
  enum Vectors: String, CaseIterable {
    case x25519
    case xwing
    var suite: JobSuite { self == .xwing ? .xWing : .x25519 }
  }

  func owner() throws -> OwnerContext {
    try #require(
      OwnerContext(publicKey: try row("owner.publicKey"), nonce: try row("owner.nonce")))
  }

  @Test("an owner and a nonce give CONFIGID")
  func CONFIGID() throws {
    #expect(try owner().CONFIGID == row("owner.CONFIGID"))
    #expect(OwnerContext.isBound(CONFIGID: try row("owner.CONFIGID")))
  }

  @Test("an offer is read, named, and written again", arguments: Vectors.allCases)
  func offer(_ suite: Vectors) throws {
    let (offer, quote) = try Offer.parse(try row(suite, "offer"))
    #expect(try offer.owner == owner() && quote == Array("a quote".utf8))
    #expect(offer.flags == [.inputsAreData, .takesArguments])
    #expect(offer.madeNs == 1_700_000_000_123_456_789)
    #expect(offer.configuration == JobDigest.configuration(Array("measured".utf8)))
    #expect(try offer.digest == row(suite, "offer.digest"))
    #expect(try offer.reportData.encoded() == row(suite, "offer.reportData"))
    #expect(offer.volumes == [Array("books".utf8), Array("keys-2.v".utf8)])
    let secret = try row(suite, "instance.privateKey")
    let suites: [JobSuite] = suite == .xwing ? [.xWing, .x25519] : [.x25519]
    #expect(offer.keys == suites.compactMap { JobKeyPair($0, privateKey: secret)?.publicKey })
    #expect(try offer.key().suite == suites[0])
    let made = Offer(
      owner: offer.owner, instance: offer.instance, configuration: offer.configuration,
      madeNs: offer.madeNs, flags: offer.flags, keys: offer.keys, volumes: offer.volumes)
    #expect(try made.encoded(quote: quote) == row(suite, "offer"))
  }

  @Test(
    "a job is signed by its owner and opens with the instance's key", arguments: Vectors.allCases)
  func job(_ suite: Vectors) throws {
    let job = try Job(try row(suite, "job"))
    #expect(try job.digest == row(suite, "job.digest") && job.offer == row(suite, "offer.digest"))
    #expect(job.isSigned(by: try owner()) && job.suite == suite.suite)
    #expect(job.volumeOffset == 4096)
    let order = try job.open(privateKey: try row(suite, "instance.privateKey"))
    #expect(try order.encoded() == row(suite, "order"))
    #expect(order.flags == .repeatable && order.inputSize == 24576)
    #expect(try order.inputKey == row("order.inputKey"))
    #expect(try order.inputRoot == row("order.inputRoot"))
    #expect(order.inputCommitment == JobDigest.volume(superblock: try row("volume.superblock")))
    #expect(try order.inputCommitment == row("volume.commitment"))
    #expect(order.arguments == [Array("--frame".utf8), Array("7".utf8)])
    #expect(order.environment == [Array("SAMPLES=16".utf8)])
    #expect(order.volumeKeys.map(\.name) == [Array("books".utf8), Array("keys-2.v".utf8)])
    #expect(try order.volumeKeys.flatMap(\.key) == row("order.volumeKeys"))
    #expect(try order.volumeKeys.map(\.root) == [nil, row("order.volumeRoot")])
    let reply = try #require(
      JobKeyPair(suite.suite, privateKey: try row(suite, "reply.privateKey")))
    #expect(order.replyKey == reply.publicKey)
  }

  @Test("a receipt is read, named, and written again", arguments: Vectors.allCases)
  func receipt(_ suite: Vectors) throws {
    let (receipt, quote) = try Receipt.parse(try row(suite, "receipt"))
    #expect(try receipt.owner == owner() && quote == Array("another quote".utf8))
    #expect(try receipt.digest == row(suite, "receipt.digest"))
    #expect(try receipt.job == row(suite, "job.digest"))
    #expect(receipt.exitCode == 3 && receipt.flags == [.inputsAreData, .repeatable])
    #expect(receipt.startNs == 1_000_000_000_000_000_000 && receipt.elapsedNs == 5_000_000_000)
    #expect(receipt.processorNs == 4_000_000_000 && receipt.peakMemory == 64 << 20)
    #expect(receipt.inputBytes == 24576 && receipt.outputBytes == 36864)
    #expect(receipt.outputSize == 32768)
    #expect(try receipt.encoded(quote: quote) == row(suite, "receipt"))
  }

  @Test("a result opens with the reply key", arguments: Vectors.allCases)
  func result(_ suite: Vectors) throws {
    let result = try JobResult(try row(suite, "result"))
    #expect(try result.job == row(suite, "job.digest") && result.suite == suite.suite)
    #expect(try result.receipt == row(suite, "receipt"))
    let secrets = try result.open(privateKey: try row(suite, "reply.privateKey"))
    #expect(try secrets.outputKey == row("result.outputKey"))
    #expect(try secrets.outputRoot == row("result.outputRoot"))
    #expect(try secrets.receiptDigest == row(suite, "receipt.digest"))
  }
}
