import EnclaveCrypto
import PayloadFormat

/// The encryption of a message: HPKE (RFC 9180) in base mode, with HKDF-SHA256 (0x0001) and AES-256-GCM (0x0002); which
/// key encapsulation is chosen.
///
/// | offset | size | field |
/// | --- | --- | --- |
/// | 0 | 2 | KEM: 0x647A X-Wing, 0x0020 X25519 with HKDF-SHA256 |
/// | 2 | 2 | KDF, 0x0001 |
/// | 4 | 2 | AEAD, 0x0002 |
/// | 6 | 2 | zero |
public enum JobSuite: Sendable, CaseIterable {
  /// ML-KEM-768 and X25519 together: stays closed if only one of them falls. The first choice.
  case xWing
  case x25519

  public static let encodedSize = 8

  public var kem: HPKE.KEM {
    switch self {
    case .xWing: .xWing
    case .x25519: .x25519
    }
  }

  public var name: StaticString {
    switch self {
    case .xWing: "X-Wing"
    case .x25519: "X25519"
    }
  }

  public func encoded() -> [UInt8] {
    var out: [UInt8] = []
    out.appendLittleEndian(UInt64(kem.rawValue), count: 2)
    out.appendLittleEndian(1, count: 2)
    out.appendLittleEndian(2, count: 2)
    out.appendLittleEndian(0, count: 2)
    return out
  }

  /// nil: a suite that is not known here.
  public init?(encoded bytes: [UInt8]) {
    for suite in Self.allCases where suite.encoded() == bytes {
      self = suite
      return
    }
    return nil
  }
}

extension JobSuite {
  /// What was sealed to the public key of `privateKey`; nil: it does not open. The caller wipes it.
  func open(
    _ sealed: [UInt8], encapsulatedKey: [UInt8], privateKey: [UInt8], info: [UInt8],
    authenticating clear: [UInt8]
  ) -> [UInt8]? {
    let context = HPKE.Context(
      receivingWith: privateKey, kem: kem, encapsulatedKey: encapsulatedKey, info: info.span)
    return context?.open(sealed.span, authenticating: clear.span)
  }
}

/// A public key with its suite: suite (8 bytes), count (4 bytes), the key.
public struct JobPublicKey: Equatable, Sendable {
  public let suite: JobSuite
  public let bytes: [UInt8]

  /// nil: a wrong size for the suite.
  public init?(suite: JobSuite, bytes: [UInt8]) {
    guard bytes.count == suite.kem.publicKeySize else { return nil }
    self.suite = suite
    self.bytes = bytes
  }

  func encoded() -> [UInt8] {
    var out = suite.encoded()
    out.appendCounted(bytes)
    return out
  }

  /// nil: a key of a suite that is not known here, which is passed over.
  static func read(_ reader: inout JobReader) throws(JobFormatError) -> JobPublicKey? {
    let suite = JobSuite(encoded: try reader.take(JobSuite.encodedSize))
    let key = try reader.counted(atMost: 4096)
    guard let suite else { return nil }
    guard let made = JobPublicKey(suite: suite, bytes: key) else {
      throw .malformed("a public key has the wrong size")
    }
    return made
  }
}

/// A pair of keys; the private one is 32 bytes.
public struct JobKeyPair: Sendable {
  public let publicKey: JobPublicKey
  public private(set) var privateKey: [UInt8]

  /// nil: no memory.
  public init?(_ suite: JobSuite) {
    guard let pair = HPKE.keyPair(suite.kem),
      let key = JobPublicKey(suite: suite, bytes: pair.publicKey)
    else { return nil }
    publicKey = key
    privateKey = pair.privateKey
  }

  /// nil: not a private key of the suite.
  public init?(_ suite: JobSuite, privateKey: [UInt8]) {
    guard let bytes = HPKE.publicKey(suite.kem, of: privateKey),
      let key = JobPublicKey(suite: suite, bytes: bytes)
    else { return nil }
    publicKey = key
    self.privateKey = privateKey
  }

  /// Overwrites the private key.
  public mutating func wipe() { EnclaveCrypto.wipe(&privateKey) }
}
