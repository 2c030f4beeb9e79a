/// The two shapes of chain in this PKI, every link checked: leaf, CA, root; and signer, root.
///
/// Each check is on the certificate at hand. A chain with a forged leaf in front of the genuine
/// CAs, or with certificates left over, must fail here.
struct CertificateChain: Sendable {
  /// The names of the rules for one of the chains.
  private struct Rules {
    let count: Rule
    let rootName: Rule
    let extensions: Rule
    let signature: Rule
    /// Of the certificate below the root.
    let name: Rule

    static let pck = Self(
      count: .pckChainCount, rootName: .pckChainRootName, extensions: .pckChainExtensions,
      signature: .pckChainSignature, name: .pckChainCAName)
    static let crl = Self(
      count: .crlChainCount, rootName: .crlChainRootName, extensions: .crlChainExtensions,
      signature: .crlChainSignature, name: .crlChainCAName)
    static let tcbSigning = Self(
      count: .signingChainCount, rootName: .signingChainRootName,
      extensions: .signingChainExtensions, signature: .signingChainSignature,
      name: .signingChainLeafName)
  }

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
      throw .refused(.pckChainCount, "the PCK chain has \(list.count) certificates, 3 are right")
    }
    // Quotes of 2020 carry the root in the middle. Every link is checked in either order.
    let isSwapped = list[1].subject == list[1].issuer
    let (ca, root) = isSwapped ? (list[2], list[1]) : (list[1], list[2])
    let chain = CertificateChain(leaf: list[0], intermediate: ca, root: root)
    // The CAs of most quotes are those that the CRL's issuer chain has proved already.
    if trusted?.leaf.der != ca.der || trusted?.root.der != root.der {
      try chain.checkRoot(.pck)
      try chain.check(ca, as: .intermediate, issuer: root, .pck)
    }
    try chain.check(chain.leaf, as: .endEntity, issuer: ca, .pck)
    try chain.checkPCKCAName(ca, .pck)
    guard list[0].commonName == chain.vendor + " SGX PCK Certificate" else {
      throw .refused(
        .pckChainLeafName, "\"\(list[0].commonName)\" is not the name of a PCK certificate")
    }
    return chain
  }

  /// Platform or processor CA and root: the issuer chain of the PCK CRL.
  static func pckCA(_ list: [PKICertificate]) throws(Stop) -> CertificateChain {
    guard list.count == 2 else {
      throw .refused(
        .crlChainCount, "the CRL's issuer chain has \(list.count) certificates, 2 are right")
    }
    let chain = CertificateChain(leaf: list[0], intermediate: nil, root: list[1])
    try chain.checkRoot(.crl)
    try chain.check(list[0], as: .intermediate, issuer: list[1], .crl)
    try chain.checkPCKCAName(list[0], .crl)
    return chain
  }

  /// TCB signing certificate and root.
  static func tcbSigning(_ list: [PKICertificate]) throws(Stop) -> CertificateChain {
    guard list.count == 2 else {
      throw .refused(
        .signingChainCount, "the TCB signing chain has \(list.count) certificates, 2 are right")
    }
    let chain = CertificateChain(leaf: list[0], intermediate: nil, root: list[1])
    try chain.checkRoot(.tcbSigning)
    guard list[0].commonName == chain.vendor + " SGX TCB Signing" else {
      throw .refused(
        .signingChainLeafName, "\"\(list[0].commonName)\" is not the TCB signing certificate")
    }
    try chain.check(list[0], as: .endEntity, issuer: list[1], .tcbSigning)
    return chain
  }

  private func checkRoot(_ rules: Rules) throws(Stop) {
    guard root.commonName.hasSuffix(Self.rootSuffix) else {
      throw .refused(rules.rootName, "\"\(root.commonName)\" is not the name of an SGX root")
    }
    try check(root, as: .root, issuer: root, rules)
  }

  private func checkPCKCAName(_ ca: PKICertificate, _ rules: Rules) throws(Stop) {
    let names = ["Platform", "Processor"].map { "\(vendor) SGX PCK \($0) CA" }
    guard names.contains(ca.commonName) else {
      throw .refused(
        rules.name, "\"\(ca.commonName)\" is not the platform or processor CA")
    }
  }

  private func check(
    _ certificate: PKICertificate, as role: PKICertificate.Role, issuer: PKICertificate,
    _ rules: Rules
  ) throws(Stop) {
    do {
      try certificate.checkExtensions(as: role)
    } catch {
      throw .refused(rules.extensions, error.description)
    }
    guard certificate.isSigned(by: issuer) else {
      throw .refused(
        rules.signature, "\"\(certificate.commonName)\" is not signed by \"\(issuer.commonName)\"")
    }
  }

  /// Every certificate is valid at `time`, both ends included.
  func checkValidity(at time: Timestamp) throws(Stop) {
    for certificate in certificates {
      guard time >= certificate.notBefore else {
        throw .refused(
          .certificateNotYetValid,
          "\"\(certificate.commonName)\" is valid from \(certificate.notBefore)")
      }
      guard time <= certificate.notAfter else {
        throw .refused(
          .certificateExpired, "\"\(certificate.commonName)\" expired \(certificate.notAfter)")
      }
    }
  }

  var notAfter: Timestamp { certificates.map(\.notAfter).min()! }
}
