import SoftwareQuoting
import Testing
import X509

@testable import Attestation

/// What the complete flip campaign once found accepted: bytes that no signature covers, and that the
/// verifier did not look at.
@Suite("Found by the flip campaign")
struct FlipFindingTests {
  /// `certificate` with an unused bit in its signature: not in the signed part, and the value is the
  /// same as long as that bit is zero.
  ///
  /// - Returns: nil when the signature, which is random, ends in a one.
  private func withUnusedBit(_ certificate: Certificate) -> [UInt8]? {
    var der = PKICertificates.der(certificate)
    // The BIT STRING at the end: tag, length of at most 127, unused bits.
    let start = der.indices.last {
      der[$0] == 0x03 && $0 + 2 < der.count && Int(der[$0 + 1]) == der.count - $0 - 2
        && der[$0 + 2] == 0
    }
    guard let start, der.last! & 1 == 0 else { return nil }
    der[start + 2] = 1
    return der
  }

  private func pem(_ certificates: [[UInt8]]) -> [UInt8] {
    Array(certificates.map { PEMText.encode($0) }.joined().utf8)
  }

  @Test(
    "unused bits in the signature of a certificate beside the quote",
    arguments: [
      Collateral.Part.tcbInfoIssuerChain, .qeIdentityIssuerChain, .pckCRLIssuerChain, .pckChain,
    ])
  func besideTheQuote(_ part: Collateral.Part) throws {
    // Signatures are random: made anew until one ends in a zero.
    var isTried = false
    for _ in 0..<64 where !isTried {
      let evidence = MadeEvidence()
      let certificates = try PKICertificates(evidence.keys, evidence.pki)
      let member = part == .pckCRLIssuerChain ? certificates.platformCA : certificates.tcbSigning
      let leaf = part == .pckChain ? certificates.pck : member
      guard let changed = withUnusedBit(leaf) else { continue }
      isTried = true
      let root = PKICertificates.der(certificates.root)
      let ca = PKICertificates.der(certificates.platformCA)
      let bytes = pem(part == .pckChain ? [changed, ca, root] : [changed, root])
      #expect(throws: FormatError("the certificate's signature has unused bits")) {
        try PKICertificate.list(pem: bytes)
      }
      // In a whole verification: the step that reads this chain refuses, whatever the others say.
      let verdict = try MadeEvidence.with {
        $0.changeCollateral = { c, _ in c[part] = bytes }
      }.verdict()
      #expect(verdict.outcome == .refusedByVerification, Comment(rawValue: verdict.text))
      #expect(verdict.reasons.contains { $0.contains("unused bits") })
    }
    #expect(isTried)
  }

  @Test("unused bits in the signature of a certificate in the quote", arguments: 0..<3)
  func inTheQuote(_ index: Int) throws {
    // Signatures are random: made anew until one ends in a zero.
    var isTried = false
    for _ in 0..<64 where !isTried {
      var evidence = MadeEvidence()
      let box = Box()
      evidence.changeChain = { certificates in
        box.ders = certificates.map(PKICertificates.der)
        if let der = withUnusedBit(certificates[index]) {
          box.isChanged = true
          box.ders[index] = der
        }
      }
      evidence.changeQuote = { $0.certificationData = pem(box.ders) }
      let verdict = try evidence.verdict()
      guard box.isChanged else { continue }
      isTried = true
      #expect(verdict.outcome == .refusedByVerification, Comment(rawValue: verdict.text))
      #expect(verdict.reasons.contains { $0.contains("unused bits") })
    }
    #expect(isTried)
  }

  private final class Box {
    var ders: [[UInt8]] = []
    var isChanged = false
  }

  /// The type of the certification data is signed by nobody. With the chain beside the quote, a chain in
  /// the quote that calls itself a platform manifest was not looked into.
  @Test(
    "a PCK chain under another certification data type",
    arguments: [0, 1, 2, 3, 4, 6, 7, 13, 21, 37, 69, 133, 250] as [UInt16])
  func typeOfAChain(_ type: UInt16) throws {
    let verdict = try MadeEvidence.with {
      $0.changeQuote = { $0.certificationDataType = type }
      $0.changeCollateral = { collateral, certificates in
        collateral[.pckChain] = PKICertificates.pem(
          certificates.pck, certificates.platformCA, certificates.root)
      }
    }.verdict()
    #expect(verdict.outcome == .refusedByVerification, Comment(rawValue: verdict.text))
  }
}
