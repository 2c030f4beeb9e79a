extension VerificationRun {
  mutating func checkCRLs() {
    step(.rootCRL, needs: .pckChain) { (run) throws(Stop) in
      let crl = try run.collateral.rootCRL.get()
      let root = run.chain!.root
      guard crl.issuer == root.subject else {
        throw .refused(.rootCRLIssuer, "the root CRL is not issued by \"\(root.commonName)\"")
      }
      guard run.collateral.isRootCRL(crl, signedBy: root.key) else {
        throw .refused(.rootCRLSignature, "the root CRL is not signed by \"\(root.commonName)\"")
      }
      return "signed by \(root.commonName), \(crl.revokedCount) entries"
    }
    step(.rootCRLFreshness, needs: .rootCRL, .clock) { (run) throws(Stop) in
      try run.checkFreshness(try run.collateral.rootCRL.get(), "root CRL")
    }
    step(.pckCRL, needs: .pckChain) { (run) throws(Stop) in
      let crl = try run.collateral.pckCRL.get()
      let chain = run.chain!
      let ca = chain.intermediate!
      guard crl.issuer == ca.subject else {
        throw .refused(
          .pckCRLIssuer, "the PCK CRL is not issued by \"\(ca.commonName)\": the other CA's?")
      }
      let issuers = try run.collateral.pckCA.get()
      guard issuers.leaf.subject == ca.subject,
        issuers.leaf.key.rawRepresentation == ca.key.rawRepresentation,
        run.anchor!.matches(issuers.root)
      else {
        throw .refused(
          .pckCRLIssuerChain, "the PCK CRL's issuer chain is not that of the PCK certificate")
      }
      guard run.collateral.isPCKCRL(crl, signedBy: ca.key) else {
        throw .refused(.pckCRLSignature, "the PCK CRL is not signed by \"\(ca.commonName)\"")
      }
      return "signed by \(ca.commonName), \(crl.revokedCount) entries"
    }
    step(.pckCRLFreshness, needs: .pckCRL, .clock) { (run) throws(Stop) in
      try run.checkFreshness(try run.collateral.pckCRL.get(), "PCK CRL")
    }
    step(.revocation, needs: .rootCRL, .pckCRL) { (run) throws(Stop) in
      let chain = run.chain!
      let (root, pck) = (try run.collateral.rootCRL.get(), try run.collateral.pckCRL.get())
      guard !root.isRevoked(chain.intermediate!.serial) else {
        throw .refused(.intermediateRevoked, "\(chain.intermediate!.commonName) is revoked")
      }
      guard !pck.isRevoked(chain.leaf.serial) else {
        throw .refused(
          .pckRevoked,
          "the platform's PCK certificate, serial \(Hex.encode(chain.leaf.serial)), is revoked")
      }
      return "neither the PCK certificate nor its CA is revoked"
    }
  }

  /// QVL checks only the upper bounds; documents from the future are refused here as well.
  static let clockSkew: Int64 = 300

  private mutating func checkFreshness(_ crl: CRL, _ name: String) throws(Stop) -> String {
    guard time.adding(seconds: Self.clockSkew) >= crl.thisUpdate else {
      throw .undecided(.crlNotYetValid, "the \(name) is of \(crl.thisUpdate), in the future")
    }
    guard time <= crl.nextUpdate else {
      throw .undecided(.crlExpired, "the \(name) expired \(crl.nextUpdate)")
    }
    expiries.append(crl.nextUpdate)
    return "of \(crl.thisUpdate), valid until \(crl.nextUpdate)"
  }
}
