import CCryptoBoringSSL
import Crypto
import SGX

extension SIGSTRUCT {
  /// MRSIGNER: SHA-256 of the modulus as it stands in the structure.
  public var mrsigner: [UInt8] { [UInt8](SHA256.hash(data: modulus)) }

  /// The RSA part of EINIT: the signature, and the two quotients that let microcode check it without
  /// division.
  public func verifySignature() throws(SGXError) {
    guard exponent == 3 else { throw .invalidSigstruct(.exponent) }
    guard let m = BigNumber(littleEndian: modulus), let s = BigNumber(littleEndian: signature),
      m.bitCount == 3072, s < m
    else { throw .invalidSigstruct(.modulus) }
    guard let (q1, q2) = BigNumber.quotients(signature: s, modulus: m) else {
      throw .outOfMemory
    }
    guard q1 == self.q1, q2 == self.q2 else { throw .invalidSigstruct(.quotients) }
    let publicKey = withExtendedLifetime(m) {
      CCryptoBoringSSL_RSA_new_public_key(m.pointer, BigNumber.three.pointer)
    }
    guard let key = publicKey else { throw .invalidSigstruct(.modulus) }
    defer { CCryptoBoringSSL_RSA_free(key) }
    let digest = [UInt8](SHA256.hash(data: signedBytes()))
    let bigEndian = [UInt8](signature.reversed())
    guard
      CCryptoBoringSSL_RSA_verify(
        NID_sha256, digest, digest.count, bigEndian, bigEndian.count, key) == 1
    else { throw .invalidSignature }
  }
}
