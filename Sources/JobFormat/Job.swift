import EnclaveCrypto
import PayloadFormat

/// A job as it lies on the provider's disk: what may be read by all, the sealed order, the owner's signature, and behind
/// them the input, a sealed volume.
///
/// | offset | size | field |
/// | --- | --- | --- |
/// | 0 | 16 | header (`JobFileKind`), magic `CLJOB` |
/// | 16 | 32 | digest of the offer that it is for |
/// | 48 | 64 | the owner's public key |
/// | 112 | 32 | job: random, so that two jobs are never the same |
/// | 144 | 8 | suite (`JobSuite`) |
/// | 152 | 8 | where the input volume begins, a multiple of 4096 |
/// | 160 | 4 + n | encapsulated key: count, bytes |
/// | | 4 + n | the order (`JobOrder`), sealed: count, bytes |
/// | | 64 | signature: ECDSA with P-256, r and s, over `digest` |
///
/// Zeros follow up to the volume, which goes to the end of the file.
///
/// HPKE's info is `cloister job 1`, a zero byte, the offer's digest and the suite; additional data are all bytes before the
/// order's count.
public struct Job: Sendable {
  public static let volumeAlignment: UInt64 = 4096
  public static let signatureSize = 64

  public let offer: [UInt8]
  public let ownerKey: [UInt8]
  public let number: [UInt8]
  public let suite: JobSuite
  public let volumeOffset: UInt64
  let encapsulatedKey: [UInt8]
  let sealedOrder: [UInt8]
  let signature: [UInt8]
  /// Additional data of the sealed order.
  let clear: [UInt8]
  /// Names the job: the owner signs it, the result and the receipt state it. SHA-256 of `cloister job 1`, a zero byte, and
  /// the file up to the signature.
  public let digest: [UInt8]

  /// What comes before the input volume.
  ///
  /// - Parameters:
  ///   - number: 32 random bytes.
  ///   - sign: signs a digest with the owner's key: 64 bytes, r and s.
  public static func encode(
    to offer: Offer, key: JobPublicKey, order: JobOrder, number: [UInt8],
    sign: (_ digest: [UInt8]) -> [UInt8]?
  ) throws(JobFormatError) -> (bytes: [UInt8], digest: [UInt8]) {
    precondition(number.count == 32)
    guard offer.keys.contains(key) else { throw .suite }
    let plain = try order.encoded()
    let info = info(offer: offer.digest, key.suite)
    guard let context = HPKE.Context(sendingTo: key.bytes, kem: key.suite.kem, info: info.span)
    else { throw .malformed("the offer's key is no public key") }
    let enc = context.encapsulatedKey
    let bodySize = 144 + 4 + enc.count + 4 + plain.count + 16 + signatureSize
    guard bodySize <= JobFileKind.job.largestBody else {
      throw .malformed("arguments and environment are too long")
    }
    let end = UInt64(JobFileKind.headerSize + bodySize)
    let volumeOffset = (end + volumeAlignment - 1) / volumeAlignment * volumeAlignment
    var out = JobFileKind.job.header(bodySize: bodySize)
    out += offer.digest + offer.owner.publicKey + number + key.suite.encoded()
    out.appendLittleEndian(volumeOffset, count: 8)
    out.appendCounted(enc)
    guard let sealed = context.seal(plain.span, authenticating: out.span) else {
      throw .cannotOpen
    }
    out.appendCounted(sealed)
    let digest = JobDigest.of("cloister job 1", out)
    guard let signature = sign(digest), signature.count == signatureSize else {
      throw .malformed("the owner's key does not sign")
    }
    out += signature
    while UInt64(out.count) < volumeOffset { out.append(0) }
    return (out, digest)
  }

  private static func info(offer: [UInt8], _ suite: JobSuite) -> [UInt8] {
    JobDigest.bytes("cloister job 1") + [0] + offer + suite.encoded()
  }

  /// Reads header and body: the first `16 + bodySize` bytes of a file (more may follow). Nothing in it is believed before
  /// `isSigned`.
  public init(_ bytes: [UInt8]) throws(JobFormatError) {
    let size = try JobFileKind.job.bodySize(header: bytes)
    let end = JobFileKind.headerSize + size
    guard bytes.count >= end else { throw .truncated }
    var r = JobReader(bytes, from: JobFileKind.headerSize, to: end)
    offer = try r.take(32)
    ownerKey = try r.take(OwnerContext.publicKeySize)
    number = try r.take(32)
    guard let suite = JobSuite(encoded: try r.take(JobSuite.encodedSize)) else { throw .suite }
    self.suite = suite
    volumeOffset = try r.integer(8)
    guard volumeOffset % Self.volumeAlignment == 0, volumeOffset >= UInt64(end),
      volumeOffset < UInt64(end) + Self.volumeAlignment
    else { throw .malformed("it states a wrong place of its input") }
    encapsulatedKey = try r.counted(atMost: 4096)
    clear = [UInt8](bytes[..<r.position])
    sealedOrder = try r.counted(atMost: JobFileKind.job.largestBody)
    digest = JobDigest.of("cloister job 1", [UInt8](bytes[..<r.position]))
    signature = try r.take(Self.signatureSize)
    try r.finish()
  }

  /// Whether the owner of this key signed it.
  public func isSigned(by owner: OwnerContext) -> Bool {
    ownerKey == owner.publicKey
      && P256.isValid(signature, digest: digest, publicKey: owner.publicKey)
  }

  /// Opens the order with the instance's private key of the job's suite.
  public func open(privateKey: [UInt8]) throws(JobFormatError) -> JobOrder {
    guard
      var plain = suite.open(
        sealedOrder, encapsulatedKey: encapsulatedKey, privateKey: privateKey,
        info: Self.info(offer: offer, suite), authenticating: clear)
    else { throw .cannotOpen }
    defer { EnclaveCrypto.wipe(&plain) }
    return try JobOrder(plain)
  }
}
