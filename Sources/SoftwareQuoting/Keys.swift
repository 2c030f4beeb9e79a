import Crypto

/// The private keys of a software machine's PKI.
package struct PKIKeys: Sendable {
  package var root = P256.Signing.PrivateKey()
  package var platformCA = P256.Signing.PrivateKey()
  package var tcbSigning = P256.Signing.PrivateKey()
  package var pck = P256.Signing.PrivateKey()
  package var attestation = P256.Signing.PrivateKey()

  package init() {}
}

extension P256.Signing.PrivateKey {
  /// r ‖ s over the SHA-256 of `bytes`.
  func rawSignature(_ bytes: [UInt8]) -> [UInt8] {
    guard let signature = try? signature(for: bytes) else {
      preconditionFailure("signing with a key in memory")
    }
    return Array(signature.rawRepresentation)
  }

  func derSignature(_ bytes: [UInt8]) -> [UInt8] {
    guard let signature = try? signature(for: bytes) else {
      preconditionFailure("signing with a key in memory")
    }
    return Array(signature.derRepresentation)
  }
}
