import EnclaveCrypto

extension CryptoVectors {
  /// Around the block sizes of SHA-256 (64, length field from 56) and SHA-512 (128, 112).
  static let lengths = [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 1000, 100_000]

  static func hashes(_ report: Report) {
    // One digest over the digests of all lengths stands for them.
    var digests: [[UInt8]] = [[], [], [], []]
    var inPieces = true
    for n in lengths {
      let p = pattern(n)
      let whole = SHA256.hash(p)
      digests[0] += whole
      digests[1] += SHA384.hash(p)
      digests[2] += SHA512.hash(p)
      digests[3] += HMACSHA256.authenticate(p.span, key: pattern(n % 200, 5).span)!
      if hashInPieces(p) != whole { inPieces = false }
    }
    report("SHA-256", SHA256.hash(digests[0]) == hex(Expected.sha256))
    report("SHA-384", SHA384.hash(digests[1]) == hex(Expected.sha384))
    report("SHA-512", SHA512.hash(digests[2]) == hex(Expected.sha512))
    report("SHA-256 in pieces", inPieces)
    report("HMAC-SHA-256", SHA256.hash(digests[3]) == hex(Expected.hmac))
    let none: [UInt8] = []
    func derive(_ count: Int) -> [UInt8]? {
      HKDFSHA256.deriveKey(
        secret: pattern(48).span, salt: pattern(32, 9).span,
        info: pattern(20, 11).span, count: count)
    }
    report("HKDF-SHA-256", derive(100) == hex(Expected.hkdf))
    report("HKDF: at most 255 blocks (RFC 5869, 2.3)", derive(8160) != nil && derive(8161) == nil)
    report("HKDF: no length", derive(0) == nil)
    report(
      "equal",
      EnclaveCrypto.equal(none.span, none.span)
        && EnclaveCrypto.equal(pattern(9).span, pattern(9).span)
        && !EnclaveCrypto.equal(pattern(9).span, flipped(pattern(9), 8).span)
        && !EnclaveCrypto.equal(pattern(9).span, pattern(8).span))
  }

  private static func hashInPieces(_ p: [UInt8]) -> [UInt8] {
    var h = SHA256()
    var at = 0
    var step = 1
    while at < p.count {
      let end = min(p.count, at + step)
      h.update([UInt8](p[at..<end]).span)
      at = end
      step = step * 3 + 1
    }
    return h.finalize()
  }
}
