import CEnclaveCrypto

/// X25519 (RFC 7748). Keys are 32 bytes.
public enum X25519 {
  public static func keyPair() -> (privateKey: [UInt8], publicKey: [UInt8]) {
    var private_key = [UInt8](repeating: 0, count: 32)
    // SAFETY: both arrays have 32 bytes.
    let public_key = unsafe [UInt8].filled(32) { (p) in
      unsafe private_key.withUnsafeMutableBufferPointer { (q) in
        unsafe cl_x25519_keypair(p, q.baseAddress!)
      }
      return 1
    }!
    return (private_key, public_key)
  }
  public static func publicKey(of privateKey: [UInt8]) -> [UInt8]? {
    guard privateKey.count == 32 else { return nil }
    return unsafe privateKey.withPointer { (k, _) in
      unsafe [UInt8].filled(32) { (p) in
        unsafe cl_x25519_public(p, k)
        return 1
      }
    }
  }
  /// nil: a key of another size, or a peer's point of small order.
  public static func sharedSecret(privateKey: [UInt8], peer: [UInt8]) -> [UInt8]? {
    guard privateKey.count == 32, peer.count == 32 else { return nil }
    return unsafe privateKey.withPointer { (k, _) in
      unsafe peer.withPointer { (q, _) in
        unsafe [UInt8].filled(32) { (p) in unsafe cl_x25519(p, k, q) }
      }
    }
  }
}

/// Ed25519 (RFC 8032). A private key is the seed of 32 bytes; signatures are 64 bytes.
public enum Ed25519 {
  public static func publicKey(of seed: [UInt8]) -> [UInt8]? {
    guard seed.count == 32 else { return nil }
    return unsafe seed.withPointer { (k, _) in
      unsafe [UInt8].filled(32) { (p) in
        unsafe cl_ed25519_keypair(p, k)
        return 1
      }
    }
  }
  public static func sign(_ message: Span<UInt8>, seed: [UInt8]) -> [UInt8]? {
    guard seed.count == 32 else { return nil }
    return unsafe seed.withPointer { (k, _) in
      unsafe message.withPointer { (m, n) in
        unsafe [UInt8].filled(64) { (s) in unsafe cl_ed25519_sign(s, k, m, n) }
      }
    }
  }
  public static func isValid(_ signature: [UInt8], of message: Span<UInt8>, publicKey: [UInt8])
    -> Bool
  {
    guard signature.count == 64, publicKey.count == 32 else { return false }
    return unsafe signature.withPointer { (s, _) in
      unsafe publicKey.withPointer { (k, _) in
        unsafe message.withPointer { (m, n) in unsafe cl_ed25519_verify(s, k, m, n) == 1 }
      }
    }
  }
}

/// P-256 (FIPS 186-5, SP 800-56A). Private keys are 32 bytes; public keys 64 (X, Y, big-endian); signatures 64 (r, s).
public enum P256 {
  /// nil: no memory.
  public static func keyPair() -> (privateKey: [UInt8], publicKey: [UInt8])? {
    var private_key = [UInt8](repeating: 0, count: 32)
    let public_key = unsafe [UInt8].filled(64) { (p) in
      unsafe private_key.withUnsafeMutableBufferPointer { (q) in
        unsafe cl_p256_keypair(p, q.baseAddress!)
      }
    }
    guard let public_key else { return nil }
    return (private_key, public_key)
  }
  /// nil: not a private key (zero, or not below the group's order).
  public static func publicKey(of privateKey: [UInt8]) -> [UInt8]? {
    guard privateKey.count == 32 else { return nil }
    return unsafe privateKey.withPointer { (k, _) in
      unsafe [UInt8].filled(64) { (p) in unsafe cl_p256_public(p, k) }
    }
  }
  /// ECDSA over a digest (32, 48 or 64 bytes).
  public static func sign(digest: [UInt8], privateKey: [UInt8]) -> [UInt8]? {
    guard privateKey.count == 32, isDigest(digest) else { return nil }
    return unsafe privateKey.withPointer { (k, _) in
      unsafe digest.withPointer { (d, n) in
        unsafe [UInt8].filled(64) { (s) in unsafe cl_p256_sign(s, k, d, n) }
      }
    }
  }
  public static func isValid(_ signature: [UInt8], digest: [UInt8], publicKey: [UInt8]) -> Bool {
    guard signature.count == 64, publicKey.count == 64, isDigest(digest) else { return false }
    return unsafe signature.withPointer { (s, _) in
      unsafe publicKey.withPointer { (k, _) in
        unsafe digest.withPointer { (d, n) in unsafe cl_p256_verify(s, k, d, n) == 1 }
      }
    }
  }
  /// The X coordinate of the shared point. nil: a point that is not on the curve, or not a private key.
  public static func sharedSecret(privateKey: [UInt8], peer: [UInt8]) -> [UInt8]? {
    guard privateKey.count == 32, peer.count == 64 else { return nil }
    return unsafe privateKey.withPointer { (k, _) in
      unsafe peer.withPointer { (q, _) in
        unsafe [UInt8].filled(32) { (p) in unsafe cl_p256_ecdh(p, k, q) }
      }
    }
  }
  private static func isDigest(_ d: [UInt8]) -> Bool {
    d.count == 32 || d.count == 48 || d.count == 64
  }
}
