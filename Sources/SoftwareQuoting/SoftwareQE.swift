import Attestation
import Crypto

/// The software quoting enclave: a name for what the host does in its place.
package enum SoftwareQE {
  /// SHA-256 of names, so that nobody mistakes them for measurements of real enclaves.
  package static let MRENCLAVE = Array(
    SHA256.hash(data: Array("Cloister software quoting enclave".utf8)))
  package static let MRSIGNER = Array(
    SHA256.hash(data: Array("Cloister software quoting enclave's signer".utf8)))
  package static let ISVPRODID = 1
  package static let ISVSVN = 1
  /// What Intel's quoting enclave puts there: 0 to 31.
  package static let authenticationData = [UInt8](0..<32)
}

/// Makes quotes. The defaults are those of the software machine; tests change one thing.
package struct QuoteRecipe: Sendable {
  package var version: UInt16 = 3
  package var attestationKeyType: UInt16 = 2
  package var teeType: UInt32 = 0
  package var vendorID = QuoteHeader.intelVendorID
  package var userData = [UInt8](repeating: 0, count: 20)
  /// The body with, in version 5, its type and size before it.
  package var body: [UInt8]
  package var qeReport: [UInt8]
  package var authenticationData = SoftwareQE.authenticationData
  package var certificationDataType: UInt16 = 5
  package var certificationData: [UInt8]

  package init(body: [UInt8], keys: PKIKeys, pckChain: [UInt8]) {
    self.body = body
    certificationData = pckChain + [0]
    qeReport = Self.qeReport(keys: keys, authenticationData: authenticationData)
  }

  package static func qeReport(keys: PKIKeys, authenticationData: [UInt8]) -> [UInt8] {
    var report = [UInt8](repeating: 0, count: EnclaveReport.size)
    report[48] = 0x15  // INIT, MODE64BIT, PROVISIONKEY
    report[56] = 0x03  // x87 and SSE
    report.replaceSubrange(64..<96, with: SoftwareQE.MRENCLAVE)
    report.replaceSubrange(128..<160, with: SoftwareQE.MRSIGNER)
    report[256] = UInt8(SoftwareQE.ISVPRODID)
    report[258] = UInt8(SoftwareQE.ISVSVN)
    let key = Array(keys.attestation.publicKey.rawRepresentation)
    report.replaceSubrange(320..<352, with: Array(SHA256.hash(data: key + authenticationData)))
    return report
  }

  package func signed(by keys: PKIKeys) -> [UInt8] {
    func u16(_ value: UInt16) -> [UInt8] { [UInt8(value & 0xFF), UInt8(value >> 8)] }
    func u32(_ value: Int) -> [UInt8] {
      u16(UInt16(value & 0xFFFF)) + u16(UInt16(value >> 16 & 0xFFFF))
    }
    let signedPart =
      u16(version) + u16(attestationKeyType) + u32(Int(teeType)) + [0, 0, 0, 0] + vendorID
      + userData + body
    let qe =
      qeReport + keys.pck.rawSignature(qeReport) + u16(UInt16(authenticationData.count))
      + authenticationData + u16(certificationDataType) + u32(certificationData.count)
      + certificationData
    let key = Array(keys.attestation.publicKey.rawRepresentation)
    let inner = version >= 4 ? u16(6) + u32(qe.count) + qe : qe
    let signature = keys.attestation.rawSignature(signedPart) + key + inner
    return signedPart + u32(signature.count) + signature
  }
}
