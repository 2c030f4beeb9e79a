import Crypto
import SoftwareQuoting

@testable import Attestation

/// CRLs, TCB info and QE identity.
extension RuleTable {
  static func collateral(_ rule: Rule) -> [Case] {
    switch rule {
    case .collateralMissing:
      return Collateral.Part.allCases.filter { $0 != .pckChain }.map { part in
        Case(part.rawValue, .undecided) { $0.changeCollateral = { c, _ in c[part] = nil } }
      }
    case .collateralFormat:
      return Collateral.Part.allCases.map { part in
        Case("\(part.rawValue): not its format") {
          $0.changeCollateral = { c, _ in c[part] = [0x7B, 0x30, 0x2D] }
        }
      } + [
        Case("TCB info of version 1") { $0.tcbInfo.version = 1 },
        Case("TCB info of version 4") { $0.tcbInfo.version = 4 },
        Case("another tcbType") { $0.tcbInfo.tcbType = 1 },
        Case("no TCB levels") { $0.tcbInfo.levels = [] },
        Case("an unknown status in a level that is not reached") {
          $0.tcbInfo.levels.append(.init(sgx: zeros(16), PCESVN: 0, status: "upToDate"))
        },
        Case("a status that only the algorithm makes") {
          $0.tcbInfo.levels[0].status = "TDRelaunchAdvised"
        },
        Case("15 components in a level") { $0.tcbInfo.levels[0].sgx.removeLast() },
        Case("TDX info without modules", of: .td()) { $0.tcbInfo.modules = "" },
        Case("QE identity of version 3") { $0.qeIdentity.version = 3 },
        Case("no QE levels") { $0.qeIdentity.levels = [] },
        Case("a QE status that no identity has") {
          $0.qeIdentity.levels = [(1, "SWHardeningNeeded", [])]
        },
        Case("a CRL without a number") { $0.pckCRL.hasNumber = false },
        Case("a CRL without an authority key identifier") {
          $0.rootCRL.hasAuthorityKeyIdentifier = false
        },
      ]
    default: return []
    }
  }

  static func crls(_ rule: Rule) -> [Case] {
    let chain = [Collateral.Part.pckCRLIssuerChain]
    switch rule {
    case .crlChainCount: return sideChainCount(chain)
    case .crlChainRootName:
      return sideChain("no root's name", chain, .platformCA) { $0.commonName[.root] = "Root" }
    case .crlChainExtensions: return sideChainExtensions(chain, .platformCA)
    case .crlChainSignature: return sideChainSignature(chain, .platformCA)
    case .crlChainCAName:
      return sideChain("the TCB signer's name", chain, .platformCA) {
        $0.commonName[.platformCA] = "Cloister Software SGX TCB Signing"
      }
    case .rootCRLIssuer:
      return [
        Case("in the CA's name, by the root's key") { e in
          e.changeCollateral = { [e] in
            $0[.rootCRL] = e.rootCRL.signed(issuer: $1.platformCA.subject, key: e.keys.root)
          }
        }
      ]
    case .rootCRLSignature:
      return [
        Case("by another key") { e in
          e.changeCollateral = { [e] in
            $0[.rootCRL] = e.rootCRL.signed(issuer: $1.root.subject, key: .init())
          }
        }
      ]
    case .pckCRLIssuer:
      return [Case("the root's CRL") { $0.changeCollateral = { c, _ in c[.pckCRL] = c[.rootCRL] } }]
    case .pckCRLIssuerChain:
      return sideChain("under another root", chain, .platformCA, otherRoot: true) { _ in }
        + [
          Case("another CA of the same name and root") { e in
            e.changeCollateral = { [e] collateral, certificates in
              guard
                let ca = try? e.pki.certificate(
                  .platformCA, key: .init(), issuer: .root, issuerKey: e.keys.root)
              else { return }
              collateral[.pckCRLIssuerChain] = PKICertificates.pem(ca, certificates.root)
            }
          }
        ]
    case .pckCRLSignature:
      return [
        Case("by another key") { e in
          e.changeCollateral = { [e] in
            $0[.pckCRL] = e.pckCRL.signed(issuer: $1.platformCA.subject, key: .init())
          }
        }
      ]
    case .crlNotYetValid:
      return [
        Case("the root's", .undecided) { $0.rootCRL.thisUpdate = after(301) },
        Case("the CA's", .undecided) { $0.pckCRL.thisUpdate = after(301) },
      ]
    case .crlExpired:
      return [
        Case("the root's", .undecided) { $0.rootCRL.nextUpdate = after(-1) },
        Case("the CA's", .undecided) { $0.pckCRL.nextUpdate = after(-1) },
      ]
    case .intermediateRevoked:
      return [revoked("the CA") { Array($0.platformCA.serialNumber.bytes) }]
    case .tcbSigningRevoked:
      return [revoked("the TCB signer") { Array($0.tcbSigning.serialNumber.bytes) }]
    case .pckRevoked:
      return [
        Case("the PCK certificate") { e in
          e.changeCollateral = { [e] in
            var recipe = e.pckCRL
            recipe.revoked = [[7], Array($1.pck.serialNumber.bytes)]
            $0[.pckCRL] = recipe.signed(issuer: $1.platformCA.subject, key: e.keys.platformCA)
          }
        }
      ]
    default: return []
    }
  }

  /// In the root's CRL.
  private static func revoked(
    _ what: String, _ serial: @escaping (PKICertificates) -> [UInt8]
  ) -> Case {
    Case(what) { e in
      e.changeCollateral = { [e] in
        var recipe = e.rootCRL
        recipe.revoked = [[7], serial($1)]
        $0[.rootCRL] = recipe.signed(issuer: $1.root.subject, key: e.keys.root)
      }
    }
  }

