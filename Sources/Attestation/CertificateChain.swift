/// The two shapes of chain in this PKI, every link checked: leaf, CA, root; and signer, root.
///
/// Each check is on the certificate at hand. A chain with a forged leaf in front of the genuine
/// CAs, or with certificates left over, must fail here.
struct CertificateChain: Sendable {
  let leaf: PKICertificate
  let intermediate: PKICertificate?
  let root: PKICertificate

  var certificates: [PKICertificate] { [leaf] + (intermediate.map { [$0] } ?? []) + [root] }

  /// The vendor part of the names: `Intel` in `Intel SGX Root CA`. All names of a chain share it.
  var vendor: String { String(root.commonName.dropLast(Self.rootSuffix.count)) }

  static let rootSuffix = " SGX Root CA"

  /// PCK certificate, platform or processor CA, root.
  static func pck(_ list: [PKICertificate], trusted: CertificateChain? = nil) throws(Stop)
    -> CertificateChain
  {
    guard list.count == 3 else {
      throw .refused(.PCK_CHAIN, "the PCK chain has \(list.count) certificates, 3 are right")
    }
    // Quotes of 2020 carry the root in the middle. Every link is checked in either order.
    let isSwapped = list[1].subject == list[1].issuer
    let (ca, root) = isSwapped ? (list[2], list[1]) : (list[1], list[2])
    let chain = CertificateChain(leaf: list[0], intermediate: ca, root: root)
    // The CAs of most quotes are those that the CRL's issuer chain has proved already.
    if trusted?.leaf.der != ca.der || trusted?.root.der != root.der {
      try chain.checkRoot(.PCK_CHAIN)
      try chain.check(ca, as: .intermediate, issuer: root, .PCK_CHAIN)
    }
    try chain.check(chain.leaf, as: .endEntity, issuer: ca, .PCK_CHAIN)
    try chain.checkPCKCAName(ca)
    guard list[0].commonName == chain.vendor + " SGX PCK Certificate" else {
      throw .refused(.PCK_CHAIN, "\"\(list[0].commonName)\" is not the name of a PCK certificate")
    }
    return chain
  }

  /// Platform or processor CA and root: the issuer chain of the PCK CRL.
  static func pckCA(_ list: [PKICertificate]) throws(Stop) -> CertificateChain {
    guard list.count == 2 else {
      throw .refused(.CRL, "the CRL's issuer chain has \(list.count) certificates, 2 are right")
    }
    let chain = CertificateChain(leaf: list[0], intermediate: nil, root: list[1])
    try chain.checkRoot(.CRL)
    try chain.check(list[0], as: .intermediate, issuer: list[1], .CRL)
    try chain.checkPCKCAName(list[0])
    return chain
  }

  /// TCB signing certificate and root.
  static func tcbSigning(_ list: [PKICertificate]) throws(Stop) -> CertificateChain {
    guard list.count == 2 else {
      throw .refused(
        .TCB_SIGNING_CHAIN, "the TCB signing chain has \(list.count) certificates, 2 are right")
    }
    let chain = CertificateChain(leaf: list[0], intermediate: nil, root: list[1])
    try chain.checkRoot(.TCB_SIGNING_CHAIN)
    guard list[0].commonName == chain.vendor + " SGX TCB Signing" else {
      throw .refused(
        .TCB_SIGNING_CHAIN, "\"\(list[0].commonName)\" is not the TCB signing certificate")
    }
    try chain.check(list[0], as: .endEntity, issuer: list[1], .TCB_SIGNING_CHAIN)
    return chain
  }

  private func checkRoot(_ code: Stop.Code) throws(Stop) {
    guard root.commonName.hasSuffix(Self.rootSuffix) else {
      throw .refused(code, "\"\(root.commonName)\" is not the name of an SGX root")
    }
    try check(root, as: .root, issuer: root, code)
  }

  private func checkPCKCAName(_ ca: PKICertificate) throws(Stop) {
    let names = ["Platform", "Processor"].map { "\(vendor) SGX PCK \($0) CA" }
    guard names.contains(ca.commonName) else {
      throw .refused(.PCK_CHAIN, "\"\(ca.commonName)\" is not the platform or processor CA")
    }
  }

  private func check(
    _ certificate: PKICertificate, as role: PKICertificate.Role, issuer: PKICertificate,
    _ code: Stop.Code
  ) throws(Stop) {
    do {
      try certificate.checkExtensions(as: role)
    } catch {
      throw .refused(code, error.description)
    }
    guard certificate.isSigned(by: issuer) else {
      throw .refused(
        code, "\"\(certificate.commonName)\" is not signed by \"\(issuer.commonName)\"")
    }
  }

  /// Every certificate is valid at `time`, both ends included.
  func checkValidity(at time: Timestamp) throws(Stop) {
    for certificate in certificates {
      guard time >= certificate.notBefore else {
        throw .refused(
          .CERTIFICATE_NOT_YET_VALID,
          "\"\(certificate.commonName)\" is valid from \(certificate.notBefore)")
      }
      guard time <= certificate.notAfter else {
        throw .refused(
          .CERTIFICATE_EXPIRED, "\"\(certificate.commonName)\" expired \(certificate.notAfter)")
      }
    }
  }

  var notAfter: Timestamp { certificates.map(\.notAfter).min()! }
}
