import CEnclaveCrypto

/// ML-KEM-768 (FIPS 203). A private key is its seed of 64 bytes.
public enum MLKEM768 {
  public static let publicKeySize = 1184
  public static let ciphertextSize = 1088

  public static func keyPair() -> (seed: [UInt8], publicKey: [UInt8]) {
    var seed = [UInt8](repeating: 0, count: 64)
    // SAFETY: both arrays have the sizes that the C side writes.
    let key = unsafe [UInt8].filled(publicKeySize) { (p) in
      unsafe seed.withUnsafeMutableBufferPointer { (s) in
        unsafe cl_mlkem768_keypair(p, s.baseAddress!)
      }
      return 1
    }!
    return (seed, key)
  }
  public static func publicKey(of seed: [UInt8]) -> [UInt8]? {
    guard seed.count == 64 else { return nil }
    return unsafe seed.withPointer { (s, _) in
      unsafe [UInt8].filled(publicKeySize) { (p) in unsafe cl_mlkem768_public(p, s) }
    }
  }
  /// nil: not a public key.
  public static func encapsulate(_ publicKey: [UInt8]) -> (
    ciphertext: [UInt8], sharedSecret: [UInt8]
  )? {
    guard publicKey.count == publicKeySize else { return nil }
    var secret = [UInt8](repeating: 0, count: 32)
    let ciphertext = unsafe publicKey.withPointer { (k, _) in
      unsafe [UInt8].filled(ciphertextSize) { (c) in
        unsafe secret.withUnsafeMutableBufferPointer { (s) in
          unsafe cl_mlkem768_encapsulate(c, s.baseAddress!, k)
        }
      }
    }
    guard let ciphertext else { return nil }
    return (ciphertext, secret)
  }
  /// A ciphertext that was not made for this key gives a secret that nobody else knows (implicit rejection).
  public static func decapsulate(_ ciphertext: [UInt8], seed: [UInt8]) -> [UInt8]? {
    guard ciphertext.count == ciphertextSize, seed.count == 64 else { return nil }
    return unsafe ciphertext.withPointer { (c, _) in
      unsafe seed.withPointer { (k, _) in
        unsafe [UInt8].filled(32) { (p) in unsafe cl_mlkem768_decapsulate(p, c, k) }
      }
    }
  }
}

/// HPKE (RFC 9180) in base mode with HKDF-SHA256 and AES-256-GCM.
public enum HPKE {
  public enum KEM: Int32, Sendable {
    case p256 = 0x0010
    case x25519 = 0x0020
    /// X-Wing: ML-KEM-768 and X25519 together (draft-connolly-cfrg-xwing-kem).
    case xWing = 0x647a

    public var publicKeySize: Int { cl_hpke_public_size(rawValue) }
    /// Size of the encapsulated key that goes before the first message.
    public var encapsulatedKeySize: Int { cl_hpke_enc_size(rawValue) }
  }

  /// Private keys are 32 bytes. nil: no memory.
  public static func keyPair(_ kem: KEM) -> (privateKey: [UInt8], publicKey: [UInt8])? {
    var private_key = [UInt8](repeating: 0, count: 32)
    let size = kem.publicKeySize
    let public_key = unsafe [UInt8].filled(size) { (p) in
      unsafe private_key.withUnsafeMutableBufferPointer { (k) in
        unsafe cl_hpke_keypair(kem.rawValue, p, size, k.baseAddress!)
      }
    }
    guard let public_key else { return nil }
    return (private_key, public_key)
  }
  public static func publicKey(_ kem: KEM, of privateKey: [UInt8]) -> [UInt8]? {
    guard privateKey.count == 32 else { return nil }
    let size = kem.publicKeySize
    return unsafe privateKey.withPointer { (k, _) in
      unsafe [UInt8].filled(size) { (p) in unsafe cl_hpke_public(kem.rawValue, p, size, k) }
    }
  }

  /// One direction of messages, numbered by HPKE itself: they open in the order in which they were sealed. Not to be
  /// used by two threads at a time.
  @safe public final class Context {
    private let context: OpaquePointer
    private let isSender: Bool
    /// The key to send to the recipient (sender only).
    public let encapsulatedKey: [UInt8]

    /// nil: not a public key of `kem`.
    public init?(sendingTo peer: [UInt8], kem: KEM, info: Span<UInt8>) {
      let size = kem.encapsulatedKeySize
      var made: OpaquePointer?
      let enc = unsafe peer.withPointer { (k, kn) in
        unsafe info.withPointer { (i, n) in
          unsafe [UInt8].filled(size) { (e) in
            unsafe made = cl_hpke_sender(kem.rawValue, k, kn, i, n, e, size)
            return unsafe made == nil ? 0 : 1
          }
        }
      }
      guard let enc, let made = unsafe made else { return nil }
      unsafe context = made
      encapsulatedKey = enc
      isSender = true
    }
    /// nil: not an encapsulated key of `kem`.
    public init?(
      receivingWith privateKey: [UInt8], kem: KEM, encapsulatedKey enc: [UInt8], info: Span<UInt8>
    ) {
      guard privateKey.count == 32 else { return nil }
      let made = unsafe privateKey.withPointer { (k, _) in
        unsafe enc.withPointer { (e, en) in
          unsafe info.withPointer { (i, n) in unsafe cl_hpke_recipient(kem.rawValue, k, e, en, i, n)
          }
        }
      }
      guard let made = unsafe made else { return nil }
      unsafe context = made
      encapsulatedKey = []
      isSender = false
    }
    deinit { unsafe cl_hpke_free(context) }

    /// The next message, 16 bytes longer.
    public func seal(_ text: Span<UInt8>, authenticating ad: Span<UInt8>) -> [UInt8]? {
      guard isSender else { return nil }
      let context = unsafe context
      return unsafe text.withPointer { (p, n) in
        unsafe ad.withPointer { (a, an) in
          unsafe [UInt8].filled(n + 16) { (out) in unsafe cl_hpke_seal(context, a, an, p, n, out) }
        }
      }
    }
    /// nil: not the next message of this context.
    public func open(_ message: Span<UInt8>, authenticating ad: Span<UInt8>) -> [UInt8]? {
      let context = unsafe context
      guard !isSender, message.count >= 16 else { return nil }
      return unsafe message.withPointer { (p, n) in
        unsafe ad.withPointer { (a, an) in
          if n == 16 {
            return unsafe cl_hpke_open(
              context, a, an, p!.assumingMemoryBound(to: UInt8.self), n, nil) == 1 ? [] : nil
          }
          return unsafe [UInt8].filled(n - 16) { (out) in
            unsafe cl_hpke_open(context, a, an, p!.assumingMemoryBound(to: UInt8.self), n, out)
          }
        }
      }
    }
    /// A secret that both sides can derive (RFC 9180, 5.3).
    public func export(_ label: Span<UInt8>, count: Int) -> [UInt8]? {
      let context = unsafe context
      return unsafe label.withPointer { (p, n) in
        unsafe [UInt8].filled(count) { (out) in unsafe cl_hpke_export(context, p, n, out, count) }
      }
    }
  }
}
