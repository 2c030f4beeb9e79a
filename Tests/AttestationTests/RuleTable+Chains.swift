import Crypto
import SoftwareQuoting
import X509

@testable import Attestation

/// Certificates: the quote's PCK chain, the CRL's issuers, the signers of documents.
extension RuleTable {
  /// What is wrong with a member of a chain, whichever chain it is.
  private static var badExtensions: [(String, (inout PKIRecipe, PKIRecipe.Member) -> Void)] {
    [
      ("not a CA, or one", { $0.isCA[$1] = $1 == .pck || $1 == .tcbSigning }),
      ("no keyUsage", { $0.hasKeyUsage[$1] = false }),
      (
        "keyUsage for something else",
        { $0.keyUsage[$1] = KeyUsage(keyEncipherment: true, keyCertSign: $1 == .root) }
      ),
      (
        "an unknown critical extension",
        {
          $0.extraExtensions[$1] = [
            Certificate.Extension(oid: [1, 2, 3, 4], critical: true, value: [5, 0])
          ]
        }
      ),
    ]
  }

  /// A certificate by another key than its issuer's, or under another issuer's name.
  private static func badSignature(
    _ member: PKIRecipe.Member, _ evidence: MadeEvidence, ownKey: P256.Signing.PrivateKey,
    issuer: PKIRecipe.Member
  ) throws -> Certificate {
    try evidence.pki.certificate(
      member, key: ownKey, issuer: issuer, issuerKey: P256.Signing.PrivateKey())
  }

  static func pckChain(_ rule: Rule) -> [Case] {
    func chain(_ what: String, _ change: @escaping (inout [Certificate]) throws -> Void) -> Case {
      Case(what) { $0.changeChain = change }
    }
    func data(
      _ what: String, _ outcome: Verdict.Outcome = .refusedByVerification, type: UInt16 = 5,
      beside: Bool = false, _ bytes: @escaping ([UInt8]) -> [UInt8]
    ) -> Case {
      Case(what, outcome) {
        $0.changeQuote = {
          $0.certificationDataType = type
          $0.certificationData = bytes($0.certificationData)
        }
        if beside { $0.changeCollateral = { $0[.pckChain] = pem($1) } }
      }
    }
    switch rule {
    case .pckChainMissing:
      return [
        data("type 3 and no chain beside", .undecided, type: 3) { _ in zeros(404) },
        data("type 4 and no chain beside", .undecided, type: 4) { _ in [0x30, 0] },
      ]
    case .pckChainFormat:
      return [
        data("text before the blocks") { [0x78] + $0 }, data("no PEM at all") { _ in [1, 2, 3] },
        data("DER that is no certificate") { _ in
          Array("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".utf8)
        },
        data("three certificates in type 4", type: 4, beside: true) { $0 },
        data("type 4, no certificate", type: 4, beside: true) { _ in [0x30, 0] },
      ]
    case .pckChainMismatch:
      return [
        Case("another chain beside the quote's") {
          $0.changeCollateral = {
            $0[.pckChain] = PKICertificates.pem($1.tcbSigning, $1.platformCA, $1.root)
          }
        },
        Case("type 4: another certificate than the first beside it") {
          $0.changeChain = { $0 = [$0[1]] }
          $0.changeQuote = { $0.certificationDataType = 4 }
          $0.changeCollateral = { $0[.pckChain] = pem($1) }
        },
      ]
    case .pckChainCount:
      return [
        chain("the leaf alone") { $0.removeLast(2) }, chain("no root") { $0.removeLast() },
        chain("the root twice") { $0.append($0[2]) },
        data("an empty chain") { _ in [] },
      ]
    case .pckChainRootName:
      return [Case("not a name of a root") { $0.pki.commonName[.root] = "Cloister Root" }]
    case .pckChainExtensions:
      return [PKIRecipe.Member.pck, .platformCA, .root].flatMap { member in
        badExtensions.map { what, change in
          Case("\(member): \(what)") { change(&$0.pki, member) }
        }
      } + [Case("root: no CA may be below it") { $0.pki.maxPathLength[.root] = 0 }]
    case .pckChainSignature:
      return [
        Case("the leaf, by another key") { e in
          e.changeChain = { [e] in
            $0[0] = try badSignature(.pck, e, ownKey: e.keys.pck, issuer: .platformCA)
          }
        },
        Case("the leaf, by the right key under another name") { e in
          e.changeChain = { [e] in
            $0[0] = try e.pki.certificate(
              .pck, key: e.keys.pck, issuer: .root, issuerKey: e.keys.platformCA)
          }
        },
        Case("the CA, by another key") { e in
          e.changeChain = { [e] in
            $0[1] = try badSignature(.platformCA, e, ownKey: e.keys.platformCA, issuer: .root)
          }
        },
        Case("the root, by another key") { e in
          e.changeChain = { [e] in
            $0[2] = try badSignature(.root, e, ownKey: e.keys.root, issuer: .root)
          }
        },
      ]
    case .pckChainCAName:
      return [
        Case("not the platform's or processor's") {
          $0.pki.commonName[.platformCA] = "Cloister Software SGX PCK Other CA"
        }
      ]
    case .pckChainLeafName:
      return [
        Case("another vendor's") { $0.pki.commonName[.pck] = "Some SGX PCK Certificate" },
        Case("another certificate's") {
          $0.pki.commonName[.pck] = "Cloister Software SGX TCB Signing"
        },
      ]
    case .pckChainTrust:
      return [
        Case("a root that nobody named", .refusedByVerification) {
          let (quote, collateral, _) = try MadeEvidence().made()
          return Verifier().verify(quote, collateral: collateral, at: MadeEvidence.time)
        },
        Case("Intel's name, another key", .refusedByVerification) {
          let evidence = MadeEvidence.with { $0.pki.vendor = "Intel" }
          let (quote, collateral, _) = try evidence.made()
          return Verifier().verify(quote, collateral: collateral, at: MadeEvidence.time)
        },
      ]
    case .certificateNotYetValid:
      return validity(.init(from: after(1), to: after(100)))
    case .certificateExpired:
      return validity(.init(from: after(-100), to: after(-1)))
    case .pckExtension:
      return [
        Case("none") { $0.pki.sgxExtension = [] },
        Case("not DER") { $0.pki.sgxExtension = [1, 2, 3] },
        Case("a PPID of 15 bytes") { $0.pki.sgx.ppid.removeLast() },
        Case("an FMSPC of 5 bytes") { $0.pki.sgx.FMSPC.removeLast() },
        Case("a PCEID of 3 bytes") { $0.pki.sgx.PCEID.append(0) },
        Case("15 components") { $0.pki.sgx.components.removeLast() },
        Case("17 components") { $0.pki.sgx.components.append(0) },
      ]
    default: return []
    }
  }

