import EnclaveCrypto
import JobFormat
import PayloadFormat
import Testing

/// One owner, one instance, and everything that they exchange.
struct Exchange {
  let ownerKey = P256.keyPair()!
  let instanceKeys = [JobKeyPair(.xWing)!, JobKeyPair(.x25519)!]
  let reply = JobKeyPair(.x25519)!
  let nonce = EnclaveCrypto.random(32)
  var context: OwnerContext { OwnerContext(publicKey: ownerKey.publicKey, nonce: nonce)! }
  let offer: Offer
  var order: JobOrder

  init(suites: [JobSuite] = [.xWing, .x25519]) {
    let owner = OwnerContext(publicKey: ownerKey.publicKey, nonce: nonce)!
    let keys = instanceKeys.map(\.publicKey).filter { suites.contains($0.suite) }
    offer = Offer(
      owner: owner, instance: EnclaveCrypto.random(32),
      configuration: JobDigest.configuration([1, 2, 3]), madeNs: 1_700_000_000_000_000_000,
      flags: [.inputsAreData], keys: keys, volumes: [Array("books".utf8), Array("a.b_c-9".utf8)])
    order = JobOrder(
      inputKey: EnclaveCrypto.random(32), inputRoot: EnclaveCrypto.random(40),
      inputCommitment: EnclaveCrypto.random(32), replyKey: reply.publicKey)
    order.inputSize = 24576
    order.arguments = [Array("--frame".utf8), Array("7".utf8), []]
    order.environment = [Array("SAMPLES=16".utf8)]
    order.volumeKeys = [
      JobVolumeKey(name: Array("books".utf8), key: EnclaveCrypto.random(32))!,
      JobVolumeKey(
        name: Array("a.b_c-9".utf8), key: EnclaveCrypto.random(32), root: EnclaveCrypto.random(40))!,
    ]
  }

  func sign(_ digest: [UInt8]) -> [UInt8]? {
    P256.sign(digest: digest, privateKey: ownerKey.privateKey)
  }

  func job(_ suite: JobSuite = .xWing) throws -> [UInt8] {
    let key = try offer.key(among: [suite])
    return try Job.encode(
      to: offer, key: key, order: order, number: EnclaveCrypto.random(32), sign: sign
    ).bytes
  }

  func privateKey(_ suite: JobSuite) -> [UInt8] {
    instanceKeys.first { $0.publicKey.suite == suite }!.privateKey
  }

  var receipt: Receipt {
    var r = Receipt(
      owner: context, offer: offer.digest, job: EnclaveCrypto.random(32),
      run: EnclaveCrypto.random(32), configuration: offer.configuration,
      inputCommitment: order.inputCommitment, outputCommitment: EnclaveCrypto.random(32))
    r.waitStatus = 3 << 8
    r.flags = [.inputsAreData, .repeatable]
    r.elapsedNs = 1_234_567
    r.outputBytes = 8192
    r.outputSize = 4096
    return r
  }
}

