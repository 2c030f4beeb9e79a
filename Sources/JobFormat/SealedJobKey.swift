import EnclaveCrypto
import PayloadFormat

/// An instance's private keys on the provider's disk (`cloister offer --seal`), sealed to the processor, the payload and
/// the owner.
///
/// | offset | size | field |
/// | --- | --- | --- |
/// | 0 | 8 | magic `CLJOBKEY` |
/// | 8 | 4 | version, 1 |
/// | 12 | 4 | zero |
/// | 16 | 96 | the owner's public key and nonce (`OwnerContext`) |
/// | 112 | 36 | what EGETKEY needs: CPUSVN (16), ISVSVN (2), CONFIGSVN (2), salt (16) |
/// | 148 | 4 + n | header and body of the offer: count, bytes |
/// | | 4 + n | sealed: count, bytes |
///
/// Sealed are the private keys, 32 bytes each, in the order of the offer's keys: AES-256-GCM, nonce zero, additional data all
/// bytes before the sealed part's count. The key is HKDF-SHA256 of the sealing key with the info `cloister job key 1`; the salt
/// is random, so no key seals twice.
public struct SealedJobKey: Sendable {
  public static let magic: [UInt8] = [0x43, 0x4C, 0x4A, 0x4F, 0x42, 0x4B, 0x45, 0x59]
  public static let largestSize = 16 << 10
  public static let requestSize = 36

  public let owner: OwnerContext
  /// CPUSVN, ISVSVN, CONFIGSVN, salt.
  public let request: [UInt8]
  public let offer: Offer
  private let sealed: [UInt8]
  private let clear: [UInt8]

  public static func encode(
    owner: OwnerContext, request: [UInt8], offer: Offer, keys: [JobKeyPair], sealingKey: [UInt8]
  ) -> [UInt8]? {
    precondition(request.count == requestSize)
    var out = magic
    out.appendLittleEndian(1, count: 4)
    out.appendLittleEndian(0, count: 4)
    out += owner.encoded() + request
    out.appendCounted(offer.body)
    var secret: [UInt8] = []
    for key in keys { secret += key.privateKey }
    defer { EnclaveCrypto.wipe(&secret) }
    guard let cipher = cipher(sealingKey) else { return nil }
    let nonce = [UInt8](repeating: 0, count: AESGCM.nonceSize)
    var span = secret.mutableSpan
    guard let tag = cipher.sealInPlace(&span, nonce: nonce.span, authenticating: out.span) else {
      return nil
    }
    out.appendCounted(secret + tag)
    return out
  }

  private static func cipher(_ sealingKey: [UInt8]) -> AESGCM? {
    let none: [UInt8] = []
    let info = JobDigest.bytes("cloister job key 1")
    guard
      var key = HKDFSHA256.deriveKey(
        secret: sealingKey.span, salt: none.span, info: info.span, count: 32)
    else { return nil }
    defer { EnclaveCrypto.wipe(&key) }
    return AESGCM(key: key.span)
  }

  public init(_ bytes: [UInt8]) throws(JobFormatError) {
    guard bytes.count >= 16, [UInt8](bytes[..<8]) == Self.magic else {
      throw .otherFile(JobFileKind(magic: bytes))
    }
    var r = JobReader(bytes, from: 8)
    let version = UInt32(try r.integer(4))
    if version > 1 { throw .newerVersion(version) }
    guard version == 1 else { throw .malformed("its version is 0") }
    try r.zeros(4)
    guard let owner = OwnerContext(encoded: try r.take(OwnerContext.size)) else {
      throw .truncated
    }
    self.owner = owner
    request = try r.take(Self.requestSize)
    var body = try r.counted(atMost: JobFileKind.offer.largestBody + JobFileKind.headerSize)
    body.appendCounted([])
    offer = try Offer.parse(body).offer
    clear = [UInt8](bytes[..<r.position])
    sealed = try r.counted(atMost: 4 * 32 + AESGCM.tagSize)
    try r.finish()
  }

  /// The keys of the offer, in its order.
  public func open(sealingKey: [UInt8]) throws(JobFormatError) -> [JobKeyPair] {
    guard offer.owner == owner, sealed.count == 32 * offer.keys.count + AESGCM.tagSize,
      let cipher = Self.cipher(sealingKey)
    else { throw .malformed("it does not fit its offer") }
    var secret = [UInt8](sealed[..<(32 * offer.keys.count)])
    defer { EnclaveCrypto.wipe(&secret) }
    let tag = [UInt8](sealed[secret.count...])
    let nonce = [UInt8](repeating: 0, count: AESGCM.nonceSize)
    var span = secret.mutableSpan
    guard
      cipher.openInPlace(
        &span, tag: tag.span, nonce: nonce.span, authenticating: clear.span)
    else { throw .cannotOpen }
    var pairs: [JobKeyPair] = []
    for (i, key) in offer.keys.enumerated() {
      guard
        let pair = JobKeyPair(
          key.suite, privateKey: [UInt8](secret[(32 * i)..<(32 * i + 32)])),
        pair.publicKey == key
      else { throw .cannotOpen }
      pairs.append(pair)
    }
    return pairs
  }
}
