import Crypto
import Foundation
import SoftwareQuoting
import Testing
import X509

@testable import Attestation

/// Evidence that is good but for one thing: exactly the rule in question refuses it.
@Suite("Each DCAP rule decides alone")
struct RuleTests {
  /// Asserts that `code` at `step` is the only thing wrong.
  private func expect(
    _ code: Stop.Code, at step: Step.ID, _ evidence: MadeEvidence,
    at time: Timestamp = MadeEvidence.time, outcome: Verdict.Outcome = .refusedByVerification,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let verdict = try evidence.verdict(at: time)
    let text = Comment(rawValue: verdict.text)
    let failed = verdict.steps.filter {
      ($0.outcome == .refused || $0.outcome == .undecided) && $0.id != .tcbStatus
    }
    #expect(failed.map(\.id) == [step], text, sourceLocation: sourceLocation)
    #expect(failed.first?.code == code, text, sourceLocation: sourceLocation)
    #expect(verdict.outcome == outcome, text, sourceLocation: sourceLocation)
    #expect(verdict.status == nil, sourceLocation: sourceLocation)
  }

  @Test("unchanged evidence is accepted") func good() throws {
    #expect(try MadeEvidence().verdict().isAccepted)
    #expect(try MadeEvidence.td().verdict().isAccepted)
    #expect(try MadeEvidence.td(version15: true).verdict().isAccepted)
  }

  // The quote's own structure.

  @Test("versions other than 3, 4, 5", arguments: [0, 2, 6] as [UInt16])
  func version(_ version: UInt16) throws {
    try expect(.MALFORMED, at: .quoteFormat, .with { $0.changeQuote = { $0.version = version } })
  }
  @Test("attestation key types other than 2") func keyType() throws {
    try expect(
      .MALFORMED, at: .quoteFormat, .with { $0.changeQuote = { $0.attestationKeyType = 3 } })
  }
  @Test("version 3 is for SGX only") func teeType() throws {
    try expect(.MALFORMED, at: .quoteFormat, .with { $0.changeQuote = { $0.teeType = 0x81 } })
  }
  @Test("the vendor id") func vendor() throws {
    try expect(
      .QE_VENDOR_ID, at: .quoteFormat,
      .with { $0.changeQuote = { $0.vendorID = [UInt8](repeating: 1, count: 16) } })
  }
  @Test("a quote of version 4 about an enclave") func version4() throws {
    let evidence = MadeEvidence.with { $0.changeQuote = { $0.version = 4 } }
    #expect(try evidence.verdict().isAccepted)
  }
  @Test("a quote of version 5 about an enclave") func version5() throws {
    let evidence = MadeEvidence.with { e in
      e.changeQuote = {
        $0.version = 5
        $0.body = [1, 0, 0x80, 0x01, 0, 0] + $0.body
      }
    }
    #expect(try evidence.verdict().isAccepted)
  }

  // Certificates.

