import CCryptoBoringSSL
import Crypto
import Glibc
import SGX

/// The vendor's key that signs enclaves: RSA-3072 with exponent 3, as SIGSTRUCT wants it. PEM, PKCS#1 or
/// PKCS#8, with or without a passphrase.
// SAFETY: the key is never changed after init, and BoringSSL locks its own caches.
public final class SigningKey: @unchecked Sendable {
  private let rsa: OpaquePointer

  private init(owning rsa: OpaquePointer) { self.rsa = rsa }
  deinit { CCryptoBoringSSL_RSA_free(rsa) }

  public static func generate() throws(SGXError) -> SigningKey {
    guard let rsa = CCryptoBoringSSL_RSA_new() else { throw .outOfMemory }
    guard CCryptoBoringSSL_RSA_generate_key_ex(rsa, 3072, BigNumber.three.pointer, nil) == 1 else {
      CCryptoBoringSSL_RSA_free(rsa)
      throw .outOfMemory
    }
    return SigningKey(owning: rsa)
  }

  /// Whether a PEM file can be read only with a passphrase.
  public static func isEncrypted(pem: String) -> Bool {
    pem.contains("ENCRYPTED")
  }

  /// - Parameter passphrase: bytes without a NUL, at most 1023; nil: a key that is encrypted is refused.
  public init(pem: String, passphrase: [UInt8]? = nil) throws(SGXError) {
    let text = [UInt8](pem.utf8)
    // The callback's last argument is a length (4 bytes) and the passphrase.
    var secret: [UInt8] = []
    let phrase = passphrase ?? []
    withUnsafeBytes(of: UInt32(phrase.count)) { secret.append(contentsOf: $0) }
    secret += phrase
    defer { for i in secret.indices { secret[i] = 0 } }
    // Reads "RSA PRIVATE KEY", "PRIVATE KEY" and "ENCRYPTED PRIVATE KEY"; the callback never asks a terminal.
    let read = secret.withUnsafeMutableBytes { secret in
      text.withUnsafeBytes { text in
        let bio = CCryptoBoringSSL_BIO_new_mem_buf(text.baseAddress, text.count)
        defer { CCryptoBoringSSL_BIO_free(bio) }
        return CCryptoBoringSSL_PEM_read_bio_PrivateKey(
          bio, nil,
          { (buffer, size, _, secret) in
            guard let secret, let buffer else { return 0 }
            let count = Int(secret.load(as: UInt32.self))
            guard count > 0, count <= Int(size) else { return 0 }
            memcpy(buffer, secret + 4, count)
            return Int32(count)
          }, secret.baseAddress)
      }
    }
    guard let key = read else { throw .invalidSigstruct(.keyFile) }
    defer { CCryptoBoringSSL_EVP_PKEY_free(key) }
    guard let rsa = CCryptoBoringSSL_EVP_PKEY_get1_RSA(key) else {
      throw .invalidSigstruct(.keyFile)
    }
    self.rsa = rsa
    guard CCryptoBoringSSL_RSA_bits(rsa) == 3072 else { throw .invalidSigstruct(.modulus) }
    guard CCryptoBoringSSL_BN_is_word(CCryptoBoringSSL_RSA_get0_e(rsa), 3) == 1 else {
      throw .invalidSigstruct(.exponent)
    }
  }

