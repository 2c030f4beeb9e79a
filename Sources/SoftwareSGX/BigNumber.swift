import CCryptoBoringSSL

/// An owned BoringSSL BIGNUM: just the arithmetic that SIGSTRUCT needs.
// SAFETY: shared numbers (`three`) are only read.
final class BigNumber: Comparable, @unchecked Sendable {
  /// Valid as long as the object: whoever hands it to C keeps the object alive (`withExtendedLifetime`).
  let pointer: UnsafeMutablePointer<BIGNUM>

  /// The exponent of every SGX signing key.
  static let three = BigNumber(3)

  private init(owning pointer: UnsafeMutablePointer<BIGNUM>) { self.pointer = pointer }
  deinit { CCryptoBoringSSL_BN_clear_free(pointer) }

  convenience init?(littleEndian bytes: [UInt8]) {
    guard let p = CCryptoBoringSSL_BN_lebin2bn(bytes, bytes.count, nil) else { return nil }
    self.init(owning: p)
  }

  convenience init(_ word: UInt64) {
    let p = CCryptoBoringSSL_BN_new()!
    CCryptoBoringSSL_BN_set_word(p, word)
    self.init(owning: p)
  }

  var bitCount: Int { withExtendedLifetime(self) { Int(CCryptoBoringSSL_BN_num_bits(pointer)) } }

  /// 384 bytes, little-endian; nil if it does not fit.
  func littleEndian(count: Int = 384) -> [UInt8]? {
    var out = [UInt8](repeating: 0, count: count)
    let ok = withExtendedLifetime(self) {
      CCryptoBoringSSL_BN_bn2le_padded(&out, count, pointer)
    }
    return ok == 1 ? out : nil
  }

  static func < (a: BigNumber, b: BigNumber) -> Bool {
    withExtendedLifetime((a, b)) { CCryptoBoringSSL_BN_cmp(a.pointer, b.pointer) } < 0
  }
  static func == (a: BigNumber, b: BigNumber) -> Bool {
    withExtendedLifetime((a, b)) { CCryptoBoringSSL_BN_cmp(a.pointer, b.pointer) } == 0
  }

  /// Q1 = floor(S^2 / M), Q2 = floor(S (S^2 - Q1 M) / M), as stored in SIGSTRUCT.
  static func quotients(signature s: BigNumber, modulus m: BigNumber) -> ([UInt8], [UInt8])? {
    guard let context = CCryptoBoringSSL_BN_CTX_new() else { return nil }
    defer { CCryptoBoringSSL_BN_CTX_free(context) }
    let square = BigNumber(0), q1 = BigNumber(0), rest = BigNumber(0), q2 = BigNumber(0)
    let product = BigNumber(0)
    let ok = withExtendedLifetime((s, m, square, q1, rest, q2, product)) {
      CCryptoBoringSSL_BN_sqr(square.pointer, s.pointer, context) == 1
        && CCryptoBoringSSL_BN_div(q1.pointer, rest.pointer, square.pointer, m.pointer, context)
          == 1
        && CCryptoBoringSSL_BN_mul(product.pointer, s.pointer, rest.pointer, context) == 1
        && CCryptoBoringSSL_BN_div(q2.pointer, nil, product.pointer, m.pointer, context) == 1
    }
    guard ok, let one = q1.littleEndian(), let two = q2.littleEndian() else { return nil }
    return (one, two)
  }
}