  @Test("the PCK certificate's name") func pckName() throws {
    try expect(
      .PCK_CHAIN, at: .pckChain, .with { $0.pki.commonName[.pck] = "Some SGX PCK Certificate" })
  }
  @Test("the PCK certificate must not be a CA") func pckIsCA() throws {
    try expect(.PCK_CHAIN, at: .pckChain, .with { $0.pki.isCA[.pck] = true })
  }
  @Test("keyUsage is required") func keyUsage() throws {
    try expect(.PCK_CHAIN, at: .pckChain, .with { $0.pki.hasKeyUsage[.pck] = false })
  }
  @Test("unknown critical extensions") func criticalExtension() throws {
    try expect(
      .PCK_CHAIN, at: .pckChain,
      .with {
        $0.pki.extraExtensions[.pck] = [
          Certificate.Extension(oid: [1, 2, 3, 4], critical: true, value: [5, 0])
        ]
      })
  }
  @Test("an expired PCK certificate is the platform's fault") func pckExpired() throws {
    try expect(
      .CERTIFICATE_EXPIRED, at: .pckChainValidity,
      .with {
        $0.pki.validity[.pck] = .init(
          from: MadeEvidence.time.adding(seconds: -10), to: MadeEvidence.time.adding(seconds: -1))
      })
  }
  @Test("a PCK certificate from the future") func pckEarly() throws {
    try expect(
      .CERTIFICATE_NOT_YET_VALID, at: .pckChainValidity,
      .with {
        $0.pki.validity[.pck] = .init(
          from: MadeEvidence.time.adding(seconds: 1), to: MadeEvidence.time.adding(seconds: 100))
      })
  }
  @Test("an expired TCB signing certificate makes stale collateral") func signerExpired() throws {
    let evidence = MadeEvidence.with {
      $0.pki.validity[.tcbSigning] = .init(
        from: MadeEvidence.time.adding(seconds: -10), to: MadeEvidence.time.adding(seconds: -1))
    }
    let verdict = try evidence.verdict()
    #expect(verdict.outcome == .undecided)
    #expect(verdict.steps.contains { $0.code == .CERTIFICATE_EXPIRED })
  }
  @Test("a quote without a chain asks for one") func noChain() throws {
    let evidence = MadeEvidence.with {
      $0.changeQuote = {
        $0.certificationDataType = 3
        $0.certificationData = [UInt8](repeating: 1, count: 404)
      }
    }
    try expect(.MISSING, at: .pckChain, evidence, outcome: .undecided)
    var beside = evidence
    beside.changeCollateral = { collateral, certificates in
      collateral[.pckChain] = PKICertificates.pem(
        certificates.pck, certificates.platformCA, certificates.root)
    }
    #expect(try beside.verdict().isAccepted)
  }
  /// Quote versions and certification data types, the chain beside the quote where it has none.
  @Test(
    "certification data of types 1, 2, 3, 4, 5 and 7, in versions 3, 4 and 5",
    arguments: [3, 4, 5] as [UInt16], [1, 2, 3, 4, 5, 7] as [UInt16])
  func certificationData(version: UInt16, type: UInt16) throws {
    var evidence = MadeEvidence()
    evidence.changeQuote = {
      $0.version = version
      if version == 5 { $0.body = [1, 0, 0x80, 1, 0, 0] + $0.body }
      $0.certificationDataType = type
      switch type {
      case 1: $0.certificationData = [UInt8](repeating: 1, count: 36)
      case 2: $0.certificationData = [UInt8](repeating: 1, count: 276)
      case 3: $0.certificationData = [UInt8](repeating: 1, count: 404)
      case 4:
        // The first of the chain's three blocks.
        let end = "-----END CERTIFICATE-----"
        let text = String(decoding: $0.certificationData, as: UTF8.self)
        $0.certificationData = Array((text.components(separatedBy: end)[0] + end + "\n").utf8)
      case 7: $0.certificationData = [UInt8](repeating: 9, count: 100)
      default: break
      }
    }
    if type != 5 { try expect(.MISSING, at: .pckChain, evidence, outcome: .undecided) }
    evidence.changeCollateral = { collateral, certificates in
      collateral[.pckChain] = PKICertificates.pem(
        certificates.pck, certificates.platformCA, certificates.root)
    }
    let verdict = try evidence.verdict()
    #expect(verdict.isAccepted, Comment(rawValue: verdict.text))
    let quote = try #require(verdict.quote)
    #expect(quote.signature.certificationData.type == type)
    let shown = quote.text
    #expect(
      shown.contains(type == 7 ? "cert.platformManifest" : type >= 4 ? "pck.fmspc" : "cert.pceid"))
    // One byte more or less in a record is malformed.
    guard type <= 3 else { return }
    let change = evidence.changeQuote
    for extra in [true, false] {
      evidence.changeQuote = {
        change(&$0)
        if extra { $0.certificationData.append(0) } else { $0.certificationData.removeLast() }
      }
      try expect(.MALFORMED, at: .quoteFormat, evidence)
    }
  }
  @Test(
    "the types 0, 6 inside 6, 8 and others are refused", arguments: [0, 6, 8, 65535] as [UInt16])
  func unknownCertificationData(type: UInt16) throws {
    try expect(
      .MALFORMED, at: .quoteFormat, .with { $0.changeQuote = { $0.certificationDataType = type } })
    try expect(
      .MALFORMED, at: .quoteFormat,
      .with {
        $0.changeQuote = {
          $0.version = 4
          $0.certificationDataType = type
        }
      })
  }
  @Test("the chain beside the quote must be the quote's") func otherChain() throws {
    try expect(
      .PCK_CHAIN_MISMATCH, at: .pckChain,
      .with {
        $0.changeCollateral = { collateral, certificates in
          collateral[.pckChain] = PKICertificates.pem(
            certificates.tcbSigning, certificates.platformCA, certificates.root)
        }
      })
  }

  // CRLs.

  @Test("CRLs need a number and an authority key identifier", arguments: [true, false])
  func crlExtensions(_ number: Bool) throws {
    try expect(
      .MALFORMED, at: .pckCRL,
      .with {
        if number {
          $0.pckCRL.hasNumber = false
        } else {
          $0.pckCRL.hasAuthorityKeyIdentifier = false
        }
      })
  }
  @Test("a CRL signed by another key") func crlSigner() throws {
    let other = P256.Signing.PrivateKey()
    try expect(
      .CRL, at: .pckCRL,
      .with { e in
        let recipe = e.pckCRL
        e.changeCollateral = { collateral, certificates in
          collateral[.pckCRL] = recipe.signed(issuer: certificates.platformCA.subject, key: other)
        }
      })
  }
  @Test("a CRL of the root in place of the CA's") func crlIssuer() throws {
    try expect(
      .CRL, at: .pckCRL,
      .with {
        $0.changeCollateral = { collateral, _ in collateral[.pckCRL] = collateral[.rootCRL] }
      })
  }
  @Test("a revoked PCK certificate") func revokedPCK() throws {
    let evidence = MadeEvidence()
    let (quote, collateral, anchor) = try evidence.made()
    let chain = try PKICertificate.list(
      pem: {
        guard case .pckChain(let pem) = try Quote(quote).signature.certificationData else {
          return []
        }
        return pem
      }())
    var changed = collateral
    changed[.pckCRL] = {
      var recipe = CRLRecipe(at: MadeEvidence.time)
      recipe.revoked = [chain[0].serial]
      return recipe.signed(issuer: chain[1].subject, key: evidence.keys.platformCA)
    }()
    let verdict = Verifier(anchors: [anchor]).verify(
      quote, collateral: changed, at: MadeEvidence.time)
    #expect(verdict.steps.contains { $0.code == .PCK_REVOKED })
    #expect(verdict.outcome == .refusedByVerification)
    // The same serial in the root's CRL is another certificate's.
    var root = collateral
    root[.rootCRL] = {
      var recipe = CRLRecipe(at: MadeEvidence.time)
      recipe.revoked = [chain[0].serial]
      return recipe.signed(issuer: chain[2].subject, key: evidence.keys.root)
    }()
    #expect(
      Verifier(anchors: [anchor]).verify(quote, collateral: root, at: MadeEvidence.time).isAccepted)
  }

  // Time: the last second is good, the next is not; and nothing comes from the future.

  @Test("expired by one second", arguments: ["tcbInfo", "qeIdentity", "rootCRL", "pckCRL"])
  func expired(_ part: String) throws {
    let now = MadeEvidence.time
    for (end, isGood) in [(now, true), (now.adding(seconds: -1), false)] {
      let evidence = MadeEvidence.with {
        switch part {
        case "tcbInfo": $0.tcbInfo.nextUpdate = end
        case "qeIdentity": $0.qeIdentity.nextUpdate = end
        case "rootCRL": $0.rootCRL.nextUpdate = end
        default: $0.pckCRL.nextUpdate = end
        }
      }
      let verdict = try evidence.verdict()
      #expect(verdict.isAccepted == isGood, Comment(rawValue: verdict.text))
      if !isGood { #expect(verdict.outcome == .undecided && verdict.exitCode == 3) }
    }
  }
  @Test("issued in the future", arguments: ["tcbInfo", "qeIdentity", "rootCRL", "pckCRL"])
  func early(_ part: String) throws {
    let now = MadeEvidence.time
    for (start, isGood) in [(now.adding(seconds: 300), true), (now.adding(seconds: 301), false)] {
      let evidence = MadeEvidence.with {
        switch part {
        case "tcbInfo": $0.tcbInfo.issueDate = start
        case "qeIdentity": $0.qeIdentity.issueDate = start
        case "rootCRL": $0.rootCRL.thisUpdate = start
        default: $0.pckCRL.thisUpdate = start
        }
      }
      #expect(try evidence.verdict().isAccepted == isGood)
    }
  }
  @Test("a clock that is not set") func clock() throws {
    let verdict = try MadeEvidence().verdict(at: Timestamp(secondsSince1970: 0))
    #expect(verdict.steps.contains { $0.id == .clock && $0.code == .CLOCK_UNSET })
    #expect(!verdict.isAccepted)
  }

  // Missing parts.

  @Test("missing collateral is named, and undecided", arguments: Collateral.Part.allCases)
  func missing(_ part: Collateral.Part) throws {
    guard part != .pckChain else { return }
    let verdict = try MadeEvidence.with {
      $0.changeCollateral = { collateral, _ in collateral[part] = nil }
    }.verdict()
    #expect(verdict.outcome == .undecided)
    #expect(verdict.reasons.contains { $0.contains(part.rawValue) })
  }

  // TCB info and QE identity.

  @Test("TCB info for another FMSPC") func fmspc() throws {
    try expect(.TCB_INFO_MISMATCH, at: .tcbInfoMatch, .with { $0.tcbInfo.FMSPC[0] ^= 1 })
  }
  @Test("TCB info for another PCEID") func pceid() throws {
    try expect(.TCB_INFO_MISMATCH, at: .tcbInfoMatch, .with { $0.tcbInfo.PCEID[0] ^= 1 })
  }
  @Test("TCB info versions", arguments: [1, 4])
  func tcbInfoVersion(_ version: Int) throws {
    try expect(.MALFORMED, at: .tcbInfoSignature, .with { $0.tcbInfo.version = version })
  }
  @Test("tcbType") func tcbType() throws {
    try expect(.MALFORMED, at: .tcbInfoSignature, .with { $0.tcbInfo.tcbType = 1 })
  }
  @Test("an unknown status fails closed, even in a level that is not reached")
  func unknownStatus() throws {
    try expect(
      .MALFORMED, at: .tcbInfoSignature,
      .with {
        $0.tcbInfo.levels.append(
          .init(sgx: [UInt8](repeating: 0, count: 16), PCESVN: 0, status: "upToDate"))
      })
  }
  @Test("TCB info signed by another key") func tcbInfoSignature() throws {
    let other = P256.Signing.PrivateKey()
    try expect(
      .TCB_INFO_SIGNATURE, at: .tcbInfoSignature,
      .with { e in
        let recipe = e.tcbInfo
        e.changeCollateral = { collateral, _ in collateral[.tcbInfo] = recipe.signed(by: other) }
      })
  }
  @Test("QE identity signed by another key") func qeIdentitySignature() throws {
    let other = P256.Signing.PrivateKey()
    try expect(
      .QE_IDENTITY_SIGNATURE, at: .qeIdentitySignature,
      .with { e in
        let recipe = e.qeIdentity
        e.changeCollateral = { collateral, _ in collateral[.qeIdentity] = recipe.signed(by: other) }
      })
  }
  @Test("the TCB signing certificate's name") func signerName() throws {
    let verdict = try MadeEvidence.with {
      $0.pki.commonName[.tcbSigning] = "Cloister Software SGX PCK Certificate"
    }.verdict()
    #expect(verdict.steps.filter { $0.code == .TCB_SIGNING_CHAIN }.count == 2)
    #expect(verdict.outcome == .refusedByVerification)
  }
  @Test("QE identity version") func identityVersion() throws {
    try expect(.MALFORMED, at: .qeIdentitySignature, .with { $0.qeIdentity.version = 3 })
  }
  @Test("the identity of another enclave", arguments: ["TD_QE", "QVE", "QAE"])
  func identityID(_ id: String) throws {
    try expect(.QE_IDENTITY_MISMATCH, at: .qeIdentityMatch, .with { $0.qeIdentity.id = id })
  }
  @Test("the QE's MRSIGNER") func qeMRSIGNER() throws {
    try expect(.QE_MRSIGNER, at: .qeIdentityMatch, .with { $0.qeIdentity.MRSIGNER[0] ^= 1 })
  }
  @Test("the QE's ISVPRODID") func qeISVPRODID() throws {
    try expect(.QE_ISVPRODID, at: .qeIdentityMatch, .with { $0.qeIdentity.ISVPRODID = 2 })
  }
  @Test("a QE in debug mode") func qeDebug() throws {
    try expect(
      .QE_ATTRIBUTES, at: .qeIdentityMatch, .with { $0.changeQuote = { $0.qeReport[48] |= 2 } })
  }
  @Test("the QE's MISCSELECT") func qeMISCSELECT() throws {
    try expect(
      .QE_MISCSELECT, at: .qeIdentityMatch, .with { $0.changeQuote = { $0.qeReport[16] = 1 } })
  }
  @Test("QE report data: the hash, and the zeros behind it", arguments: [320, 351, 352, 383])
  func qeReportData(_ offset: Int) throws {
    try expect(
      .QE_REPORT_DATA, at: .attestationKey,
      .with { $0.changeQuote = { $0.qeReport[offset] ^= 1 } })
  }

  // Levels.

  @Test("the QE's ISVSVN below all levels") func qeLevel() throws {
    try expect(
      .TCB_NOT_SUPPORTED, at: .qeLevel, .with { $0.qeIdentity.levels = [(2, "UpToDate", [])] })
  }
  @Test("each SGX component, and PCESVN, must reach the level", arguments: 0...16)
  func components(_ index: Int) throws {
    try expect(
      .TCB_NOT_SUPPORTED, at: .tcbLevel,
      .with {
        if index == 16 {
          $0.tcbInfo.levels[0].PCESVN += 1
        } else {
          $0.tcbInfo.levels[0].sgx[index] += 1
        }
      })
  }
  @Test("the report's CPUSVN and the header do not count") func reportCPUSVN() throws {
    let evidence = MadeEvidence.with { e in
      e.report.replaceSubrange(0..<16, with: [UInt8](repeating: 0, count: 16))
    }
    #expect(try evidence.verdict().status == .UpToDate)
  }
  @Test("the first level that is reached counts, in the order given") func order() throws {
    let evidence = MadeEvidence.with { e in
      let level = e.tcbInfo.levels[0]
      var higher = level
      higher.sgx[2] = 9
      var first = level
      first.status = "OutOfDate"
      e.tcbInfo.levels = [higher, first, level]
    }
    #expect(try evidence.verdict().status == .OutOfDate)
  }
}
