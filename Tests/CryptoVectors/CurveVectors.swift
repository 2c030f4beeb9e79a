import EnclaveCrypto

extension CryptoVectors {
  static func x25519(_ report: Report) {
    let key = pattern(32, 21)
    let peer = hex(Expected.x25519Peer)
    report("X25519: public key", X25519.publicKey(of: key) == hex(Expected.x25519Public))
    report(
      "X25519: shared secret",
      X25519.sharedSecret(privateKey: key, peer: peer) == hex(Expected.x25519Shared))
    // RFC 7748, 6.1: points of small order give an all-zero secret, which must be refused.
    let zero = [UInt8](repeating: 0, count: 32)
    var one = zero
    one[0] = 1
    var minusOne = [UInt8](repeating: 0xFF, count: 32)
    minusOne[0] = 0xEC
    minusOne[31] = 0x7F
    for point in [zero, one, minusOne] {
      report(
        "X25519: point of small order", X25519.sharedSecret(privateKey: key, peer: point) == nil)
    }
    report(
      "X25519: wrong sizes",
      X25519.sharedSecret(privateKey: key, peer: peer + [0]) == nil
        && X25519.sharedSecret(privateKey: [], peer: peer) == nil
        && X25519.publicKey(of: pattern(31)) == nil)
    let a = X25519.keyPair()
    let b = X25519.keyPair()
    report(
      "X25519: two new keys",
      a.privateKey != b.privateKey
        && X25519.sharedSecret(privateKey: a.privateKey, peer: b.publicKey)
          == X25519.sharedSecret(privateKey: b.privateKey, peer: a.publicKey)
    )
  }

  static func ed25519(_ report: Report) {
    let seed = pattern(32, 25)
    let key = hex(Expected.ed25519Public)
    let signature = hex(Expected.ed25519Signature)
    let message = pattern(77)
    report("Ed25519: public key", Ed25519.publicKey(of: seed) == key)
    report("Ed25519: signature", Ed25519.sign(message.span, seed: seed) == signature)
    func valid(_ s: [UInt8], _ m: [UInt8], _ k: [UInt8]) -> Bool {
      Ed25519.isValid(s, of: m.span, publicKey: k)
    }
    report("Ed25519: valid", valid(signature, message, key))
    var refused = true
    for i in 0..<64 where valid(flipped(signature, i), message, key) { refused = false }
    for i in 0..<32 where valid(signature, message, flipped(key, i)) { refused = false }
    report("Ed25519: changed", refused && !valid(signature, flipped(message, 76), key))
    report(
      "Ed25519: wrong sizes",
      !valid(signature + [0], message, key) && !valid(signature, message, []))
  }

  /// The order of P-256 (SP 800-186, 3.2.1.3).
  static let p256Order: StaticString =
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
  /// Its prime.
  static let p256Prime: StaticString =
    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"

  static func p256(_ report: Report) {
    let key = pattern(32, 27)
    let point = hex(Expected.p256Public)
    let peer = hex(Expected.p256Peer)
    let signature = hex(Expected.p256Signature)
    let digest = SHA256.hash(pattern(77))
    report("P-256: public key", P256.publicKey(of: key) == point)
    report(
      "P-256: ECDH", P256.sharedSecret(privateKey: key, peer: peer) == hex(Expected.p256Shared))
    report("P-256: valid signature", P256.isValid(signature, digest: digest, publicKey: point))
    let made = P256.sign(digest: digest, privateKey: key)
    report(
      "P-256: own signature",
      made.map { P256.isValid($0, digest: digest, publicKey: point) } == true)
    var refused = true
    for i in 0..<64 {
      if P256.isValid(flipped(signature, i), digest: digest, publicKey: point) { refused = false }
      if P256.isValid(signature, digest: digest, publicKey: flipped(point, i)) { refused = false }
      if P256.sharedSecret(privateKey: key, peer: flipped(peer, i)) != nil { refused = false }
    }
    for i in 0..<32 where P256.isValid(signature, digest: flipped(digest, i), publicKey: point) {
      refused = false
    }
    report("P-256: changed signatures, digests and points", refused)

    // FIPS 186-5, 6.4.2: r and s lie in 1...n-1.
    let zero = [UInt8](repeating: 0, count: 32)
    let order = hex(p256Order)
    let r = [UInt8](signature[..<32])
    let s = [UInt8](signature[32...])
    for bad in [zero + s, r + zero, order + s, r + order, zero + zero] {
      report("P-256: r or s out of range", !P256.isValid(bad, digest: digest, publicKey: point))
    }
    for bad in [zero, order, [UInt8](repeating: 0xFF, count: 32), [], key + [0]] {
      report(
        "P-256: not a private key",
        P256.publicKey(of: bad) == nil && P256.sharedSecret(privateKey: bad, peer: peer) == nil
          && P256.sign(digest: digest, privateKey: bad) == nil)
    }
    for bad in [zero + zero, hex(p256Prime) + zero, [], point + [0]] {
      report(
        "P-256: not a point",
        P256.sharedSecret(privateKey: key, peer: bad) == nil
          && !P256.isValid(signature, digest: digest, publicKey: bad))
    }
    let a = P256.keyPair()
    let b = P256.keyPair()
    if let a, let b {
      report(
        "P-256: two new keys",
        a.privateKey != b.privateKey
          && P256.sharedSecret(privateKey: a.privateKey, peer: b.publicKey)
            == P256.sharedSecret(privateKey: b.privateKey, peer: a.publicKey)
      )
    } else {
      report("P-256: new keys", false)
    }
  }
}
