import Crypto

/// Collateral with everything done that depends on neither quote nor time: parsing, signing
/// chains, signatures. One preparation serves any number of quotes.
///
/// A part that is missing or wrong is kept as the reason why, so that each verdict can name it.
public struct PreparedCollateral: Sendable {
  struct Signed<Document: Sendable>: Sendable {
    let document: Document
    let chain: CertificateChain
  }

  let tcbInfo: Result<Signed<TCBInfo>, Stop>
  let qeIdentity: Result<Signed<QEIdentity>, Stop>
  let pckCA: Result<CertificateChain, Stop>
  let rootCRL: Result<CRL, Stop>
  let pckCRL: Result<CRL, Stop>
  /// The chain that came beside the quote; `MISSING` when none did.
  let pckChain: Result<[PKICertificate], Stop>
  /// Keys for which the CRLs' signatures were found right already.
  private let rootCRLKey: P256.Signing.PublicKey?
  private let pckCRLKey: P256.Signing.PublicKey?

  public init(_ collateral: Collateral) {
    tcbInfo = attempt { () throws(Stop) in
      let text = try collateral.require(.tcbInfo)
      let chain = try collateral.signingChain(.tcbInfoIssuerChain)
      let info = try parsed(.tcbInfo) { () throws(FormatError) in try TCBInfo(text) }
      guard info.document.isSigned(by: chain.leaf.key) else {
        throw .refused(
          .tcbInfoSignature, "the signature of the TCB info is wrong for the bytes as given")
      }
      return Signed(document: info, chain: chain)
    }
    qeIdentity = attempt { () throws(Stop) in
      let text = try collateral.require(.qeIdentity)
      let chain = try collateral.signingChain(.qeIdentityIssuerChain)
      let identity = try parsed(.qeIdentity) { () throws(FormatError) in try QEIdentity(text) }
      guard identity.document.isSigned(by: chain.leaf.key) else {
        throw .refused(
          .qeIdentitySignature, "the signature of the QE identity is wrong for the bytes as given"
        )
      }
      return Signed(document: identity, chain: chain)
    }
    pckCA = attempt { () throws(Stop) in
      try CertificateChain.pckCA(try collateral.certificates(.pckCRLIssuerChain))
    }
    rootCRL = attempt { () throws(Stop) in try collateral.crl(.rootCRL) }
    pckCRL = attempt { () throws(Stop) in try collateral.crl(.pckCRL) }
    pckChain = attempt { () throws(Stop) in try collateral.certificates(.pckChain) }

    if case .success(let chain) = pckCA {
      rootCRLKey = (try? rootCRL.get())?.isSigned(by: chain.root.key) == true ? chain.root.key : nil
      pckCRLKey = (try? pckCRL.get())?.isSigned(by: chain.leaf.key) == true ? chain.leaf.key : nil
    } else {
      rootCRLKey = nil
      pckCRLKey = nil
    }
  }

  func isRootCRL(_ crl: CRL, signedBy key: P256.Signing.PublicKey) -> Bool {
    rootCRLKey?.rawRepresentation == key.rawRepresentation || crl.isSigned(by: key)
  }

  func isPCKCRL(_ crl: CRL, signedBy key: P256.Signing.PublicKey) -> Bool {
    pckCRLKey?.rawRepresentation == key.rawRepresentation || crl.isSigned(by: key)
  }
}

private func attempt<Value>(_ body: () throws(Stop) -> Value) -> Result<Value, Stop> {
  do {
    return .success(try body())
  } catch {
    return .failure(error)
  }
}

private func parsed<Value>(
  _ part: Collateral.Part, _ body: () throws(FormatError) -> Value
) throws(Stop) -> Value {
  do {
    return try body()
  } catch {
    throw .refused(.collateralFormat, "\(part.rawValue): \(error)")
  }
}

extension Collateral {
  fileprivate func require(_ part: Part) throws(Stop) -> [UInt8] {
    guard let bytes = self[part] else {
      throw .undecided(.collateralMissing, "\(part.rawValue) is missing from the collateral")
    }
    return bytes
  }

  fileprivate func certificates(_ part: Part) throws(Stop) -> [PKICertificate] {
    let pem = try require(part)
    return try parsed(part) { () throws(FormatError) in try PKICertificate.list(pem: pem) }
  }

  fileprivate func signingChain(_ part: Part) throws(Stop) -> CertificateChain {
    try CertificateChain.tcbSigning(try certificates(part))
  }

  fileprivate func crl(_ part: Part) throws(Stop) -> CRL {
    let bytes = try require(part)
    return try parsed(part) { () throws(FormatError) in try CRL(bytes) }
  }
}
