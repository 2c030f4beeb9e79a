/// What a collateral folder holds, and whether each part is signed, complete and fresh. Only a
/// verification of a quote proves that the parts belong to its platform.
public struct CollateralReport: Sendable {
  public let steps: [Part]
  public let details: [String]

  public struct Part: Sendable {
    public let name: String
    public let outcome: Step.Outcome
    public let reason: String
  }

  public var isGood: Bool { steps.allSatisfy { $0.outcome == .passed } }

  /// As in `cloister verify`: 0 good, 1 wrong, 3 missing or stale.
  public var exitCode: Int32 {
    if isGood { return 0 }
    return steps.contains { $0.outcome == .refused } ? 1 : 3
  }

  public init(_ collateral: Collateral, at time: Timestamp, anchors: [TrustAnchor] = [.intel]) {
    let prepared = PreparedCollateral(collateral)
    var steps: [Part] = []
    var details: [String] = []
    func add(_ name: String, _ body: () throws(Stop) -> String) {
      do throws(Stop) {
        steps.append(Part(name: name, outcome: .passed, reason: try body()))
      } catch {
        var outcome = Step.Outcome.undecided
        if case .refused = error { outcome = .refused }
        steps.append(Part(name: name, outcome: outcome, reason: error.reason))
      }
    }
    func trust(_ chain: CertificateChain) throws(Stop) {
      guard anchors.contains(where: { $0.matches(chain.root) }) else {
        throw .refused(
          .signingChainTrust, "the root, SHA-256 \(Hex.encode(chain.root.sha256)), is not trusted")
      }
    }
    func fresh(_ from: Timestamp, _ to: Timestamp) throws(Stop) -> String {
      guard time.adding(seconds: VerificationRun.clockSkew) >= from else {
        throw .undecided(.tcbInfoNotYetValid, "issued \(from), in the future")
      }
      guard time <= to else { throw .undecided(.tcbInfoExpired, "expired \(to)") }
      return "issued \(from), valid until \(to)"
    }
    func signer(_ chain: CertificateChain) throws(Stop) {
      try trust(chain)
      if (try? prepared.rootCRL.get())?.isRevoked(chain.leaf.serial) == true {
        throw .refused(.tcbSigningRevoked, "signed by a revoked certificate")
      }
      do throws(Stop) { try chain.checkValidity(at: time) } catch {
        throw .undecided(error.rule, error.reason)
      }
    }
    add(Collateral.Part.tcbInfo.rawValue) { () throws(Stop) in
      let signed = try prepared.tcbInfo.get()
      try signer(signed.chain)
      return try fresh(signed.document.issueDate, signed.document.nextUpdate)
    }
    add(Collateral.Part.qeIdentity.rawValue) { () throws(Stop) in
      let signed = try prepared.qeIdentity.get()
      try signer(signed.chain)
      return try fresh(signed.document.issueDate, signed.document.nextUpdate)
    }
    add(Collateral.Part.rootCRL.rawValue) { () throws(Stop) in
      let (crl, ca) = (try prepared.rootCRL.get(), try prepared.pckCA.get())
      guard crl.issuer == ca.root.subject, prepared.isRootCRL(crl, signedBy: ca.root.key) else {
        throw .refused(.rootCRLSignature, "not issued and signed by \(ca.root.commonName)")
      }
      return try fresh(crl.thisUpdate, crl.nextUpdate)
    }
    add(Collateral.Part.pckCRL.rawValue) { () throws(Stop) in
      let (crl, ca) = (try prepared.pckCRL.get(), try prepared.pckCA.get())
      try trust(ca)
      guard crl.issuer == ca.leaf.subject, prepared.isPCKCRL(crl, signedBy: ca.leaf.key) else {
        throw .refused(.pckCRLSignature, "not issued and signed by \(ca.leaf.commonName)")
      }
      if (try? prepared.rootCRL.get())?.isRevoked(ca.leaf.serial) == true {
        throw .refused(.intermediateRevoked, "its issuer is revoked")
      }
      return try fresh(crl.thisUpdate, crl.nextUpdate)
    }
    self.steps = steps

    if let info = try? prepared.tcbInfo.get().document {
      details.append(
        "TCB info: \(info.id) version \(info.version), FMSPC \(Hex.encode(info.FMSPC)), "
          + "PCEID \(Hex.encode(info.PCEID)), evaluation data number \(info.evaluationDataNumber)")
      for level in info.levels {
        let advisories = level.advisories.joined(separator: ", ")
        details.append(
          "  \(level.date) PCESVN \(level.PCESVN) \(level.status.rawValue) \(advisories)")
        details.append("    SGX \(level.sgxComponents.map(String.init).joined(separator: " "))")
        if !level.tdxComponents.isEmpty {
          details.append("    TDX \(level.tdxComponents.map(String.init).joined(separator: " "))")
        }
      }
      for module in info.tdxModuleIdentities {
        for level in module.levels {
          details.append(
            "  TDX module \(module.id ?? "") SVN \(level.ISVSVN) \(level.status.rawValue)")
        }
      }
    }
    if let identity = try? prepared.qeIdentity.get().document {
      details.append(
        "QE identity: \(identity.id), MRSIGNER \(Hex.encode(identity.MRSIGNER)), "
          + "ISVPRODID \(identity.ISVPRODID), evaluation data number "
          + "\(identity.evaluationDataNumber)")
      for level in identity.levels {
        details.append("  \(level.date) ISVSVN \(level.ISVSVN) \(level.status.rawValue)")
      }
    }
    if let crl = try? prepared.rootCRL.get() {
      details.append("Root CRL: \(crl.revokedCount) entries")
    }
    if let crl = try? prepared.pckCRL.get() {
      details.append("PCK CRL: \(crl.revokedCount) entries, issued by \(crl.issuer)")
    }
    self.details = details
  }

  public var text: String {
    steps.map { part in
      let mark =
        switch part.outcome {
        case .passed: "ok     "
        case .refused: "REFUSED"
        default: "unknown"
        }
      return "\(mark) \(part.name): \(part.reason)"
    }.joined(separator: "\n")
  }
}
