import CEnclaveCrypto

/// A hash of FIPS 180-4 in progress.
public struct SHA256: ~Copyable {
  private var core = HashCore(bits: 256)
  public init() {}
  public mutating func update(_ data: Span<UInt8>) { core.update(data) }
  /// The digest, 32 bytes.
  public consuming func finalize() -> [UInt8] { core.finalize() }

  /// The digest of one byte string.
  public static func hash(_ data: Span<UInt8>) -> [UInt8] { HashCore.hash(data, bits: 256) }
  /// The same, of an array.
  public static func hash(_ data: [UInt8]) -> [UInt8] { HashCore.hash(data.span, bits: 256) }
}

public struct SHA384: ~Copyable {
  private var core = HashCore(bits: 384)
  public init() {}
  public mutating func update(_ data: Span<UInt8>) { core.update(data) }
  /// The digest, 48 bytes.
  public consuming func finalize() -> [UInt8] { core.finalize() }

  public static func hash(_ data: Span<UInt8>) -> [UInt8] { HashCore.hash(data, bits: 384) }
  /// The same, of an array.
  public static func hash(_ data: [UInt8]) -> [UInt8] { HashCore.hash(data.span, bits: 384) }
}

public struct SHA512: ~Copyable {
  private var core = HashCore(bits: 512)
  public init() {}
  public mutating func update(_ data: Span<UInt8>) { core.update(data) }
  /// The digest, 64 bytes.
  public consuming func finalize() -> [UInt8] { core.finalize() }

  public static func hash(_ data: Span<UInt8>) -> [UInt8] { HashCore.hash(data, bits: 512) }
  /// The same, of an array.
  public static func hash(_ data: [UInt8]) -> [UInt8] { HashCore.hash(data.span, bits: 512) }
}

struct HashCore {
  private var state = cl_hash()
  private let bits: Int32

  init(bits: Int32) {
    self.bits = bits
    unsafe cl_hash_init(&state, bits)
  }
  mutating func update(_ data: Span<UInt8>) {
    unsafe data.withPointer { (p, n) in unsafe cl_hash_update(&state, bits, p, n) }
  }
  static func hash(_ data: Span<UInt8>, bits: Int32) -> [UInt8] {
    var core = HashCore(bits: bits)
    core.update(data)
    return core.finalize()
  }
  mutating func finalize() -> [UInt8] {
    unsafe [UInt8].filled(Int(bits) / 8) { (p) in
      unsafe cl_hash_final(&state, bits, p)
      return 1
    }!
  }
}

/// HMAC (RFC 2104) with SHA-256.
public enum HMACSHA256 {
  /// The tag, 32 bytes. nil: no memory.
  public static func authenticate(_ data: Span<UInt8>, key: Span<UInt8>) -> [UInt8]? {
    unsafe data.withPointer { (p, n) in
      unsafe key.withPointer { (k, kn) in
        unsafe [UInt8].filled(32) { (out) in unsafe cl_hmac(256, k, kn, p, n, out) }
      }
    }
  }
}

/// HKDF (RFC 5869) with SHA-256.
public enum HKDFSHA256 {
  /// `count` bytes of key, 1...8160. nil: more than that, or no memory.
  public static func deriveKey(
    secret: Span<UInt8>, salt: Span<UInt8>, info: Span<UInt8>, count: Int
  )
    -> [UInt8]?
  {
    guard count > 0 else { return nil }
    return unsafe secret.withPointer { (s, sn) in
      unsafe salt.withPointer { (t, tn) in
        unsafe info.withPointer { (i, n) in
          unsafe [UInt8].filled(count) { (out) in
            unsafe cl_hkdf(256, s, sn, t, tn, i, n, out, count)
          }
        }
      }
    }
  }
}
