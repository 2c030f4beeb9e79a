import CCryptoBoringSSL

/// An owned BoringSSL BIGNUM: just the arithmetic that SIGSTRUCT needs.
final class BigNumber: Comparable {
  let pointer: UnsafeMutablePointer<BIGNUM>

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

  var bitCount: Int { Int(CCryptoBoringSSL_BN_num_bits(pointer)) }

  /// 384 bytes, little-endian; nil if it does not fit.
  func littleEndian(count: Int = 384) -> [UInt8]? {
    var out = [UInt8](repeating: 0, count: count)
    return CCryptoBoringSSL_BN_bn2le_padded(&out, count, pointer) == 1 ? out : nil
  }

  static func < (a: BigNumber, b: BigNumber) -> Bool {
    CCryptoBoringSSL_BN_cmp(a.pointer, b.pointer) < 0
  }
  static func == (a: BigNumber, b: BigNumber) -> Bool {
    CCryptoBoringSSL_BN_cmp(a.pointer, b.pointer) == 0
  }

  /// Q1 = floor(S^2 / M), Q2 = floor(S (S^2 - Q1 M) / M), as stored in SIGSTRUCT.
  static func quotients(signature s: BigNumber, modulus m: BigNumber) -> ([UInt8], [UInt8])? {
    guard let context = CCryptoBoringSSL_BN_CTX_new() else { return nil }
    defer { CCryptoBoringSSL_BN_CTX_free(context) }
    let square = BigNumber(0), q1 = BigNumber(0), rest = BigNumber(0), q2 = BigNumber(0)
    let product = BigNumber(0)
    // The pointers do not keep their owners alive.
    defer { withExtendedLifetime((square, q1, rest, q2, product, s, m)) {} }
    guard CCryptoBoringSSL_BN_sqr(square.pointer, s.pointer, context) == 1,
      CCryptoBoringSSL_BN_div(q1.pointer, rest.pointer, square.pointer, m.pointer, context) == 1,
      CCryptoBoringSSL_BN_mul(product.pointer, s.pointer, rest.pointer, context) == 1,
      CCryptoBoringSSL_BN_div(q2.pointer, nil, product.pointer, m.pointer, context) == 1,
      let one = q1.littleEndian(), let two = q2.littleEndian()
    else { return nil }
    return (one, two)
  }
}
