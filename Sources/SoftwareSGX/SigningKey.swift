import CCryptoBoringSSL
import Crypto
import Glibc
import SGX

/// The vendor's key that signs enclaves: RSA-3072 with exponent 3, as SIGSTRUCT wants it. PEM, PKCS#1 or
/// PKCS#8, without a passphrase.
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

  public init(pem: String) throws(SGXError) {
    let text = [UInt8](pem.utf8)
    // Reads "RSA PRIVATE KEY" and "PRIVATE KEY"; the callback refuses to ask for a passphrase.
    let read = text.withUnsafeBytes { text in
      let bio = CCryptoBoringSSL_BIO_new_mem_buf(text.baseAddress, text.count)
      defer { CCryptoBoringSSL_BIO_free(bio) }
      return CCryptoBoringSSL_PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in 0 }, nil)
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
    s.signature = signature.reversed()
    guard let m = BigNumber(littleEndian: s.modulus), let n = BigNumber(littleEndian: s.signature),
      let (q1, q2) = BigNumber.quotients(signature: n, modulus: m)
    else { throw .outOfMemory }
    s.q1 = q1
    s.q2 = q2
    return s
  }
}
