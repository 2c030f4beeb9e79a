import Crypto
import Foundation
import SwiftASN1
import X509

/// An X.509 certificate as Intel's PKI makes them: P-256, ECDSA with SHA-256, version 3.
struct PKICertificate: Sendable {
  enum Role { case root, intermediate, endEntity }

  static let maximumSize = 16 * 1024

  let der: [UInt8]
  let x509: X509.Certificate
  let key: P256.Signing.PublicKey
  let commonName: String
  let notBefore: Timestamp
  let notAfter: Timestamp

  init(der: [UInt8]) throws(FormatError) {
    guard der.count <= Self.maximumSize else { throw FormatError("certificate over 16 KiB") }
    let x509: X509.Certificate
    do {
      x509 = try X509.Certificate(derEncoded: der)
    } catch {
      throw FormatError("bad certificate: \(PlainWords.of(error))")
    }
    guard Self.hasWholeSignature(der) else {
      throw FormatError("the certificate's signature has unused bits")
    }
    guard x509.signatureAlgorithm == .ecdsaWithSHA256,
      let key = P256.Signing.PublicKey(x509.publicKey)
    else { throw FormatError("the certificate is not ECDSA P-256 with SHA-256") }
    guard x509.version == .v3 else { throw FormatError("the certificate is not X.509 version 3") }
    self.der = der
    self.x509 = x509
    self.key = key
    commonName = try Self.commonName(of: x509.subject)
    notBefore = Timestamp(x509.notValidBefore)
    notAfter = Timestamp(x509.notValidAfter)
  }

  /// The signature is a BIT STRING without unused bits: otherwise its first byte could differ and the
  /// certificate still pass.
  private static func hasWholeSignature(_ der: [UInt8]) -> Bool {
    guard let root = try? DER.parse(der), case .constructed(let members) = root.content,
      let last = Array(members).last, case .primitive(let content) = last.content
    else { return false }
    return content.first == 0
  }

  var serial: [UInt8] { Array(x509.serialNumber.bytes) }
  var subject: DistinguishedName { x509.subject }
  var issuer: DistinguishedName { x509.issuer }
  var sha256: [UInt8] { Array(SHA256.hash(data: der)) }

  func isSigned(by issuer: PKICertificate) -> Bool {
    x509.issuer == issuer.x509.subject
      && issuer.x509.publicKey.isValidSignature(x509.signature, for: x509)
  }

  /// basicConstraints and keyUsage fit the role, and no critical extension is unknown.
  func checkExtensions(as role: Role) throws(FormatError) {
    let known: [ASN1ObjectIdentifier] = [
      .X509ExtensionID.basicConstraints, .X509ExtensionID.keyUsage,
      .X509ExtensionID.authorityKeyIdentifier, .X509ExtensionID.subjectKeyIdentifier,
      [2, 5, 29, 31],
    ]
    let constraints: BasicConstraints?
    let usage: KeyUsage?
    do {
      constraints = try x509.extensions.basicConstraints
      usage = try x509.extensions.keyUsage
    } catch {
      throw FormatError("\(commonName): bad extension: \(PlainWords.of(error))")
    }
    for item in x509.extensions where item.critical && !known.contains(item.oid) {
      throw FormatError("\(commonName): unknown critical extension \(item.oid)")
    }
    guard let constraints, let usage else {
      throw FormatError("\(commonName): basicConstraints or keyUsage is missing")
    }
    switch (role, constraints) {
    case (.endEntity, .notCertificateAuthority):
      guard usage.digitalSignature, !usage.keyCertSign else {
        throw FormatError("\(commonName): keyUsage does not allow signatures")
      }
    case (.intermediate, .isCertificateAuthority):
      guard usage.keyCertSign, usage.cRLSign else {
        throw FormatError("\(commonName): keyUsage does not allow signing certificates and CRLs")
      }
    case (.root, .isCertificateAuthority(let maxPathLength)):
      guard usage.keyCertSign, usage.cRLSign, maxPathLength.map({ $0 >= 1 }) ?? true else {
        throw FormatError("\(commonName): keyUsage or path length does not fit a root")
      }
    default:
      throw FormatError("\(commonName): basicConstraints do not fit its place in the chain")
    }
  }

  private static func commonName(of name: DistinguishedName) throws(FormatError) -> String {
    var found: String?
    for rdn in name {
      for attribute in rdn where attribute.type == .RDNAttributeType.commonName {
        guard found == nil, let text = String(attribute.value) else {
          throw FormatError("a name without exactly one readable common name")
        }
        found = text
      }
    }
    guard let found else { throw FormatError("a name without a common name") }
    return found
  }

  /// Certificates one after another in PEM.
  static func list(pem: [UInt8]) throws(FormatError) -> [PKICertificate] {
    let blocks = try PEM.decode(pem[...], label: "CERTIFICATE")
    guard blocks.count <= 8 else { throw FormatError("more than 8 certificates") }
    var certificates: [PKICertificate] = []
    for block in blocks { certificates.append(try PKICertificate(der: block)) }
    return certificates
  }
}
