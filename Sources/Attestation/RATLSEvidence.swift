import Crypto
import SwiftASN1
import X509

/// The evidence in an RA-TLS certificate: a quote bound to the certificate's key.
///
/// Two forms: the interoperable one (TCG DICE tagged evidence, 2.23.133.5.4.9: tag 60000 on
/// [quote, claims], with the hash of the claims in REPORTDATA and the hash of the key in the
/// claims); Gramine's older one (the quote itself, with the hash of the key in REPORTDATA).
public struct RATLSEvidence: Hashable, Sendable {
  public static let taggedEvidence: ASN1ObjectIdentifier = [2, 23, 133, 5, 4, 9]
  public static let gramine: ASN1ObjectIdentifier = [1, 2, 840, 113_741, 1337, 6]
  /// Gramine writes its OID with the tag and length inside; so do those who copied it.
  public static let gramineQuirk: ASN1ObjectIdentifier = [
    0, 6, 9, 42, 840, 113_741, 1337, 6,
  ]
  static let quoteTag = 60_000

  public let quote: [UInt8]
  /// What REPORTDATA must be for the quote to vouch for the certificate's key.
  public let reportData: [UInt8]
  /// From the claims of the interoperable form.
  public let nonce: [UInt8]?

  /// Reads the evidence and checks that it speaks of this certificate's key, that REPORTDATA
  /// aside: the verification compares that with `reportData`.
  public init(certificateDER der: [UInt8]) throws(FormatError) {
    guard der.count <= 256 * 1024 else { throw FormatError("the certificate is over 256 KiB") }
    let certificate: X509.Certificate
    let publicKey: [UInt8]
    do {
      certificate = try X509.Certificate(derEncoded: der)
      var serializer = DER.Serializer()
      try serializer.serialize(certificate.publicKey)
      publicKey = serializer.serializedBytes
    } catch {
      throw FormatError("bad certificate: \(PlainWords.of(error))")
    }
    if let item = certificate.extensions[oid: Self.taggedEvidence] {
      try self.init(tagged: item.value, publicKey: publicKey)
    } else if let item = certificate.extensions[oid: Self.gramine]
      ?? certificate.extensions[oid: Self.gramineQuirk]
    {
      self.init(
        quote: Array(item.value), reportData: Self.padded(SHA256.hash(data: publicKey)),
        nonce: nil)
    } else {
      throw FormatError("the certificate carries no RA-TLS evidence")
    }
  }

  private init(quote: [UInt8], reportData: [UInt8], nonce: [UInt8]?) {
    self.quote = quote
    self.reportData = reportData
    self.nonce = nonce
  }

  private init(tagged value: ArraySlice<UInt8>, publicKey: [UInt8]) throws(FormatError) {
    var reader = CBORReader(value)
    guard try reader.tag() == Self.quoteTag else {
      throw FormatError("the evidence is not a quote of an Intel TEE (CBOR tag 60000)")
    }
    guard try reader.array() == 2 else { throw FormatError("the evidence is not [quote, claims]") }
    quote = try reader.byteString()
    let claims = try reader.byteString()
    guard reader.isAtEnd else { throw FormatError("bytes after the evidence") }
    reportData = Self.padded(SHA256.hash(data: claims))

    var map = CBORReader(claims[...])
    var keyHash: [UInt8]?
    var nonce: [UInt8]?
    for _ in 0..<(try map.map()) {
      let name = try map.text()
      let value = try map.byteString()
      switch name {
      case "pubkey-hash":
        guard keyHash == nil else { throw FormatError("pubkey-hash twice") }
        keyHash = value
      case "nonce":
        guard nonce == nil else { throw FormatError("nonce twice") }
        nonce = value
      default: break
      }
    }
    guard map.isAtEnd else { throw FormatError("bytes after the claims") }
    guard let keyHash else { throw FormatError("the claims have no pubkey-hash") }
    try Self.check(keyHash, publicKey)
    self.nonce = nonce
  }

  /// `[algorithm of the IANA named-information registry, hash of SubjectPublicKeyInfo]`
  private static func check(_ entry: [UInt8], _ publicKey: [UInt8]) throws(FormatError) {
    var reader = CBORReader(entry[...])
    guard try reader.array() == 2 else { throw FormatError("bad pubkey-hash") }
    let algorithm = try reader.integer()
    let hash = try reader.byteString()
    guard reader.isAtEnd else { throw FormatError("bad pubkey-hash") }
    let expected: [UInt8]
    switch algorithm {
    case 1: expected = Array(SHA256.hash(data: publicKey))
    case 7: expected = Array(SHA384.hash(data: publicKey))
    case 8: expected = Array(SHA512.hash(data: publicKey))
    default: throw FormatError("pubkey-hash with the unknown algorithm \(algorithm)")
    }
    guard hash == expected else {
      throw FormatError("the evidence speaks of another key than the certificate's")
    }
  }

  static func padded(_ hash: SHA256.Digest) -> [UInt8] {
    Array(hash) + [UInt8](repeating: 0, count: 32)
  }
}
