/// The 48 bytes that open every quote of version 3, 4 or 5.
public struct QuoteHeader: Hashable, Sendable {
  public static let size = 48

  /// "939A7233-F79C-4CA9-940A-0DB3957F0607": Intel's quoting enclaves, and those that imitate them.
  public static let intelVendorID: [UInt8] = [
    0x93, 0x9A, 0x72, 0x33, 0xF7, 0x9C, 0x4C, 0xA9, 0x94, 0x0A, 0x0D, 0xB3, 0x95, 0x7F, 0x06, 0x07,
  ]

  public enum TEE: UInt32, Sendable {
    case sgx = 0
    case tdx = 0x81
  }

  public let version: UInt16
  /// 2: ECDSA P-256 with SHA-256, the only kind in use.
  public let attestationKeyType: UInt16
  public let tee: TEE
  /// Bytes 8..<12: QE SVN and PCE SVN in version 3, reserved later. Informational.
  public let svnBytes: [UInt8]
  public let vendorID: [UInt8]
  /// The first 16 bytes are the quoting enclave's id, a pseudonym of the platform.
  public let userData: [UInt8]

  init(_ reader: inout ByteReader) throws(QuoteFormatError) {
    version = try reader.u16("version")
    guard (3...5).contains(version) else {
      throw .unsupported(field: "quote version", value: "\(version)")
    }
    attestationKeyType = try reader.u16("attestation key type")
    guard attestationKeyType == 2 else {
      throw .unsupported(
        field: "attestation key type", value: "\(attestationKeyType) (2 is ECDSA P-256)")
    }
    let teeType = try reader.u32("TEE type")
    guard let tee = TEE(rawValue: teeType), version > 3 || tee == .sgx else {
      throw .unsupported(field: "TEE type", value: "0x" + String(teeType, radix: 16))
    }
    self.tee = tee
    svnBytes = Array(try reader.read(4, "QE SVN and PCE SVN"))
    vendorID = Array(try reader.read(16, "QE vendor id"))
    userData = Array(try reader.read(20, "user data"))
  }
}
