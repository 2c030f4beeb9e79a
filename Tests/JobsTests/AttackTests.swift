import Attestation
import EnclaveCrypto
import Foundation
import JobFormat
import SealedVolume
import Testing

@testable import Jobs

/// What a provider, another owner or anybody between may try, and what the owner's side says to it. The same attacks
/// on real instances are in `Scripts/jobs-test`.
@Suite("jobs: attacks on the owner's side")
struct AttackTests {
  private func refused(
    _ kind: JobsError.Kind, _ text: String, _ body: () throws -> Void
  ) {
    let error = #expect(throws: JobsError.self, performing: body)
    #expect(error?.kind == kind && error?.description.contains(text) == true, "\(error as Any)")
  }

  // MARK: Offers

  @Test("an offer of a debug enclave, of another enclave, of no KSS")
  func foreignEnclaves() throws {
    let desk = try Desk()
    var debug = desk.instance()
    debug.attributes |= 2
    refused(.refusedByPolicy, "policy.debug") { _ = try desk.verify(try debug.offerFile()) }
    var other = desk.instance()
    other.MRENCLAVE[0] ^= 1
    refused(.refusedByPolicy, "policy.identity") { _ = try desk.verify(try other.offerFile()) }
    var unbound = desk.instance()
    unbound.attributes = 5
    unbound.CONFIGID = [UInt8](repeating: 0, count: 64)
    refused(.refusedByVerification, "CONFIGID") { _ = try desk.verify(try unbound.offerFile()) }
    unbound.flags.insert(.withoutKSS)
    refused(.refusedByVerification, "takes code as input") {
      _ = try desk.verify(try unbound.offerFile())
    }
    unbound.flags.insert(.inputsAreData)
    _ = try desk.verify(try unbound.offerFile())
    unbound.attributes |= 0x80
    refused(.refusedByVerification, "its quote has it") {
      _ = try desk.verify(try unbound.offerFile())
    }
  }

  @Test("an offer made up by a job of another owner in the same payload")
  func collusion() throws {
    let desk = try Desk()
    let mallory = OwnerKey()
    // The other owner's instance can make reports with any REPORTDATA, even the runtime's label; CONFIGID is its own.
    var forged = desk.instance()
    forged.CONFIGID = mallory.publicKey.context(nonce: desk.nonce)!.CONFIGID
    refused(.refusedByVerification, "another owner or nonce") {
      _ = try desk.verify(try forged.offerFile())
    }
  }

