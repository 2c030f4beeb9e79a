import Crypto
import Glibc
import JobFormat

/// The key of a data owner (ECDSA with P-256): instances that wait for the owner's jobs are bound to its public
/// half, and jobs are signed with it.
public struct OwnerKey: Sendable {
  private let key: P256.Signing.PrivateKey

  /// A fresh key.
  public init() { key = P256.Signing.PrivateKey() }

  /// Reads `owner.pem`: PKCS #8 in PEM, which nobody but its owner may read.
  public init(contentsOf path: String) throws(JobsError) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw JobsError(
        .missing,
        "cannot open the owner's key \(path): \(errorText()); `cloister owner keygen` makes one")
    }
    let pem = String(
      decoding: try Files.read(path, limit: 1 << 14, what: "owner's key"), as: UTF8.self)
    try self.init(pem: pem, name: path)
    guard status.st_mode & 0o077 == 0 else {
      throw JobsError(
        .usage,
        "the owner's key \(path) can be read by others (mode "
          + "\(String(status.st_mode & 0o777, radix: 8))); use `chmod 600 \(path)`")
    }
  }

  init(pem: String, name: String) throws(JobsError) {
    guard let key = try? P256.Signing.PrivateKey(pemRepresentation: pem) else {
      throw JobsError(
        .malformed,
        pem.contains("PUBLIC KEY")
          ? "\(name): a public key; the private one is needed here (owner.pem)"
          : "\(name): not an owner's private key (P-256, PKCS #8 in PEM)")
    }
    self.key = key
  }

  public var publicKey: OwnerPublicKey { OwnerPublicKey(key: key.publicKey) }
  /// PKCS #8 in PEM. A secret.
  public var pem: String { key.pemRepresentation + "\n" }

  /// r and s, 32 bytes each, over a digest of 32 bytes. nil: there was no memory for it.
  func sign(digest: [UInt8]) -> [UInt8]? {
    var secret = [UInt8](key.rawRepresentation)
    return signP256(digest: digest, wiping: &secret)
  }

  /// Writes the private key (mode 0600) and beside it the public one; files that exist are not touched.
  ///
  /// - Returns: the public key's path.
  @discardableResult
  public func write(to path: String) throws(JobsError) -> String {
    let publicPath = Self.publicPath(for: path)
    for name in [path, publicPath] where Files.exists(name) {
      throw JobsError(
        .cannotCreate, "\(name) exists; a key is never overwritten, choose another name")
    }
    try Files.create(path, Array(pem.utf8), mode: 0o600, what: "owner's key")
    do throws(JobsError) {
      try Files.create(
        publicPath, Array(publicKey.pem.utf8), mode: 0o644, what: "owner's public key")
    } catch {
      unlink(path)
      throw error
    }
    return publicPath
  }

  /// `owner.pub` beside `owner.pem`.
  public static func publicPath(for path: String) -> String {
    (path.hasSuffix(".pem") ? String(path.dropLast(4)) : path) + ".pub"
  }
}

/// The public half, which providers are given.
public struct OwnerPublicKey: Sendable, Equatable {
  private let key: P256.Signing.PublicKey

  /// Reads `owner.pub`: SubjectPublicKeyInfo in PEM.
  public init(contentsOf path: String) throws(JobsError) {
    let pem = String(
      decoding: try Files.read(path, limit: 1 << 14, what: "owner's public key"), as: UTF8.self)
    guard let key = try? P256.Signing.PublicKey(pemRepresentation: pem) else {
      throw JobsError(
        .malformed,
        pem.contains("PRIVATE KEY")
          ? "\(path): a private key; give providers the public one (owner.pub), and never this file"
          : "\(path): not an owner's public key (P-256, SubjectPublicKeyInfo in PEM)")
    }
    self.key = key
  }

  init(key: P256.Signing.PublicKey) { self.key = key }

  /// nil: not a point of the curve.
  public init?(raw: [UInt8]) {
    guard let key = try? P256.Signing.PublicKey(rawRepresentation: raw) else { return nil }
    self.key = key
  }

  /// X and Y, big-endian, 32 bytes each.
  public var raw: [UInt8] { [UInt8](key.rawRepresentation) }
  public var pem: String { key.pemRepresentation + "\n" }
  /// SHA-256 of the 64 bytes: what people compare.
  public var fingerprint: [UInt8] { [UInt8](SHA256.hash(data: raw)) }

  /// The owner of an instance that waits with this nonce; nil: it has not 32 bytes.
  public func context(nonce: [UInt8]) -> OwnerContext? {
    OwnerContext(publicKey: raw, nonce: nonce)
  }

  public static func == (a: OwnerPublicKey, b: OwnerPublicKey) -> Bool { a.raw == b.raw }
}
