/// The signature data of an ECDSA quote: two signatures, and what the first key is worth.
public struct QuoteSignature: Hashable, Sendable {
  /// r ‖ s by the attestation key, over header and body.
  public let signature: [UInt8]
  /// x ‖ y of the attestation key.
  public let attestationKey: [UInt8]
  public let qeReport: EnclaveReport
  /// r ‖ s by the PCK key, over the QE report.
  public let qeReportSignature: [UInt8]
  public let qeAuthenticationData: [UInt8]
  public let certificationData: CertificationData

  init(_ bytes: ArraySlice<UInt8>, version: UInt16) throws(QuoteFormatError) {
    var reader = ByteReader(bytes)
    signature = Array(try reader.read(64, "quote signature"))
    attestationKey = Array(try reader.read(64, "attestation key"))
    if version >= 4 {
      let type = try reader.u16("certification data type")
      guard type == 6 else {
        throw .unsupported(field: "outer certification data type", value: "\(type) (6 is right)")
      }
      let size = Int(try reader.u32("certification data size"))
      let inner = try reader.read(size, "QE report certification data")
      guard reader.remaining == 0 else {
        throw .innerLength(field: "signature data", unused: reader.remaining)
      }
      reader = ByteReader(inner)
    }
    qeReport = try EnclaveReport(try reader.read(EnclaveReport.size, "QE report"))
    qeReportSignature = Array(try reader.read(64, "QE report signature"))
    let authenticationSize = Int(try reader.u16("QE authentication data size"))
    qeAuthenticationData = Array(try reader.read(authenticationSize, "QE authentication data"))
    let type = try reader.u16("certification data type")
    let size = Int(try reader.u32("certification data size"))
    let data = try reader.read(size, "certification data")
    guard reader.remaining == 0 else {
      throw .innerLength(field: "signature data", unused: reader.remaining)
    }
    certificationData = try CertificationData(type: type, data)
  }
}
