import Crypto

/// A body of the PCS: `{"<name>": {...}, "signature": "<128 hex digits>"}`.
///
/// The signature covers the bytes of the inner object as they were served.
struct SignedDocument: Sendable {
  let signedBytes: [UInt8]
  /// r ‖ s
  let signature: [UInt8]
  let object: JSONValue

  init(_ text: [UInt8], name: String) throws(FormatError) {
    let outer = try JSONFields(try JSONParser.parse(text), path: "document")
    object = try outer.value(name)
    guard case .object = object.kind else { throw FormatError("\(name) is not an object") }
    signedBytes = Array(text[object.range])
    signature = try outer.hex("signature", count: 64)
  }

  func isSigned(by key: P256.Signing.PublicKey) -> Bool {
    ECDSA.isValid(signature, over: signedBytes[...], by: key)
  }
}

/// ECDSA P-256 with SHA-256, signatures as r ‖ s.
enum ECDSA {
  static func isValid(
    _ signature: [UInt8], over bytes: ArraySlice<UInt8>, by key: P256.Signing.PublicKey
  ) -> Bool {
    guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else {
      return false
    }
    return key.isValidSignature(signature, for: bytes)
  }

  /// A public key from x ‖ y; nil for a point that is not on the curve.
  static func key(_ coordinates: [UInt8]) -> P256.Signing.PublicKey? {
    try? P256.Signing.PublicKey(rawRepresentation: coordinates)
  }
}
