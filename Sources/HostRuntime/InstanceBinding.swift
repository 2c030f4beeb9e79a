import SGX

/// Whom an instance belongs to: CONFIGID and CONFIGSVN (KSS; SDM vol. 3D, "Key Separation and Sharing"), fixed
/// at ECREATE by whoever starts the enclave.
///
/// MRENCLAVE does not cover them, so one signed payload serves every owner; every report and quote shows
/// them, and keys asked for with KEYPOLICY.CONFIGID depend on them.
public struct InstanceBinding: Equatable, Sendable {
  public static let configIDSize = 64
  public let configID: [UInt8]
  public let configSVN: UInt16

  /// - Parameter configID: at most 64 bytes; zeros follow what is given.
  public init(configID: [UInt8], configSVN: UInt16 = 0) throws(HostError) {
    guard configID.count <= Self.configIDSize else {
      throw HostError("CONFIGID has \(configID.count) bytes; at most 64 fit")
    }
    self.configID =
      configID + [UInt8](repeating: 0, count: Self.configIDSize - configID.count)
    self.configSVN = configSVN
  }

  /// `--configid` and `--configsvn` of `cloister run`.
  init(hex: String, configSVN: UInt16) throws(HostError) {
    var bytes: [UInt8] = []
    let digits = Array(hex.utf8)
    for at in stride(from: 0, to: digits.count - 1, by: 2) {
      guard let byte = UInt8(String(decoding: digits[at..<(at + 2)], as: UTF8.self), radix: 16),
        digits[at] != 0x2B
      else { break }
      bytes.append(byte)
    }
    guard !bytes.isEmpty, digits.count == 2 * bytes.count, bytes.count <= Self.configIDSize else {
      throw HostError("--configid \(hex): use 1 to 64 bytes in hexadecimal")
    }
    try self.init(configID: bytes, configSVN: configSVN)
  }
}