  static func documents(_ rule: Rule) -> [Case] {
    let chains = [Collateral.Part.tcbInfoIssuerChain, .qeIdentityIssuerChain]
    switch rule {
    case .signingChainCount: return sideChainCount(chains)
    case .signingChainRootName:
      return sideChain("no root's name", chains, .tcbSigning) { $0.commonName[.root] = "Root" }
    case .signingChainExtensions: return sideChainExtensions(chains, .tcbSigning)
    case .signingChainSignature: return sideChainSignature(chains, .tcbSigning)
    case .signingChainLeafName:
      return sideChain("the CA's name", chains, .tcbSigning) {
        $0.commonName[.tcbSigning] = "Cloister Software SGX PCK Platform CA"
      }
    case .signingChainTrust:
      return sideChain("another root", chains, .tcbSigning, otherRoot: true) { _ in }
    case .signerNotYetValid:
      return sideChainValidity(chains, .init(from: after(1), to: after(100)))
    case .signerExpired: return sideChainValidity(chains, .init(from: after(-100), to: after(-1)))
    case .tcbInfoSignature:
      return [
        Case("by another key") { e in
          e.changeCollateral = { [e] c, _ in c[.tcbInfo] = e.tcbInfo.signed(by: .init()) }
        },
        Case("by the root") { e in
          e.changeCollateral = { [e] c, _ in c[.tcbInfo] = e.tcbInfo.signed(by: e.keys.root) }
        },
      ]
    case .tcbInfoNotYetValid: return [Case("", .undecided) { $0.tcbInfo.issueDate = after(301) }]
    case .tcbInfoExpired: return [Case("", .undecided) { $0.tcbInfo.nextUpdate = after(-1) }]
    case .tcbInfoTEE:
      return [
        Case("SGX for a TD", of: .td()) { $0.tcbInfo.id = "SGX" },
        Case("TDX for an enclave") {
          let td = MadeEvidence.td()
          $0.tcbInfo.id = "TDX"
          $0.tcbInfo.modules = td.tcbInfo.modules
          $0.tcbInfo.levels = td.tcbInfo.levels
        },
      ]
    case .tcbInfoFMSPC: return [Case("") { $0.tcbInfo.FMSPC[5] ^= 1 }]
    case .tcbInfoPCEID: return [Case("") { $0.tcbInfo.PCEID[1] ^= 1 }]
    case .qeIdentitySignature:
      return [
        Case("by another key") { e in
          e.changeCollateral = { [e] c, _ in c[.qeIdentity] = e.qeIdentity.signed(by: .init()) }
        }
      ]
    case .qeIdentityNotYetValid:
      return [Case("", .undecided) { $0.qeIdentity.issueDate = after(301) }]
    case .qeIdentityExpired: return [Case("", .undecided) { $0.qeIdentity.nextUpdate = after(-1) }]
    default: return []
    }
  }

  private static func sideChainValidity(
    _ parts: [Collateral.Part], _ validity: PKIRecipe.Validity
  ) -> [Case] {
    parts.map { part in
      Case(part.rawValue, .undecided) { e in
        e.changeCollateral = { [e] collateral, certificates in
          var recipe = e.pki
          recipe.validity[.tcbSigning] = validity
          guard
            let signer = try? recipe.certificate(
              .tcbSigning, key: e.keys.tcbSigning, issuer: .root, issuerKey: e.keys.root)
          else { return }
          collateral[part] = PKICertificates.pem(signer, certificates.root)
        }
      }
    }
  }

  static func levels(_ rule: Rule) -> [Case] {
    func td(_ what: String, _ change: @escaping (inout [UInt8]) -> Void) -> Case {
      Case(what, of: .td()) {
        var body = zeros(584)
        body.replaceSubrange(0..<3, with: [5, 1, 3])
        body[123] = 0x10
        change(&body)
        $0.setTD(body)
      }
    }
    switch rule {
    case .tcbLevel:
      return (0..<16).map { index in
        Case("component \(index)") { $0.tcbInfo.levels[0].sgx[index] += 1 }
      } + [Case("PCESVN") { $0.tcbInfo.levels[0].PCESVN += 1 }]
    case .tdxLevel:
      return (2..<16).map { index in
        Case("TEE_TCB_SVN \(index)", of: .td()) { $0.tcbInfo.levels[0].tdx![index] = 4 }
      } + [
        td("byte 0 without a module version") { $0.replaceSubrange(0..<2, with: [8, 0]) }
      ]
    case .tdxModuleLevel: return [td("SVN 1") { $0[0] = 1 }]
    case .qeLevel: return [Case("ISVSVN") { $0.qeIdentity.levels = [(2, "UpToDate", [])] }]
    case .tdxModuleUnknown: return [td("version 2") { $0[1] = 2 }]
    case .tdxModuleMRSIGNERSEAM:
      return [td("the first byte") { $0[64] = 1 }, td("the last byte") { $0[111] = 1 }]
    case .tdxModuleSEAMATTRIBUTES:
      let ones = MadeEvidence.modules(
        mrsigner: zeros(48), levels: [(5, "UpToDate")], attributes: "0100000000000000")
      return [
        Case("not zero, though the module may", of: .td()) {
          var body = zeros(584)
          body.replaceSubrange(0..<3, with: [5, 1, 3])
          body[112] = 1
          body[123] = 0x10
          $0.setTD(body)
          $0.tcbInfo.modules = ones
        },
        Case("zero, and the module's are not", of: .td()) { $0.tcbInfo.modules = ones },
      ]
    default: return []
    }
  }
}
