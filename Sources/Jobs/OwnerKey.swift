import Crypto
import CryptoExtras
import Glibc

/// The key of a data owner (Ed25519): instances that wait for the owner's jobs are bound to its public half, and
/// jobs are signed with it.
public struct OwnerKey: Sendable {
  let key: Curve25519.Signing.PrivateKey

  /// A fresh key.
  public init() { key = Curve25519.Signing.PrivateKey() }

  /// Reads `owner.pem`: PKCS #8 in PEM, which nobody but its owner may read.
  public init(contentsOf path: String) throws(JobsError) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw JobsError(
        .missing,
        "cannot open the owner's key \(path): \(errorText()); `cloister owner keygen` makes one")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw JobsError(
        .usage,
        "the owner's key \(path) can be read by others (mode "
          + "\(String(status.st_mode & 0o777, radix: 8))); use `chmod 600 \(path)`")
    }
    let pem = try Files.read(path, limit: 1 << 14, what: "owner's key")
    try self.init(pem: String(decoding: pem, as: UTF8.self), name: path)
  }

  init(pem: String, name: String) throws(JobsError) {
    guard let key = try? Curve25519.Signing.PrivateKey(pemRepresentation: pem) else {
      throw JobsError(
        .malformed,
        pem.contains("PUBLIC KEY")
          ? "\(name): a public key; the private one is needed here (owner.pem)"
          : "\(name): not an owner's private key (Ed25519, PKCS #8 in PEM)")
    }
    self.key = key
  }

  public var publicKey: OwnerPublicKey { OwnerPublicKey(key: key.publicKey) }
  /// PKCS #8 in PEM. A secret.
  public var pem: String { key.pemRepresentation + "\n" }

  /// 64 bytes.
  func sign(_ message: [UInt8]) throws(JobsError) -> [UInt8] {
    do { return [UInt8](try key.signature(for: message)) } catch {
      throw JobsError(.inputOutput, "cannot sign with the owner's key: \(error)")
    }
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
  let key: Curve25519.Signing.PublicKey

  /// Reads `owner.pub`: SubjectPublicKeyInfo in PEM.
  public init(contentsOf path: String) throws(JobsError) {
    let pem = String(
      decoding: try Files.read(path, limit: 1 << 14, what: "owner's public key"), as: UTF8.self)
    guard let key = try? Curve25519.Signing.PublicKey(pemRepresentation: pem) else {
      throw JobsError(
        .malformed,
        pem.contains("PRIVATE KEY")
          ? "\(path): a private key; give providers the public one (owner.pub), and never this file"
          : "\(path): not an owner's public key (Ed25519, SubjectPublicKeyInfo in PEM)")
    }
    self.key = key
  }

  init(key: Curve25519.Signing.PublicKey) { self.key = key }

  /// nil: not 32 bytes.
  public init?(raw: [UInt8]) {
    guard raw.count == 32, let key = try? Curve25519.Signing.PublicKey(rawRepresentation: raw)
    else { return nil }
    self.key = key
  }

  /// 32 bytes (RFC 8032).
  public var raw: [UInt8] { [UInt8](key.rawRepresentation) }
  public var pem: String { key.pemRepresentation + "\n" }
  /// SHA-256 of the 32 bytes: what people compare.
  public var fingerprint: [UInt8] { [UInt8](SHA256.hash(data: raw)) }

  func isValid(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    key.isValidSignature(signature, for: message)
  }

  public static func == (a: OwnerPublicKey, b: OwnerPublicKey) -> Bool { a.raw == b.raw }
}
