import Crypto
import Foundation
import SwiftASN1
import X509

/// Makes RA-TLS certificates, inside an enclave: a fresh key, a quote over it, self-signed.
public struct RATLSCertificate: Sendable {
  public let key: P256.Signing.PrivateKey
  public let der: [UInt8]

  public var pem: String { PEMText.encode(der) }

  /// - Parameters:
  ///   - nonce: put into the claims for a client that asked for one.
  ///   - quote: gives a quote whose REPORTDATA are the 64 bytes it is given.
  public init(
    commonName: String = "RA-TLS", key: P256.Signing.PrivateKey = P256.Signing.PrivateKey(),
    nonce: [UInt8]? = nil, validFor seconds: Int64 = 86_400, at time: Timestamp = .now,
    quote: (_ reportData: [UInt8]) throws -> [UInt8]
  ) throws {
    self.key = key
    var serializer = DER.Serializer()
    try serializer.serialize(Certificate.PublicKey(key.publicKey))
    let keyHash = Array(SHA256.hash(data: serializer.serializedBytes))
    let entry = CBORWriter.head(4, 2) + CBORWriter.head(0, 1) + CBORWriter.byteString(keyHash)
    var claims = CBORWriter.head(5, nonce == nil ? 1 : 2)
    claims += CBORWriter.text("pubkey-hash") + CBORWriter.byteString(entry)
    if let nonce { claims += CBORWriter.text("nonce") + CBORWriter.byteString(nonce) }
    let reportData = RATLSEvidence.padded(SHA256.hash(data: claims))
    let evidence =
      CBORWriter.head(6, RATLSEvidence.quoteTag) + CBORWriter.head(4, 2)
      + CBORWriter.byteString(try quote(reportData)) + CBORWriter.byteString(claims)

    let name = try DistinguishedName { CommonName(commonName) }
    let date = { (time: Timestamp) in Date(timeIntervalSince1970: Double(time.secondsSince1970)) }
    let certificate = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(),
      publicKey: Certificate.PublicKey(key.publicKey),
      notValidBefore: date(time.adding(seconds: -60)),
      notValidAfter: date(time.adding(seconds: seconds)), issuer: name, subject: name,
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions([
        try Certificate.Extension(BasicConstraints.notCertificateAuthority, critical: true),
        Certificate.Extension(
          oid: RATLSEvidence.taggedEvidence, critical: false, value: evidence[...]),
      ]), issuerPrivateKey: Certificate.PrivateKey(key))
    var output = DER.Serializer()
    try output.serialize(certificate)
    der = output.serializedBytes
  }
}

extension Verifier {
  /// Verifies an RA-TLS certificate: its evidence, and that the evidence vouches for its key.
  ///
  /// TLS itself proves that the peer has the key. The certificate's dates and signature add
  /// nothing that the quote does not say better, and are not looked at.
  public func verify(
    ratlsCertificate der: [UInt8], collateral: PreparedCollateral, at time: Timestamp,
    policy: Policy = .default, context: PolicyContext = PolicyContext()
  ) -> Verdict {
    func refuse(_ outcome: Step.Outcome, _ rule: Rule, _ reason: String) -> Verdict {
      Verdict(
        steps: [Step(id: .quoteFormat, outcome: outcome, rules: [rule], reason: reason)],
        time: time,
        quote: nil, evidence: nil, warnings: [], isSoftware: false)
    }
    do {
      let evidence = try RATLSEvidence(certificateDER: der)
      var policy = policy
      guard policy.reportData == nil else {
        return refuse(
          .undecided, .ratlsReportDataRule,
          "the policy has a rule for REPORTDATA, which RA-TLS defines itself")
      }
      if let nonce = policy.nonce {
        guard evidence.nonce == nonce else {
          return refuse(.refused, .ratlsNonce, "the nonce in the certificate's claims is not ours")
        }
        policy.nonce = nil
      }
      policy.reportData = .exact(evidence.reportData)
      return verify(
        evidence.quote, collateral: collateral, at: time, policy: policy, context: context)
    } catch {
      return refuse(.refused, .ratlsFormat, error.description)
    }
  }
}
