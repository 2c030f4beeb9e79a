import Crypto
import SoftwareQuoting
import Testing

@testable import Attestation

@Suite("RA-TLS certificates")
struct RATLSTests {
  /// A certificate of the interoperable form, with evidence made to order.
  private func make(
    nonce: [UInt8]? = nil, _ change: (inout [UInt8]) -> Void = { _ in }
  ) throws -> (der: [UInt8], collateral: Collateral, anchor: TrustAnchor) {
    var evidence = MadeEvidence()
    let certificates = try PKICertificates(evidence.keys, evidence.pki)
    let (_, collateral, _) = try evidence.made()
    let made = try RATLSCertificate(nonce: nonce, at: MadeEvidence.time) { reportData in
      var data = reportData
      change(&data)
      evidence.report.replaceSubrange(320..<384, with: data)
      return QuoteRecipe(
        body: evidence.report, keys: evidence.keys,
        pckChain: PKICertificates.pem(
          certificates.pck, certificates.platformCA, certificates.root)
      ).signed(by: evidence.keys)
    }
    // The certificates are made anew each time, so the collateral is that of another root.
    var matching = collateral
    let signing = PKICertificates.pem(certificates.tcbSigning, certificates.root)
    matching[.tcbInfoIssuerChain] = signing
    matching[.qeIdentityIssuerChain] = signing
    matching[.pckCRLIssuerChain] = PKICertificates.pem(certificates.platformCA, certificates.root)
    return (made.der, matching, TrustAnchor.software(fingerprint: certificates.fingerprint)!)
  }

  private func verify(
    _ der: [UInt8], _ collateral: Collateral, _ anchor: TrustAnchor, policy: Policy = .default
  ) -> Verdict {
    Verifier(anchors: [anchor]).verify(
      ratlsCertificate: der, collateral: PreparedCollateral(collateral), at: MadeEvidence.time,
      policy: policy)
  }

  @Test("made and checked") func roundTrip() throws {
    let (der, collateral, anchor) = try make()
    let verdict = verify(der, collateral, anchor)
    #expect(verdict.isAccepted, Comment(rawValue: verdict.text))
    #expect(PEMText.decode(Array(PEMText.encode(der).utf8)) == der)
  }

  @Test("REPORTDATA must be the hash of the claims") func binding() throws {
    let (der, collateral, anchor) = try make { $0[0] ^= 1 }
    let verdict = verify(der, collateral, anchor)
    #expect(verdict.steps.filter { $0.outcome == .refused }.map(\.id) == [.policyReportData])
  }

  @Test("the evidence of another key's certificate") func otherKey() throws {
    let (der, collateral, anchor) = try make()
    let (other, _, _) = try make()
    // The extension of one certificate in the other: the hash of the key gives it away.
    let evidence = try RATLSEvidence(certificateDER: der)
    #expect(try RATLSEvidence(certificateDER: other).reportData != evidence.reportData)
    var changed = der
    let key = Array(try PKICertificate(der: der).key.rawRepresentation)
    let otherKey = Array(try PKICertificate(der: other).key.rawRepresentation)
    let index = changed.indices.first { changed[$0...].starts(with: key) }!
    changed.replaceSubrange(index..<index + 64, with: otherKey)
    let verdict = verify(changed, collateral, anchor)
    #expect(verdict.outcome == .refusedByVerification)
    #expect(verdict.reasons.contains { $0.contains("another key") })
  }

  @Test("the nonce in the claims") func nonce() throws {
    let (der, collateral, anchor) = try make(nonce: [1, 2, 3])
    var policy = Policy.default
    policy.nonce = [1, 2, 3]
    #expect(verify(der, collateral, anchor, policy: policy).isAccepted)
    policy.nonce = [1, 2, 4]
    #expect(!verify(der, collateral, anchor, policy: policy).isAccepted)
    let (without, collateral2, anchor2) = try make()
    #expect(!verify(without, collateral2, anchor2, policy: policy).isAccepted)
  }

  @Test("a certificate without evidence, and one in Open Enclave's form")
  func none() throws {
    for der in [
      TestData.bytes("intel_sgx_root_ca.der"), TestData.bytes("ra-tls/sgxlkl_ratls_cert.der"),
      TestData.bytes("real-negative/oe_sgx_cert_rsa_bad.der"), [],
    ] {
      let verdict = Verifier().verify(
        ratlsCertificate: der, collateral: PreparedCollateral(Collateral()), at: .now)
      #expect(verdict.outcome == .refusedByVerification)
    }
  }

  @Test("the quote inside Open Enclave's form is whole") func openEnclave() throws {
    // A header of 16 bytes (version, type, size) stands before the quote.
    for (name, isGood) in [
      ("ra-tls/sgxlkl_ratls_cert.der", true), ("real-negative/oe_sgx_cert_rsa_bad.der", false),
    ] {
      let der = TestData.bytes(name)
      let magic: [UInt8] = [3, 0, 2, 0, 0, 0, 0, 0]
      let start = der.indices.first { der[$0...].starts(with: magic) }!
      let size = Int(littleEndian(der[start - 8..<start]))
      let verdict = Verifier().verify(
        Array(der[start..<start + size]), collateral: Collateral(),
        at: Timestamp(iso8601: "2020-09-01T00:00:00Z")!)
      let chain = verdict.steps.first { $0.id == .pckChain }
      #expect((chain?.outcome == .passed) == isGood, Comment(rawValue: verdict.text))
      #expect(!verdict.isAccepted)
    }
  }

  @Test("CBOR: cut short, wrong types, wrong tags")
  func cbor() {
    for bytes: [UInt8] in [
      [], [0xD9], [0xD9, 0xEA], [0xD9, 0xEA, 0x60],
      [0xD9, 0xEA, 0x60, 0x82, 0x5B, 255, 255, 255, 255],
      [0xD9, 0xEA, 0x60, 0x9F], [0x9B, 255, 255, 255, 255, 255, 255, 255, 255],
    ] {
      #expect(throws: FormatError.self) {
        var reader = CBORReader(bytes[...])
        _ = try reader.tag()
        _ = try reader.array()
        _ = try reader.byteString()
      }
    }
  }
}