  public convenience init(contentsOf path: String) throws(SGXError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .device(.keyFile, errno: errno) }
    defer { close(descriptor) }
    // A key is 2.5 KB.
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    guard count >= 0 else { throw .device(.keyFile, errno: errno) }
    try self.init(pem: String(decoding: bytes[..<count], as: UTF8.self))
  }

  /// "RSA PRIVATE KEY", PKCS#1.
  public func pem() throws(SGXError) -> String {
    let bio = CCryptoBoringSSL_BIO_new(CCryptoBoringSSL_BIO_s_mem())
    defer { CCryptoBoringSSL_BIO_free(bio) }
    defer { withExtendedLifetime(self) {} }
    guard CCryptoBoringSSL_PEM_write_bio_RSAPrivateKey(bio, rsa, nil, nil, 0, nil, nil) == 1 else {
      throw .outOfMemory
    }
    var bytes: UnsafePointer<UInt8>?
    var count = 0
    guard CCryptoBoringSSL_BIO_mem_contents(bio, &bytes, &count) == 1, let bytes else {
      throw .outOfMemory
    }
    return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
  }

  /// Writes the key, readable for its owner only; an existing file is not touched.
  public func write(to path: String) throws(SGXError) {
    let text = [UInt8](try pem().utf8)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .device(.keyFile, errno: errno) }
    defer { close(descriptor) }
    var done = 0
    while done < text.count {
      let n = text[done...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress!, $0.count) }
      guard n > 0 else {
        let code = errno
        unlink(path)
        throw .device(.keyFile, errno: code)
      }
      done += n
    }
  }

  /// MODULUS as SIGSTRUCT has it.
  public var modulus: [UInt8] {
    var out = [UInt8](repeating: 0, count: 384)
    _ = withExtendedLifetime(self) {
      CCryptoBoringSSL_BN_bn2le_padded(&out, out.count, CCryptoBoringSSL_RSA_get0_n(rsa))
    }
    return out
  }

  public var mrsigner: [UInt8] { [UInt8](SHA256.hash(data: modulus)) }

  /// Fills in MODULUS, EXPONENT, SIGNATURE, Q1 and Q2.
  public func sign(_ unsigned: SIGSTRUCT) throws(SGXError) -> SIGSTRUCT {
    defer { withExtendedLifetime(self) {} }
    var s = unsigned
    s.modulus = modulus
    s.exponent = 3
    let digest = [UInt8](SHA256.hash(data: s.signedBytes()))
    var signature = [UInt8](repeating: 0, count: 384)
    var count: UInt32 = 0
    guard
      CCryptoBoringSSL_RSA_sign(NID_sha256, digest, digest.count, &signature, &count, rsa) == 1,
      count == 384
    else { throw .invalidSignature }
    try s.complete(signature: signature)
    return s
  }
}

/// The public half, for signatures that are made elsewhere (HSM).
extension SIGSTRUCT {
  /// MODULUS of a PEM public key (SubjectPublicKeyInfo), which must be RSA-3072 with exponent 3.
  public static func modulus(publicKey pem: String) throws(SGXError) -> [UInt8] {
    let text = [UInt8](pem.utf8)
    let read = text.withUnsafeBytes { text in
      let bio = CCryptoBoringSSL_BIO_new_mem_buf(text.baseAddress, text.count)
      defer { CCryptoBoringSSL_BIO_free(bio) }
      return CCryptoBoringSSL_PEM_read_bio_PUBKEY(bio, nil, { _, _, _, _ in 0 }, nil)
    }
    guard let key = read else { throw .invalidSigstruct(.keyFile) }
    defer { CCryptoBoringSSL_EVP_PKEY_free(key) }
    guard let rsa = CCryptoBoringSSL_EVP_PKEY_get1_RSA(key) else {
      throw .invalidSigstruct(.keyFile)
    }
    defer { CCryptoBoringSSL_RSA_free(rsa) }
    guard CCryptoBoringSSL_RSA_bits(rsa) == 3072 else { throw .invalidSigstruct(.modulus) }
    guard CCryptoBoringSSL_BN_is_word(CCryptoBoringSSL_RSA_get0_e(rsa), 3) == 1 else {
      throw .invalidSigstruct(.exponent)
    }
    var out = [UInt8](repeating: 0, count: 384)
    _ = CCryptoBoringSSL_BN_bn2le_padded(&out, out.count, CCryptoBoringSSL_RSA_get0_n(rsa))
    return out
  }

  /// Fills in SIGNATURE (given big-endian, as RSA libraries have it), Q1 and Q2. MODULUS is there.
  public mutating func complete(signature bytes: [UInt8]) throws(SGXError) {
    guard bytes.count == 384 else { throw .invalidSigstruct(.size) }
    signature = bytes.reversed()
    guard let m = BigNumber(littleEndian: modulus), let n = BigNumber(littleEndian: signature),
      let (q1, q2) = BigNumber.quotients(signature: n, modulus: m)
    else { throw .outOfMemory }
    self.q1 = q1
    self.q2 = q2
  }
}