@Suite("Job formats") struct JobFormatTests {
  @Test("an offer says what was put into it, and its digest covers every byte")
  func offer() throws {
    let e = Exchange()
    let file = e.offer.encoded(quote: [9, 8, 7])
    let (read, quote) = try Offer.parse(file)
    #expect(read == e.offer && quote == [9, 8, 7])
    #expect(read.digest == e.offer.digest && read.keys.count == 2)
    #expect(read.reportData.digest == read.digest)
    #expect(read.reportData.purpose == Array("offer".utf8))
    for i in e.offer.body.indices {
      var changed = file
      changed[i] ^= 1
      if let other = try? Offer.parse(changed) { #expect(other.offer.digest != read.digest) }
    }
  }

  @Test("files that are cut at any place, or longer, are refused")
  func lengths() throws {
    let e = Exchange()
    let offer = e.offer.encoded(quote: [9, 8, 7])
    for n in offer.indices {
      #expect(throws: JobFormatError.self) { try Offer.parse(Array(offer[..<n])) }
    }
    #expect(throws: JobFormatError.truncated) { try Offer.parse(offer + [0]) }
    let receipt = e.receipt.encoded(quote: [1])
    for n in receipt.indices {
      #expect(throws: JobFormatError.self) { try Receipt.parse(Array(receipt[..<n])) }
    }
    #expect(throws: JobFormatError.truncated) { try Receipt.parse(receipt + [0]) }
    let job = try e.job()
    let body = 16 + Int(job.littleEndian(at: 12, count: 4))
    for n in 0..<body { #expect(throws: JobFormatError.self) { try Job(Array(job[..<n])) } }
  }

  @Test("names of volumes: letters, digits, - _ ., at most 64 bytes, at most 16, each once")
  func volumeNames() throws {
    func isGood(_ names: String...) -> Bool { Offer.areVolumeNames(names.map { Array($0.utf8) }) }
    #expect(isGood() && isGood("a", "A", "0-_.") && isGood(String(repeating: "n", count: 64)))
    #expect(!isGood("") && !isGood("a", "b", "a") && !isGood(String(repeating: "n", count: 65)))
    #expect(!isGood("a/b") && !isGood("a b") && !isGood("ä") && !isGood("a=b"))
    #expect(Offer.areVolumeNames((0..<16).map { [0x61 + UInt8($0)] }))
    #expect(!Offer.areVolumeNames((0..<17).map { [0x61 + UInt8($0)] }))
    let key = EnclaveCrypto.random(32)
    #expect(JobVolumeKey(name: Array("a/b".utf8), key: key) == nil)
    #expect(JobVolumeKey(name: [0x61], key: Array(key.dropLast())) == nil)
    #expect(JobVolumeKey(name: [0x61], key: key, root: [1]) == nil)
    #expect(JobVolumeKey(name: [0x61], key: key, root: [UInt8](repeating: 0, count: 40)) == nil)
  }

  @Test("two keys for one volume are refused") func twoKeys() throws {
    var e = Exchange()
    e.order.volumeKeys[1].name = e.order.volumeKeys[0].name
    let job = try Job(try e.job())
    #expect(throws: JobFormatError.malformed("")) { try job.open(privateKey: e.privateKey(.xWing)) }
  }

  @Test("an offer whose volumes are more, or named otherwise, than is possible is refused")
  func offeredVolumes() throws {
    let e = Exchange()
    let file = e.offer.encoded(quote: [9])
    let at = try #require(
      file.indices.first { Array(file[$0...].prefix(9)) == [5, 0, 0, 0] + Array("books".utf8) })
    var changed = file
    changed[at - 4] = 17
    #expect(throws: JobFormatError.malformed("")) { try Offer.parse(changed) }
    changed = file
    changed[at + 4] = 0x2F
    #expect(throws: JobFormatError.malformed("")) { try Offer.parse(changed) }
    changed = file
    changed[at] = 200
    #expect(throws: JobFormatError.malformed("")) { try Offer.parse(changed) }
  }

  @Test("a file of another kind is named")
  func kinds() throws {
    let e = Exchange()
    #expect(throws: JobFormatError.otherFile(.offer)) { try Job(e.offer.encoded(quote: [])) }
    #expect(throws: JobFormatError.otherFile(.job)) { try Offer.parse(try e.job()) }
    #expect(throws: JobFormatError.otherFile(.receipt)) {
      try JobResult(e.receipt.encoded(quote: []))
    }
    #expect(throws: JobFormatError.otherFile(nil)) {
      try Receipt.parse(Array("hello, world!".utf8))
    }
    var newer = e.receipt.encoded(quote: [])
    newer[8] = 2
    #expect(throws: JobFormatError.newerVersion(2)) { try Receipt.parse(newer) }
  }

  @Test(
    "a job opens with the instance's key of its suite and is the owner's",
    arguments: JobSuite.allCases)
  func job(_ suite: JobSuite) throws {
    let e = Exchange()
    let file = try e.job(suite)
    #expect(file.count % 4096 == 0)
    let job = try Job(file)
    #expect(job.offer == e.offer.digest && job.suite == suite)
    #expect(job.volumeOffset == UInt64(file.count))
    #expect(job.isSigned(by: e.context))
    #expect(try job.open(privateKey: e.privateKey(suite)) == e.order)
  }

  @Test("no byte of a job can be changed") func jobTampering() throws {
    let e = Exchange()
    let file = try e.job(.x25519)
    let body = 16 + Int(file.littleEndian(at: 12, count: 4))
    for i in 0..<body {
      var changed = file
      changed[i] ^= 1 << UInt8(i % 8)
      guard let job = try? Job(changed) else { continue }
      #expect(!job.isSigned(by: e.context), "byte \(i)")
    }
  }

  @Test("a job for another instance, or signed by another owner, is nobody's") func otherParties()
    throws
  {
    let e = Exchange()
    let other = Exchange()
    let job = try Job(try e.job())
    #expect(throws: JobFormatError.cannotOpen) {
      try job.open(privateKey: other.privateKey(.xWing))
    }
    #expect(!job.isSigned(by: other.context))
    // The same key with another nonce is another instance, but the same signer.
    #expect(job.isSigned(by: OwnerContext(publicKey: e.ownerKey.publicKey, nonce: other.nonce)!))
  }

  @Test("X-Wing is chosen where it is offered; a key that was not offered is refused")
  func suites() throws {
    #expect(try Exchange().offer.key().suite == .xWing)
    let old = Exchange(suites: [.x25519])
    #expect(try old.offer.key().suite == .x25519)
    #expect(throws: JobFormatError.suite) { try old.offer.key(among: [.xWing]) }
    let e = Exchange()
    #expect(throws: JobFormatError.suite) {
      try Job.encode(
        to: e.offer, key: old.instanceKeys[0].publicKey, order: e.order, number: e.nonce,
        sign: e.sign)
    }
  }

  @Test("the order's size says little of the arguments") func padding() throws {
    var e = Exchange()
    let size = try e.job().count
    e.order.arguments.append(Array("--a-longer-argument".utf8))
    #expect(try e.job().count == size)
  }

  @Test("a result opens for its job and run only") func result() throws {
    let e = Exchange()
    let r = e.receipt
    let secrets = JobResult.Secrets(
      outputKey: EnclaveCrypto.random(32), outputRoot: EnclaveCrypto.random(40),
      receiptDigest: r.digest)
    let file = try JobResult.encode(
      job: r.job, run: r.run, replyKey: e.reply.publicKey,
      receipt: r.encoded(quote: [5]), secrets: secrets)
    #expect(UInt64(file.count) == JobResult.volumeOffset)
    let result = try JobResult(file)
    #expect(try Receipt.parse(result.receipt).receipt == r)
    #expect(try result.open(privateKey: e.reply.privateKey) == secrets)
    let body = 16 + Int(file.littleEndian(at: 12, count: 4))
    for i in 0..<body {
      var changed = file
      changed[i] ^= 1
      #expect(throws: JobFormatError.self, "byte \(i)") {
        try JobResult(changed).open(privateKey: e.reply.privateKey)
      }
    }
  }

  @Test("a receipt says what was put into it, and its digest covers every byte")
  func receipt() throws {
    let r = Exchange().receipt
    let file = r.encoded(quote: [4])
    let (read, quote) = try Receipt.parse(file)
    #expect(read == r && quote == [4] && read.exitCode == 3 && read.signal == nil)
    #expect(file.count == 16 + Receipt.bodySize + 5)
    for i in r.body.indices {
      var changed = file
      changed[i] ^= 1
      if let other = try? Receipt.parse(changed) { #expect(other.receipt.digest != r.digest) }
    }
  }

  @Test("CONFIGID depends on key and nonce and carries the label") func configID() throws {
    let a = Exchange().context
    let b = OwnerContext(publicKey: a.publicKey, nonce: EnclaveCrypto.random(32))!
    #expect(a.CONFIGID.count == 64 && a.CONFIGID != b.CONFIGID)
    #expect(OwnerContext.isBound(CONFIGID: a.CONFIGID))
    #expect(!OwnerContext.isBound(CONFIGID: [UInt8](repeating: 0, count: 64)))
    #expect(OwnerContext(publicKey: a.publicKey, nonce: [1]) == nil)
  }
}
