import EnclaveCrypto

/// ECDSA with P-256 over a digest that was made already, which swift-crypto's own API does not offer.
func signP256(digest: [UInt8], wiping secret: inout [UInt8]) -> [UInt8]? {
  defer { EnclaveCrypto.wipe(&secret) }
  return P256.sign(digest: digest, privateKey: secret)
}
