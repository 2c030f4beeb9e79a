/// REPORTDATA of the reports that the runtime itself makes (offers, receipts), as a verifier checks it.
///
/// | offset | size | field |
/// | --- | --- | --- |
/// | 0 | 16 | label: `cloister-runtime` |
/// | 16 | 16 | purpose, ASCII, zeros behind it: `offer`, `receipt` |
/// | 32 | 32 | SHA-256 of what is vouched for |
///
/// No program gets a report with this label through `/dev/attestation`: the kernel refuses user report data
/// that begins with it (EACCES). Everything else passes verbatim, as Gramine's users expect; a hash begins
/// with these 16 bytes once in 2^128. A payload that executes ENCLU by itself is not held off by this: that
/// is what `inputs_are_data` and binding an instance to one owner are for (ARCHITECTURE.md).
public struct RuntimeReportData: Sendable {
  public static let size = 64
  /// "cloister-runtime"
  public static let label: [UInt8] = [
    0x63, 0x6C, 0x6F, 0x69, 0x73, 0x74, 0x65, 0x72, 0x2D, 0x72, 0x75, 0x6E, 0x74, 0x69, 0x6D, 0x65,
  ]

  /// 1 to 16 bytes of printable ASCII.
  public let purpose: [UInt8]
  public let digest: [UInt8]

  /// nil: the purpose or the digest has another size than it must have.
  public init?(purpose: [UInt8], digest: [UInt8]) {
    guard (1...16).contains(purpose.count), digest.count == 32 else { return nil }
    for byte in purpose where !(0x21...0x7E).contains(byte) { return nil }
    self.purpose = purpose
    self.digest = digest
  }

  /// What a report says; nil: the runtime did not make it.
  public init?(reportData: [UInt8]) {
    guard reportData.count == Self.size, Self.hasLabel(reportData) else { return nil }
    var count = 0
    while count < 16, reportData[16 + count] != 0 { count += 1 }
    for i in count..<16 where reportData[16 + i] != 0 { return nil }
    self.init(
      purpose: [UInt8](reportData[16..<(16 + count)]), digest: [UInt8](reportData[32..<64]))
  }

  public func encoded() -> [UInt8] {
    var out = Self.label + purpose
    while out.count < 32 { out.append(0) }
    return out + digest
  }

  /// Whether bytes begin with the label.
  public static func hasLabel(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= label.count else { return false }
    for i in label.indices where bytes[i] != label[i] { return false }
    return true
  }
}