  @Test("a quote of nobody's: a runtime that emulates the enclave has no platform's key")
  func emulation() throws {
    let desk = try Desk()
    let file = try desk.instance().offerFile()
    let refusal = #expect(throws: JobsError.self) {
      try VerifiedOffer(
        file, owner: desk.owner.publicKey, nonce: desk.nonce, policy: try PretendInstance.policy(),
        trust: JobTrust(collateral: PretendInstance.collateral))
    }
    #expect(refusal?.kind == .refusedByVerification, "a software root that nobody named")
    refused(.refusedByPolicy, "policy.hardware") {
      _ = try desk.verify(
        file, policy: try PretendInstance.policy("[platform]\nrequire_hardware = true\n"))
    }
  }

  @Test("keys or quotes swapped between two offers; X-Wing taken out")
  func swaps() throws {
    let desk = try Desk()
    let one = desk.instance()
    let two = desk.instance()
    let quoteOfTwo = try two.quote(two.offer.reportData.encoded())
    refused(.refusedByVerification, "vouches for something else") {
      _ = try desk.verify(one.offer.encoded(quote: quoteOfTwo))
    }
    let honest = one.offer
    let quote = try one.quote(honest.reportData.encoded())
    for keys in [
      [two.pairs[.xWing]!.publicKey, one.pairs[.x25519]!.publicKey],
      [one.pairs[.x25519]!.publicKey],
    ] {
      let changed = Offer(
        owner: honest.owner, instance: honest.instance, configuration: honest.configuration,
        madeNs: honest.madeNs, flags: honest.flags, keys: keys)
      refused(.refusedByVerification, "vouches for something else") {
        _ = try desk.verify(changed.encoded(quote: quote))
      }
    }
  }

  @Test("every byte of an offer counts")
  func bits() throws {
    let desk = try Desk()
    let file = try desk.instance().offerFile()
    _ = try desk.verify(file)
    var random = SystemRandomNumberGenerator()
    let body = desk.instance().offer.body.count
    var places = Array(0..<200) + (0..<120).map { _ in Int.random(in: 200..<body, using: &random) }
    places += (0..<60).map { _ in Int.random(in: body..<(body + 436), using: &random) }
    for place in places {
      var changed = file
      changed[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      #expect(throws: JobsError.self, "byte \(place)") { try desk.verify(changed) }
    }
    for count in [0, 7, 15, 16, 100, body, file.count - 1] {
      refused(.malformed, "the offer:") { _ = try desk.verify(Array(file.prefix(count))) }
    }
    refused(.malformed, "the offer:") { _ = try desk.verify(file + [0]) }
  }

  @Test("an old offer, a wrong nonce, an offer from the future, another owner's")
  func freshness() throws {
    let desk = try Desk()
    var old = desk.instance()
    old.madeNs -= 90_000 * 1_000_000_000
    refused(.refusedByPolicy, "seconds ago") { _ = try desk.verify(try old.offerFile()) }
    var late = desk.instance()
    late.madeNs += 3600 * 1_000_000_000
    refused(.refusedByVerification, "in the future") { _ = try desk.verify(try late.offerFile()) }
    let before = PretendInstance(
      owner: desk.owner.publicKey, nonce: [UInt8](repeating: 9, count: 32))
    refused(.refusedByVerification, "another nonce") { _ = try desk.verify(try before.offerFile()) }
    let foreign = PretendInstance(owner: OwnerKey().publicKey, nonce: desk.nonce)
    refused(.refusedByVerification, "another owner's key") {
      _ = try desk.verify(try foreign.offerFile())
    }
    let strict = try PretendInstance.policy("[freshness]\nmaximum_evidence_age_seconds = 60\n")
    var minutes = desk.instance()
    minutes.madeNs -= 120 * 1_000_000_000
    refused(.refusedByPolicy, "more than 60 seconds") {
      _ = try desk.verify(try minutes.offerFile(), policy: strict)
    }
  }

  @Test("a key on the provider's disk needs the owner's consent")
  func keyOnDisk() throws {
    let desk = try Desk()
    var instance = desk.instance()
    instance.flags.insert(.keyOnDisk)
    let offer = try instance.offerFile()
    refused(.refusedByPolicy, "--allow-repeats") { try desk.seal(offer) }
    try desk.seal(offer) { $0.allowsRepeats = true }
  }

  // MARK: Jobs

  @Test("jobs that were changed, and of other owners, are not taken")
  func changedJobs() throws {
    let desk = try Desk()
    let instance = desk.instance()
    let summary = try desk.seal(try instance.offerFile())
    let file = try desk.read("job")
    let body = Int(try JobFileKind.job.bodySize(header: file)) + 16
    var random = SystemRandomNumberGenerator()
    // Header, offer, owner, number, suite, encapsulated key, order, signature; then the volume's superblock and blocks.
    let volume = Int(try Job(file).volumeOffset)
    var places = Array(0..<170) + (0..<40).map { _ in Int.random(in: 170..<body, using: &random) }
    places += Array((body - 64)..<body)
    for place in places {
      var changed = file
      changed[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      try desk.write("changed", changed)
      #expect(throws: (any Error).self, "byte \(place)") {
        try instance.run(job: desk.path("changed"), result: desk.path("never")) { _ in }
      }
      #expect(!desk.exists("never"))
    }
    // Both copies of the superblock, a data block, and a cut.
    for change in [0, 1, 2] {
      var changed = file
      switch change {
      case 0:
        changed[volume + 300] ^= 1
        changed[volume + 4096 + 300] ^= 1
      case 1: changed = Array(file[..<(volume + 8192)])
      default: for i in (volume + 8192)..<file.count { changed[i] ^= 1 }
      }
      try desk.write("changed", changed)
      #expect(throws: (any Error).self) {
        try instance.run(job: desk.path("changed"), result: desk.path("never-\(change)")) {
          _ = try $0.read("hello.txt")
          _ = try $0.read("deep/big")
        }
      }
    }
    // A whole other input of the same owner behind this job's head.
    try desk.seal(try instance.offerFile(), job: "other")
    let other = try desk.read("other")
    try desk.write("mixed", Array(file[..<volume]) + Array(other[volume...]))
    #expect(throws: (any Error).self) {
      try instance.run(job: desk.path("mixed"), result: desk.path("never")) { _ in }
    }
    let second = desk.instance()
    #expect(throws: PretendInstance.Refused.self, "another instance") {
      try second.run(job: desk.path("job"), result: desk.path("never")) { _ in }
    }
    let digest = try Job(file).digest
    #expect(summary.job == digest)
  }

  @Test("a job that somebody else signed")
  func foreignSignature() throws {
    let desk = try Desk()
    let instance = desk.instance()
    let mallory = OwnerKey()
    let reply = JobKeyPair(.xWing)!
    let order = JobOrder(
      inputKey: EnclaveCrypto.random(32), inputRoot: [UInt8](repeating: 0, count: 40),
      inputCommitment: [UInt8](repeating: 0, count: 32), replyKey: reply.publicKey)
    let made = try Job.encode(
      to: instance.offer, key: instance.pairs[.xWing]!.publicKey, order: order,
      number: EnclaveCrypto.random(32), sign: mallory.sign(digest:))
    try desk.write("job", made.bytes)
    let error = #expect(throws: PretendInstance.Refused.self) {
      try instance.run(job: desk.path("job"), result: desk.path("never")) { _ in }
    }
    #expect(error?.why == "signature")
    #expect(throws: JobsError.self, "and our own side does not seal for another's offer") {
      try Sealing(to: try desk.verify(try instance.offerFile()), owner: mallory).run(
        inputs: [desk.path("in")], job: desk.path("job2"), ticket: desk.path("t"))
    }
  }

  // MARK: Results and receipts

  /// Two jobs of one owner for one instance each, run.
  private func twoJobs(_ desk: Desk) throws -> PretendInstance {
    let instance = desk.instance()
    let offer = try instance.offerFile()
    try desk.seal(offer, job: "job") { $0.allowsRepeats = true }
    try desk.seal(offer, job: "other")
    try instance.run(job: desk.path("job"), result: desk.path("result")) {
      try $0.write("x", [1])
    }
    try instance.run(job: desk.path("other"), result: desk.path("foreign")) {
      try $0.write("x", [2])
    }
    return instance
  }

  @Test("a result of another job")
  func otherJob() throws {
    let desk = try Desk()
    _ = try twoJobs(desk)
    refused(.refusedByVerification, "another job") { _ = try desk.open("foreign") }
    #expect(!desk.exists("out"))
    _ = try desk.open("foreign", ticket: "other.ticket", to: "out2")
  }

  @Test("an earlier run's output or receipt behind a later run's head")
  func otherRun() throws {
    let desk = try Desk()
    let instance = try twoJobs(desk)
    try instance.run(job: desk.path("job"), result: desk.path("second")) {
      try $0.write("x", [3])
    }
    let first = try desk.read("result")
    let second = try desk.read("second")
    try desk.write("mixed", Array(second[..<65536]) + Array(first[65536...]))
    refused(.refusedByVerification, "its output is not the one") { _ = try desk.open("mixed") }
    // A receipt has a fixed place and size: put the first run's there.
    let count = try JobResult(first).receipt.count
    let receiptAt = 100
    let firstReceipt = try JobResult(first).receipt
    #expect(Array(first[receiptAt..<(receiptAt + count)]) == firstReceipt)
    var swapped = second
    if (try JobResult(second)).receipt.count == count {
      swapped.replaceSubrange(
        receiptAt..<(receiptAt + count), with: first[receiptAt..<(receiptAt + count)])
      try desk.write("swapped", swapped)
      refused(.refusedByVerification, "changed since") { _ = try desk.open("swapped") }
    }
    #expect(!desk.exists("out"))
  }

  @Test("a receipt that states something else", arguments: 0..<7)
  func wrongReceipts(which: Int) throws {
    let desk = try Desk()
    let instance = desk.instance()
    try desk.seal(try instance.offerFile())
    let other = [UInt8](repeating: 0x99, count: 32)
    let texts = [
      "another job", "another run", "another offer", "another payload", "another input",
      "its output is not the one", "another owner",
    ]
    try instance.run(job: desk.path("job"), result: desk.path("result")) {
      try $0.write("x", [1])
    } change: { receipt in
      switch which {
      case 0: receipt.job = other
      // The run in the head follows the receipt's, so this one is made below.
      case 1: break
      case 2: receipt.offer = other
      case 3: receipt.configuration = other
      case 4: receipt.inputCommitment = other
      case 5: receipt.outputCommitment = other
      default: receipt.owner = OwnerKey().publicKey.context(nonce: receipt.owner.nonce)!
      }
    }
    if which == 1 {
      var file = try desk.read("result")
      file[48] ^= 1
      try desk.write("result", file)
      refused(.refusedByVerification, "changed since") { _ = try desk.open("result") }
    } else {
      refused(.refusedByVerification, texts[which]) { _ = try desk.open("result") }
    }
    #expect(!desk.exists("out"))
  }

  @Test("a result of a debug enclave, of another enclave, of another owner's instance")
  func otherEnclave() throws {
    let desk = try Desk()
    let honest = desk.instance()
    try desk.seal(try honest.offerFile())
    func attempt(_ text: String, _ change: (inout PretendInstance) -> Void) throws {
      var instance = honest
      change(&instance)
      try instance.run(job: desk.path("job"), result: desk.path("result")) {
        try $0.write("x", [1])
      }
      let error = #expect(throws: JobsError.self) { try desk.open("result") }
      #expect(error?.description.contains(text) == true, "\(error!)")
      unlink(desk.path("result"))
    }
    try attempt("policy.debug") { $0.attributes |= 2 }
    try attempt("policy.identity") { $0.MRENCLAVE[3] ^= 8 }
    try attempt("CONFIGID") { $0.CONFIGID[0] ^= 1 }
    // Accepted by a policy that names a second enclave, and still not the one that was sealed to.
    let second = [UInt8](repeating: 0x4E, count: 32)
    let policy = try JobPolicy(
      toml: "[enclave]\nmrenclave = [\"\(hexText(PretendInstance.MRENCLAVE))\", "
        + "\"\(hexText(second))\"]\n")
    let verified = try desk.verify(try honest.offerFile(), policy: policy)
    _ = try Sealing(to: verified, owner: desk.owner).run(
      inputs: [desk.path("in")], job: desk.path("job2"), ticket: desk.path("job2.ticket"))
    var instance = honest
    instance.MRENCLAVE = second
    try instance.run(job: desk.path("job2"), result: desk.path("result")) { _ in }
    refused(.refusedByVerification, "another enclave") {
      _ = try desk.open("result", ticket: "job2.ticket")
    }
  }

  @Test("every byte of a result counts: head, receipt, keys, volume")
  func resultBits() throws {
    let desk = try Desk()
    let instance = desk.instance()
    try desk.seal(try instance.offerFile())
    try instance.run(job: desk.path("job"), result: desk.path("result")) {
      try $0.write("x", [UInt8](repeating: 7, count: 20_000))
    }
    let file = try desk.read("result")
    let body = try JobFileKind.result.bodySize(header: file) + 16
    var random = SystemRandomNumberGenerator()
    var places = Array(0..<100)
    places += (0..<100).map { _ in Int.random(in: 100..<body, using: &random) }
    // Block 0 is what the receipt names; the blocks behind the superblocks are the content.
    places += (0..<20).map { _ in Int.random(in: 65536..<(65536 + 4096), using: &random) }
    for place in places {
      var changed = file
      changed[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      try desk.write("changed", changed)
      #expect(throws: JobsError.self, "byte \(place)") { try desk.open("changed") }
      #expect(!desk.exists("out"), "byte \(place)")
    }
    var changed = file
    for i in (65536 + 8192)..<file.count { changed[i] ^= 0x10 }
    try desk.write("changed", changed)
    refused(.refusedByVerification, "not the one that was sealed") { _ = try desk.open("changed") }
    try desk.write("changed", Array(file[..<(65536 + 8192)]))
    #expect(throws: JobsError.self, "cut") { try desk.open("changed") }
    try desk.write("changed", file + [UInt8](repeating: 1, count: 8192))
    refused(.refusedByVerification, "longer") { _ = try desk.open("changed", to: "longer") }
    #expect(!desk.exists("longer"))
    #expect(!desk.exists("out"))
    #expect(try desk.leftovers().isEmpty)
  }

  @Test("a receipt with another output, for a third party")
  func thirdParty() throws {
    let desk = try Desk()
    _ = try twoJobs(desk)
    let receipt = try VerifiedReceipt(
      contentsOf: desk.path("result"), policy: try PretendInstance.policy(),
      trust: PretendInstance.trust())
    refused(.refusedByVerification, "another run") {
      try receipt.requireOutput(of: desk.path("foreign"))
    }
    refused(.refusedByVerification, "another job") {
      try receipt.requireInput(of: desk.path("other"))
    }
    let first = try desk.read("result")
    let other = try desk.read("foreign")
    try desk.write("mixed", Array(first[..<65536]) + Array(other[65536...]))
    refused(.refusedByVerification, "its output is not") {
      try receipt.requireOutput(of: desk.path("mixed"))
    }
    refused(.refusedByVerification, "another owner's job") {
      _ = try VerifiedReceipt(
        contentsOf: desk.path("result"), policy: try PretendInstance.policy(),
        trust: PretendInstance.trust(), owner: OwnerKey().publicKey)
    }
    // Somebody writes another exit status into it.
    var forged = receipt.receipt
    forged.waitStatus = 1 << 8
    let quote = try Receipt.parse(receipt.file).quote
    refused(.refusedByVerification, "vouches for something else") {
      _ = try VerifiedReceipt(
        forged.encoded(quote: quote), policy: try PretendInstance.policy(),
        trust: PretendInstance.trust())
    }
  }

  @Test("an offer's quote is no receipt's, and the other way round")
  func purposes() throws {
    let desk = try Desk()
    let instance = try twoJobs(desk)
    let receipt = try Receipt.parse(VerifiedReceipt.receiptFile(desk.path("result")))
    let offerQuote = try instance.quote(instance.offer.reportData.encoded())
    refused(.refusedByVerification, "vouches for something else") {
      _ = try VerifiedReceipt(
        receipt.receipt.encoded(quote: offerQuote), policy: try PretendInstance.policy(),
        trust: PretendInstance.trust())
    }
    refused(.refusedByVerification, "vouches for something else") {
      _ = try desk.verify(instance.offer.encoded(quote: receipt.quote))
    }
  }

  @Test("tickets: every byte counts")
  func tickets() throws {
    let desk = try Desk()
    try desk.seal(try desk.instance().offerFile())
    let file = try desk.read("job.ticket")
    _ = try JobTicket(file, name: "t")
    var random = SystemRandomNumberGenerator()
    for place in Array(0..<130)
      + (0..<200).map({ _ in Int.random(in: 130..<file.count, using: &random) })
    {
      var changed = file
      changed[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      let error = #expect(throws: JobsError.self) { try JobTicket(changed, name: "t") }
      #expect(error?.kind == .malformed)
    }
    for count in stride(from: 0, to: file.count, by: 97) {
      #expect(throws: JobsError.self) { try JobTicket(Array(file.prefix(count)), name: "t") }
    }
  }
}
