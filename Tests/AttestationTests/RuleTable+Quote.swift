import Crypto
import SoftwareQuoting

@testable import Attestation

/// The quote's own structure, and the quoting enclave that it names.
extension RuleTable {
  static func quote(_ rule: Rule) -> [Case] {
    switch rule {
    case .quoteFormat:
      return [0, 2, 6].map { version in
        Case("version \(version)") { $0.changeQuote = { $0.version = version } }
      } + [
        Case("attestation key type 3") { $0.changeQuote = { $0.attestationKeyType = 3 } },
        Case("TEE type TDX in version 3") { $0.changeQuote = { $0.teeType = 0x81 } },
        Case("TEE type 0x82") {
          $0.changeQuote = {
            $0.version = 4
            $0.teeType = 0x82
          }
        },
        Case("a body of version 5 of the wrong type") { v5(&$0, [2, 0, 0x80, 1, 0, 0]) },
        Case("a body of version 5 of the wrong size") { v5(&$0, [1, 0, 0x7F, 1, 0, 0]) },
        Case("an unknown certification data type") {
          $0.changeQuote = { $0.certificationDataType = 9 }
        },
        Case("cut short by a byte") { $0.changeBytes = { $0.removeLast() } },
        Case("a byte behind it") { $0.changeBytes = { $0.append(1) } },
        Case("too long") {
          $0.changeBytes = { $0 += [UInt8](repeating: 0, count: Quote.maximumSize) }
        },
        Case("signature data one byte longer than what is in it") {
          $0.changeBytes = {
            $0[432] += 1
            $0.append(0)
          }
        },
      ]
    case .qeVendorID:
      return [
        Case("another vendor") {
          $0.changeQuote = { $0.vendorID = [UInt8](repeating: 1, count: 16) }
        }
      ]
    case .clock:
      return [Case("1970", .undecided, at: Timestamp(secondsSince1970: 0)) { _ in }]
    default: return []
    }
  }

  private static func v5(_ evidence: inout MadeEvidence, _ prefix: [UInt8]) {
    evidence.changeQuote = {
      $0.version = 5
      $0.body = prefix + $0.body
    }
  }

  static func quotingEnclave(_ rule: Rule) -> [Case] {
    /// A change of the QE's report, signed again by the PCK key.
    func report(_ what: String, _ change: @escaping (inout [UInt8]) -> Void) -> Case {
      Case(what) { $0.changeQuote = { change(&$0.qeReport) } }
    }
    switch rule {
    case .qeReportSignature:
      return [
        Case("a byte of the signature") { $0.changeBytes = { $0[436 + 512 + 40] ^= 1 } },
        Case("a signature of zeros") {
          $0.changeBytes = { $0.replaceSubrange(436 + 512..<436 + 576, with: zeros(64)) }
        },
      ]
    case .attestationKeyHash:
      return [
        report("the first byte of the hash") { $0[320] ^= 1 },
        report("the last byte of the hash") { $0[351] ^= 1 },
        Case("other authentication data") { $0.changeQuote = { $0.authenticationData[0] ^= 1 } },
      ]
    case .attestationKeyZeros:
      return [
        report("the first byte of the rest") { $0[352] = 1 },
        report("the last byte of the rest") { $0[383] = 1 },
      ]
    case .qeIdentityID:
      return ["TD_QE", "QVE", "QAE"].map { id in
        Case("\(id) for SGX") { $0.qeIdentity.id = id }
      } + [Case("QE for TDX", of: .td()) { $0.qeIdentity.id = "QE" }]
    case .qeMISCSELECT: return [report("EXINFO") { $0[16] = 1 }]
    case .qeATTRIBUTES:
      return [
        report("DEBUG") { $0[48] |= 2 }, report("no PROVISIONKEY") { $0[48] = 5 },
        report("no INIT") { $0[48] = 0x14 },
      ]
    case .qeMRSIGNER:
      return [
        report("of the report") { $0[128] ^= 1 },
        Case("of the identity") { $0.qeIdentity.MRSIGNER[31] ^= 1 },
      ]
    case .qeISVPRODID: return [report("2") { $0[256] = 2 }, report("257") { $0[257] = 1 }]
    case .attestationKeyPoint:
      let point = [UInt8](repeating: 1, count: 64)
      return [
        Case("coordinates that are not on the curve") {
          $0.changeQuote = { quote in
            let hash = SHA256.hash(data: point + quote.authenticationData)
            quote.qeReport.replaceSubrange(320..<352, with: Array(hash))
          }
          $0.changeBytes = { $0.replaceSubrange(436 + 64..<436 + 128, with: point) }
        }
      ]
    case .quoteSignature:
      return [
        Case("a byte of r") { $0.changeBytes = { $0[436 + 5] ^= 1 } },
        Case("a byte of s") { $0.changeBytes = { $0[436 + 45] ^= 1 } },
        Case("a signature of zeros") {
          $0.changeBytes = { $0.replaceSubrange(436..<500, with: zeros(64)) }
        },
        Case("the header's user data") { $0.changeBytes = { $0[30] ^= 1 } },
        Case("REPORTDATA") { $0.changeBytes = { $0[48 + 320] ^= 1 } },
      ]
    default: return []
    }
  }

  static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
}
