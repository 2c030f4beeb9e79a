import EnclaveCrypto

/// Whose instance it is: the owner's public key and the nonce that the owner chose for it. CONFIGID of the enclave says
/// so, which is fixed at ECREATE and stands in every report and every sealing key.
public struct OwnerContext: Equatable, Sendable {
  public static let publicKeySize = 64
  public static let nonceSize = 32
  /// As the host hands it to the enclave: the key, then the nonce.
  public static let size = 96
  public static let CONFIGIDSize = 64

  /// P-256: X and Y, big-endian, 32 bytes each.
  public let publicKey: [UInt8]
  /// 32 bytes that the owner never used before.
  public let nonce: [UInt8]

  /// nil: a wrong size.
  public init?(publicKey: [UInt8], nonce: [UInt8]) {
    guard publicKey.count == Self.publicKeySize, nonce.count == Self.nonceSize else { return nil }
    self.publicKey = publicKey
    self.nonce = nonce
  }

  public init?(encoded bytes: [UInt8]) {
    guard bytes.count == Self.size else { return nil }
    self.init(publicKey: [UInt8](bytes[..<64]), nonce: [UInt8](bytes[64...]))
  }

  public func encoded() -> [UInt8] { publicKey + nonce }

  /// | offset | size | field |
  /// | --- | --- | --- |
  /// | 0 | 32 | SHA-256 of `cloister owner 1`, a zero byte, the public key, the nonce |
  /// | 32 | 16 | `cloister-owner`, filled up with zeros |
  /// | 48 | 16 | zero |
  public var CONFIGID: [UInt8] {
    JobDigest.of("cloister owner 1", publicKey, nonce) + Self.label
      + [UInt8](repeating: 0, count: 16)
  }

  /// `cloister-owner`
  static let label: [UInt8] = [
    0x63, 0x6C, 0x6F, 0x69, 0x73, 0x74, 0x65, 0x72, 0x2D, 0x6F, 0x77, 0x6E, 0x65, 0x72, 0, 0,
  ]

  /// Whether a CONFIGID says that the instance belongs to some owner.
  public static func isBound(CONFIGID: [UInt8]) -> Bool {
    guard CONFIGID.count == CONFIGIDSize else { return false }
    for i in 0..<16 where CONFIGID[32 + i] != label[i] || CONFIGID[48 + i] != 0 { return false }
    return true
  }
}
