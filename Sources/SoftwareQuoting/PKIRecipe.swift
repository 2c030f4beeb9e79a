import Attestation
import Crypto
import Foundation
import SwiftASN1
import X509

/// How the certificates of a PKI are made. The defaults make a good one; tests change one thing.
package struct PKIRecipe: Sendable {
  package struct Validity: Sendable {
    package var from: Timestamp
    package var to: Timestamp
    package init(from: Timestamp, to: Timestamp) {
      self.from = from
      self.to = to
    }
  }

  /// The names start with this: a reader of a certificate sees what it is.
  package var vendor = "Cloister Software"
  package var organization = "SOFTWARE, NO PROTECTION"
  package var validity: [Member: Validity] = [:]
  package var commonName: [Member: String] = [:]
  package var defaultValidity: Validity
  package var isCA: [Member: Bool] = [:]
  /// Ends of paths: how many CAs may be below this one.
  package var maxPathLength: [Member: Int] = [:]
  package var hasKeyUsage: [Member: Bool] = [:]
  package var keyUsage: [Member: KeyUsage] = [:]
  package var extraExtensions: [Member: [Certificate.Extension]] = [:]
  package var sgx = SGXExtensionRecipe()
  /// In place of what `sgx` makes; empty for no SGX extension.
  package var sgxExtension: [UInt8]?

  package enum Member: String, Sendable, CaseIterable {
    case root = "SGX Root CA"
    case platformCA = "SGX PCK Platform CA"
    case tcbSigning = "SGX TCB Signing"
    case pck = "SGX PCK Certificate"
  }

  package init(at time: Timestamp) {
    defaultValidity = Validity(
      from: time.adding(seconds: -86_400), to: time.adding(seconds: 20 * 365 * 86_400))
  }

  package func name(_ member: Member) throws -> DistinguishedName {
    try DistinguishedName {
      CommonName(commonName[member] ?? "\(vendor) \(member.rawValue)")
      OrganizationName(organization)
    }
  }

  /// The certificate of `member`, signed by `issuer`.
  package func certificate(
    _ member: Member, key: P256.Signing.PrivateKey, issuer: Member,
    issuerKey: P256.Signing.PrivateKey
  ) throws -> Certificate {
    let validity = validity[member] ?? defaultValidity
    var extensions: [Certificate.Extension] = []
    let isCA = isCA[member] ?? (member == .root || member == .platformCA)
    let constraints: BasicConstraints =
      isCA
      ? .isCertificateAuthority(maxPathLength: maxPathLength[member] ?? (member == .root ? 1 : 0))
      : .notCertificateAuthority
    extensions.append(try Certificate.Extension(constraints, critical: true))
    if hasKeyUsage[member] ?? true {
      let usual =
        isCA
        ? KeyUsage(keyCertSign: true, cRLSign: true)
        : KeyUsage(digitalSignature: true, nonRepudiation: true)
      let usage = keyUsage[member] ?? usual
      extensions.append(try Certificate.Extension(usage, critical: true))
    }
    extensions.append(
      try Certificate.Extension(
        SubjectKeyIdentifier(keyIdentifier: Self.keyIdentifier(key)), critical: false))
    extensions.append(
      try Certificate.Extension(
        AuthorityKeyIdentifier(keyIdentifier: Self.keyIdentifier(issuerKey)), critical: false))
    let sgxExtension = sgxExtension ?? sgx.encoded()
    if member == .pck, !sgxExtension.isEmpty {
      extensions.append(
        Certificate.Extension(
          oid: SGXExtensionRecipe.oid, critical: false, value: sgxExtension[...]))
    }
    extensions += extraExtensions[member] ?? []
    return try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(),
      publicKey: Certificate.PublicKey(key.publicKey),
      notValidBefore: Date(timeIntervalSince1970: Double(validity.from.secondsSince1970)),
      notValidAfter: Date(timeIntervalSince1970: Double(validity.to.secondsSince1970)),
      issuer: try name(issuer), subject: try name(member), signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions(extensions),
      issuerPrivateKey: Certificate.PrivateKey(issuerKey))
  }

  static func keyIdentifier(_ key: P256.Signing.PrivateKey) -> ArraySlice<UInt8> {
    Array(Insecure.SHA1.hash(data: key.publicKey.x963Representation))[...]
  }
}

/// The SGX extension of the PCK certificate.
package struct SGXExtensionRecipe: Sendable {
  package static let oid: ASN1ObjectIdentifier = [1, 2, 840, 113_741, 1, 13, 1]

  package var ppid = [UInt8](repeating: 0, count: 16)
  package var platformInstanceID = [UInt8](repeating: 0, count: 16)
  package var components: [UInt8] =
    [UInt8](repeating: 1, count: 2) + [UInt8](repeating: 0, count: 14)
  package var PCESVN = 1
  package var PCEID: [UInt8] = [0, 0]
  /// "CLOIST": no processor of Intel's.
  package var FMSPC: [UInt8] = [0x43, 0x4C, 0x4F, 0x49, 0x53, 0x54]
  package var smtEnabled = true

  package func encoded() -> [UInt8] {
    func member(_ suffix: [UInt], _ value: [UInt8]) -> [UInt8] {
      guard let oid = try? ASN1ObjectIdentifier(elements: Self.oid.oidComponents + suffix) else {
        preconditionFailure("an OID from constants")
      }
      return DERWriter.sequence(DERWriter.oid(oid), value)
    }
    var tcb: [UInt8] = []
    for (index, component) in components.enumerated() {
      tcb += member([2, UInt(index + 1)], DERWriter.integer([component]))
    }
    tcb += member([2, 17], DERWriter.integer(PCESVN))
    tcb += member([2, 18], DERWriter.octets(components))
    let configuration = DERWriter.sequence(
      member([7, 1], DERWriter.flag(false)), member([7, 2], DERWriter.flag(false)),
      member([7, 3], DERWriter.flag(smtEnabled)))
    return DERWriter.sequence(
      member([1], DERWriter.octets(ppid)), member([2], DERWriter.sequence(tcb)),
      member([3], DERWriter.octets(PCEID)), member([4], DERWriter.octets(FMSPC)),
      member([5], DERWriter.enumerated(1)), member([6], DERWriter.octets(platformInstanceID)),
      member([7], configuration))
  }
}
