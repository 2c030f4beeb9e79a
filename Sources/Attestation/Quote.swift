/// A parsed ECDSA quote. Parsing proves nothing; `Verifier` does.
public struct Quote: Hashable, Sendable {
  public static let maximumSize = 64 * 1024

  public enum Body: Hashable, Sendable {
    case enclave(EnclaveReport)
    case td(TDReport)
  }

  public let header: QuoteHeader
  public let body: Body
  public let signature: QuoteSignature
  /// The quote without zero padding behind it.
  public let bytes: [UInt8]
  /// What the attestation key signs: header, in version 5 type and size, body.
  public let signedBytes: ArraySlice<UInt8>

  /// Every length is checked before it is used and must be used up. Kernel buffers come padded
  /// to 8000 or 8192 bytes, so zeros may follow; anything else may not.
  public init(_ input: [UInt8]) throws(QuoteFormatError) {
    guard input.count <= Self.maximumSize else { throw .tooLong(input.count) }
    var reader = ByteReader(input)
    header = try QuoteHeader(&reader)
    body = try Self.body(&reader, header: header)
    let signedCount = reader.offset
    let signatureSize = Int(try reader.u32("signature data length"))
    signature = try QuoteSignature(
      try reader.read(signatureSize, "signature data"), version: header.version)
    let count = reader.offset
    let padding = reader.rest()
    guard padding.allSatisfy({ $0 == 0 }) else { throw .trailingBytes(padding.count) }
    bytes = Array(input[..<count])
    signedBytes = bytes[..<signedCount]
  }

  private static func body(
    _ reader: inout ByteReader, header: QuoteHeader
  ) throws(QuoteFormatError) -> Body {
    guard header.version == 5 else {
      switch header.tee {
      case .sgx:
        return .enclave(
          try EnclaveReport(try reader.read(EnclaveReport.size, "enclave report")))
      case .tdx:
        return .td(
          try TDReport(
            try reader.read(TDReport.size(of: .v1_0), "TD report"), version: .v1_0))
      }
    }
    let type = try reader.u16("body type")
    let size = Int(try reader.u32("body size"))
    let bytes = try reader.read(size, "body")
    switch (type, header.tee) {
    case (1, .sgx): return .enclave(try EnclaveReport(try sized(bytes, EnclaveReport.size)))
    case (2, .tdx):
      return .td(try TDReport(try sized(bytes, TDReport.size(of: .v1_0)), version: .v1_0))
    case (3, .tdx):
      return .td(try TDReport(try sized(bytes, TDReport.size(of: .v1_5)), version: .v1_5))
    default:
      throw .unsupported(
        field: "body type",
        value: "\(type) for TEE type 0x\(String(header.tee.rawValue, radix: 16))")
    }
  }

  private static func sized(
    _ bytes: ArraySlice<UInt8>, _ size: Int
  ) throws(QuoteFormatError) -> ArraySlice<UInt8> {
    guard bytes.count == size else {
      throw .unsupported(field: "body size", value: "\(bytes.count), \(size) is right")
    }
    return bytes
  }

  public var reportData: [UInt8] {
    switch body {
    case .enclave(let report): report.REPORTDATA
    case .td(let report): report.REPORTDATA
    }
  }

  public var isDebug: Bool {
    switch body {
    case .enclave(let report): report.flags.contains(.DEBUG)
    case .td(let report): report.isDebug
    }
  }
}