  private static func validity(_ validity: PKIRecipe.Validity) -> [Case] {
    [PKIRecipe.Member.pck, .platformCA].map { member in
      Case("\(member)") { $0.pki.validity[member] = validity }
    }
  }

  static func after(_ seconds: Int64) -> Timestamp { MadeEvidence.time.adding(seconds: seconds) }

  static func pem(_ certificates: PKICertificates) -> [UInt8] {
    PKICertificates.pem(certificates.pck, certificates.platformCA, certificates.root)
  }
}

/// The chains of two certificates beside the quote: the CRL's issuers, and the signers of documents.
extension RuleTable {
  /// Cases of the chain in `parts`, made anew with `change` and the same keys; `member` is under the root.
  static func sideChain(
    _ what: String, _ parts: [Collateral.Part], _ member: PKIRecipe.Member,
    otherRoot: Bool = false, _ change: @escaping (inout PKIRecipe) -> Void
  ) -> [Case] {
    parts.map { part in
      Case("\(part.rawValue): \(what)") { e in
        e.changeCollateral = { [e] collateral, _ in
          var recipe = e.pki
          change(&recipe)
          var keys = e.keys
          if otherRoot { keys.root = P256.Signing.PrivateKey() }
          guard let made = try? PKICertificates(keys, recipe) else { return }
          collateral[part] = PKICertificates.pem(
            member == .platformCA ? made.platformCA : made.tcbSigning, made.root)
        }
      }
    }
  }

  static func sideChainExtensions(
    _ parts: [Collateral.Part], _ member: PKIRecipe.Member
  ) -> [Case] {
    badExtensions.flatMap { what, change in
      sideChain("\(member), \(what)", parts, member) { change(&$0, member) }
        + sideChain("root, \(what)", parts, member) { change(&$0, .root) }
    }
  }

  static func sideChainSignature(
    _ parts: [Collateral.Part], _ member: PKIRecipe.Member
  ) -> [Case] {
    parts.map { part in
      Case("\(part.rawValue): by another key") { e in
        e.changeCollateral = { [e] collateral, certificates in
          let key = member == .platformCA ? e.keys.platformCA : e.keys.tcbSigning
          guard let bad = try? badSignature(member, e, ownKey: key, issuer: .root) else { return }
          collateral[part] = PKICertificates.pem(bad, certificates.root)
        }
      }
    }
  }

  /// One certificate instead of two, and three.
  static func sideChainCount(_ parts: [Collateral.Part]) -> [Case] {
    parts.flatMap { part in
      [
        Case("\(part.rawValue): one") {
          $0.changeCollateral = { $0[part] = PKICertificates.pem($1.root) }
        },
        Case("\(part.rawValue): three") {
          $0.changeCollateral = { $0[part]! += PKICertificates.pem($1.root) }
        },
      ]
    }
  }
}
