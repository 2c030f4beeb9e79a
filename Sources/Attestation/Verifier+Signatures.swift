import Crypto

extension VerificationRun {
  /// PCK key -> QE report -> attestation key -> quote; and the QE is the one Intel names.
  mutating func checkSignatures() {
    step(.qeReportSignature, needs: .pckChain) { (run) throws(Stop) in
      let signature = run.quote!.signature
      guard
        ECDSA.isValid(
          signature.qeReportSignature, over: signature.qeReport.bytes[...], by: run.chain!.leaf.key)
      else {
        throw .refused(
          .qeReportSignature, "the QE report is not signed by the platform's PCK key")
      }
      return "the QE report is signed by the platform's PCK key"
    }
    step(.attestationKey, needs: .quoteFormat) { (run) throws(Stop) in
      let signature = run.quote!.signature
      let hash = SHA256.hash(data: signature.attestationKey + signature.qeAuthenticationData)
      let reportData = signature.qeReport.REPORTDATA
      guard reportData.prefix(32).elementsEqual(hash) else {
        throw .refused(.attestationKeyHash, "the QE report does not vouch for the attestation key")
      }
      // QVL compares the first half only. The QE leaves zeros in the second.
      guard reportData.suffix(32).allSatisfy({ $0 == 0 }) else {
        throw .refused(
          .attestationKeyZeros, "the second half of the QE's REPORTDATA is not zero")
      }
      return "the QE report vouches for the attestation key"
    }
    step(.qeIdentityMatch, needs: .qeIdentitySignature, .quoteFormat) { (run) throws(Stop) in
      try run.checkQE(run.quote!.signature.qeReport, run.qeIdentity!)
    }
    step(.quoteSignature, needs: .quoteFormat) { (run) throws(Stop) in
      let quote = run.quote!
      guard let key = ECDSA.key(quote.signature.attestationKey) else {
        throw .refused(.attestationKeyPoint, "the attestation key is not a point of P-256")
      }
      guard ECDSA.isValid(quote.signature.signature, over: quote.signedBytes, by: key) else {
        throw .refused(
          .quoteSignature, "the quote is not signed by its attestation key: it was changed")
      }
      return "header and body are signed by the attestation key"
    }
  }

  private func checkQE(
    _ report: EnclaveReport, _ identity: QEIdentity
  ) throws(Stop) -> String {
    let id = quote!.header.tee == .sgx ? "QE" : "TD_QE"
    guard identity.id == id else {
      throw .refused(.qeIdentityID, "the identity is of \(identity.id), \(id) is needed")
    }
    guard equal(report.MISCSELECT, under: identity.MISCSELECTMask, to: identity.MISCSELECT) else {
      throw .refused(
        .qeMISCSELECT, "the QE's MISCSELECT \(Hex.encode(report.MISCSELECT)) is not allowed")
    }
    guard equal(report.ATTRIBUTES, under: identity.ATTRIBUTESMask, to: identity.ATTRIBUTES) else {
      throw .refused(
        .qeATTRIBUTES, "the QE's ATTRIBUTES \(Hex.encode(report.ATTRIBUTES)) are not allowed")
    }
    guard report.MRSIGNER == identity.MRSIGNER else {
      throw .refused(.qeMRSIGNER, "the QE's MRSIGNER is \(Hex.encode(report.MRSIGNER))")
    }
    guard report.ISVPRODID == identity.ISVPRODID else {
      throw .refused(.qeISVPRODID, "the QE's ISVPRODID is \(report.ISVPRODID)")
    }
    return
      "the quoting enclave is \(anchor!.isSoftware ? "the software machine's" : "Intel's") \(id)"
  }
}
