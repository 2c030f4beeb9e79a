import Attestation
import Crypto
import SwiftASN1
import X509

/// The certificates of one PKI, and the documents that its keys sign.
package struct PKICertificates: Sendable {
  package let root: Certificate
  package let platformCA: Certificate
  package let tcbSigning: Certificate
  package let pck: Certificate

  package init(
    root: Certificate, platformCA: Certificate, tcbSigning: Certificate, pck: Certificate
  ) {
    self.root = root
    self.platformCA = platformCA
    self.tcbSigning = tcbSigning
    self.pck = pck
  }

  package init(_ keys: PKIKeys, _ recipe: PKIRecipe) throws {
    root = try recipe.certificate(.root, key: keys.root, issuer: .root, issuerKey: keys.root)
    platformCA = try recipe.certificate(
      .platformCA, key: keys.platformCA, issuer: .root, issuerKey: keys.root)
    tcbSigning = try recipe.certificate(
      .tcbSigning, key: keys.tcbSigning, issuer: .root, issuerKey: keys.root)
    pck = try recipe.certificate(
      .pck, key: keys.pck, issuer: .platformCA, issuerKey: keys.platformCA)
  }

  package static func der(_ certificate: Certificate) -> [UInt8] {
    DERWriter.serialized(certificate)
  }

  package static func pem(_ certificates: Certificate...) -> [UInt8] {
    Array(certificates.map { PEMText.encode(der($0)) }.joined().utf8)
  }

  package var fingerprint: [UInt8] { Array(SHA256.hash(data: Self.der(root))) }
}

/// A certificate revocation list.
package struct CRLRecipe: Sendable {
  package var revoked: [[UInt8]] = []
  package var thisUpdate: Timestamp
  package var nextUpdate: Timestamp
  package var hasNumber = true
  package var hasAuthorityKeyIdentifier = true
  package var extraExtensions: [[UInt8]] = []

  package init(at time: Timestamp) {
    thisUpdate = time
    nextUpdate = time.adding(seconds: 30 * 86_400)
  }

  package func signed(issuer: DistinguishedName, key: P256.Signing.PrivateKey) -> [UInt8] {
    let algorithm = DERWriter.sequence(DERWriter.oid([1, 2, 840, 10045, 4, 3, 2]))
    let entries = revoked.map {
      DERWriter.sequence(DERWriter.integer($0), Self.time(thisUpdate))
    }
    var extensions: [UInt8] = []
    if hasNumber {
      extensions += DERWriter.sequence(
        DERWriter.oid([2, 5, 29, 20]), DERWriter.octets(DERWriter.integer(1)))
    }
    if hasAuthorityKeyIdentifier {
      let identifier = Array(PKIRecipe.keyIdentifier(key))
      extensions += DERWriter.sequence(
        DERWriter.oid([2, 5, 29, 35]),
        DERWriter.octets(DERWriter.sequence(DERWriter.node(0x80, identifier))))
    }
    extensions += extraExtensions.flatMap { $0 }
    let list = DERWriter.sequence(
      DERWriter.integer(1), algorithm, DERWriter.serialized(issuer), Self.time(thisUpdate),
      Self.time(nextUpdate), entries.isEmpty ? [] : DERWriter.sequence(entries.flatMap { $0 }),
      DERWriter.node(0xA0, DERWriter.sequence(extensions)))
    return DERWriter.sequence(list, algorithm, DERWriter.bits(key.derSignature(list)))
  }

  private static func time(_ time: Timestamp) -> [UInt8] {
    let digits = time.description.utf8.filter { (0x30...0x39).contains($0) } + Array("Z".utf8)
    return DERWriter.node(0x18, digits)
  }
}
