extension VerificationRun {
  mutating func checkDocuments() {
    step(.tcbInfoSignature, needs: .pckChain, .rootCRL) { (run) throws(Stop) in
      let signed = try run.collateral.tcbInfo.get()
      try run.checkSigner(signed.chain, of: "TCB info")
      run.tcbInfo = signed.document
      return "version \(signed.document.version), number "
        + "\(signed.document.evaluationDataNumber), signed by \(signed.chain.leaf.commonName)"
    }
    step(.tcbInfoFreshness, needs: .tcbInfoSignature, .clock) { (run) throws(Stop) in
      let signed = try run.collateral.tcbInfo.get()
      try run.checkSignerValidity(signed.chain, of: "TCB info")
      return try run.checkFreshness(
        from: signed.document.issueDate, to: signed.document.nextUpdate, "TCB info",
        .tcbInfoNotYetValid, .tcbInfoExpired)
    }
    step(.qeIdentitySignature, needs: .pckChain, .rootCRL) { (run) throws(Stop) in
      let signed = try run.collateral.qeIdentity.get()
      try run.checkSigner(signed.chain, of: "QE identity")
      run.qeIdentity = signed.document
      return "\(signed.document.id), number \(signed.document.evaluationDataNumber), "
        + "signed by \(signed.chain.leaf.commonName)"
    }
    step(.qeIdentityFreshness, needs: .qeIdentitySignature, .clock) { (run) throws(Stop) in
      let signed = try run.collateral.qeIdentity.get()
      try run.checkSignerValidity(signed.chain, of: "QE identity")
      return try run.checkFreshness(
        from: signed.document.issueDate, to: signed.document.nextUpdate, "QE identity",
        .qeIdentityNotYetValid, .qeIdentityExpired)
    }
    step(.tcbInfoMatch, needs: .tcbInfoSignature, .pckExtension) { (run) throws(Stop) in
      let (info, pck) = (run.tcbInfo!, run.pck!)
      let id = run.quote!.header.tee == .sgx ? "SGX" : "TDX"
      guard info.id == id else {
        throw .refused(.tcbInfoTEE, "the TCB info is for \(info.id), the quote is \(id)")
      }
      guard info.FMSPC == pck.FMSPC else {
        throw .refused(
          .tcbInfoFMSPC,
          "the TCB info is for FMSPC \(Hex.encode(info.FMSPC)), "
            + "the platform is \(Hex.encode(pck.FMSPC))")
      }
      guard info.PCEID == pck.PCEID else {
        throw .refused(
          .tcbInfoPCEID,
          "the TCB info is for PCEID \(Hex.encode(info.PCEID)), "
            + "the platform has \(Hex.encode(pck.PCEID))")
      }
      return "for \(id) on FMSPC \(Hex.encode(info.FMSPC))"
    }
  }

  private func checkSigner(_ chain: CertificateChain, of name: String) throws(Stop) {
    guard anchor!.matches(chain.root), chain.root.subject == self.chain!.root.subject else {
      throw .refused(
        .signingChainTrust, "the \(name)'s signing chain does not end at the quote's root")
    }
    guard !(try collateral.rootCRL.get()).isRevoked(chain.leaf.serial) else {
      throw .refused(.tcbSigningRevoked, "the certificate that signed the \(name) is revoked")
    }
  }

  /// An expired signer makes stale collateral: the same document under a new chain may be good.
  private mutating func checkSignerValidity(
    _ chain: CertificateChain, of name: String
  ) throws(Stop) {
    do {
      try chain.checkValidity(at: time)
    } catch {
      let rule = error.rule == .certificateExpired ? Rule.signerExpired : .signerNotYetValid
      throw .undecided(rule, "\(name): \(error.reason)")
    }
    expiries.append(chain.notAfter)
  }

  private mutating func checkFreshness(
    from: Timestamp, to: Timestamp, _ name: String, _ early: Rule, _ late: Rule
  ) throws(Stop) -> String {
    guard time.adding(seconds: Self.clockSkew) >= from else {
      throw .undecided(early, "the \(name) is of \(from), in the future")
    }
    guard time <= to else { throw .undecided(late, "the \(name) expired \(to)") }
    expiries.append(to)
    return "of \(from), valid until \(to)"
  }
}
