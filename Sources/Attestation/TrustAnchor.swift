import Crypto

/// The root that a verdict rests on.
///
/// The Intel root is pinned by key and name: two self-signed certificates of this key and serial
/// number exist (to 2033, to 2049), and old quotes carry the older one.
public struct TrustAnchor: Hashable, Sendable {
  enum Match: Hashable, Sendable {
    case key([UInt8], commonName: String)
    case fingerprint([UInt8])
  }

  let match: Match
  /// A root of somebody's own making. What it certifies is not protected by Intel's hardware.
  public let isSoftware: Bool

  /// CN=Intel SGX Root CA, serial 22650CD65A9D3489F383B49552BF501B392706AC.
  public static let intel = TrustAnchor(
    match: .key(
      Hex.decode(
        "0ba9c4c0c0c86193a3fe23d6b02cda10a8bbd4e88e48b4458561a36e705525f5"
          + "67918e2edc88e40d860bd0cc4ee26aacc988e505a953558c453f6b0904ae7394")!,
      commonName: "Intel SGX Root CA"),
    isSoftware: false)

  /// The root certificate with this SHA-256 of its DER form: a software machine, or a test.
  ///
  /// - Returns: nil unless the fingerprint has 32 bytes.
  public static func software(fingerprint: [UInt8]) -> TrustAnchor? {
    fingerprint.count == 32 ? TrustAnchor(match: .fingerprint(fingerprint), isSoftware: true) : nil
  }

  func matches(_ root: PKICertificate) -> Bool {
    switch match {
    case .key(let key, let commonName):
      Array(root.key.rawRepresentation) == key && root.commonName == commonName
    case .fingerprint(let fingerprint): root.sha256 == fingerprint
    }
  }
}
