/// The body of a TDX quote: TD report 1.0 (584 bytes) or 1.5 (648 bytes).
public struct TDReport: Hashable, Sendable {
  public enum Version: Sendable { case v1_0, v1_5 }

  public static func size(of version: Version) -> Int { version == .v1_0 ? 584 : 648 }

  public let version: Version
  /// The bytes as they stood in the quote.
  public let bytes: [UInt8]

  public init(_ bytes: some Collection<UInt8>, version: Version) throws(QuoteFormatError) {
    guard bytes.count == Self.size(of: version) else {
      throw .truncated(
        field: "TD report", offset: 0, wanted: Self.size(of: version), left: bytes.count)
    }
    self.version = version
    self.bytes = Array(bytes)
  }

  private func field(_ offset: Int, _ size: Int) -> [UInt8] { Array(bytes[offset..<offset + size]) }

  public var TEE_TCB_SVN: [UInt8] { field(0, 16) }
  public var MRSEAM: [UInt8] { field(16, 48) }
  public var MRSIGNERSEAM: [UInt8] { field(64, 48) }
  public var SEAMATTRIBUTES: [UInt8] { field(112, 8) }
  public var TDATTRIBUTES: [UInt8] { field(120, 8) }
  public var XFAM: [UInt8] { field(128, 8) }
  public var MRTD: [UInt8] { field(136, 48) }
  public var MRCONFIGID: [UInt8] { field(184, 48) }
  public var MROWNER: [UInt8] { field(232, 48) }
  public var MROWNERCONFIG: [UInt8] { field(280, 48) }
  public var RTMR: [[UInt8]] { (0..<4).map { field(328 + 48 * $0, 48) } }
  public var REPORTDATA: [UInt8] { field(520, 64) }
  /// TD 1.5: the SVNs of the module that is loaded now; TEE_TCB_SVN is from the TD's start.
  public var TEE_TCB_SVN_2: [UInt8]? { version == .v1_5 ? field(584, 16) : nil }
  public var MRSERVICETD: [UInt8]? { version == .v1_5 ? field(600, 48) : nil }

  /// Bits 7:0 are the group "TD under debug"; any of them gives the host access to the TD.
  public var isDebug: Bool { bytes[120] != 0 }
  public var hasSeptVeDisable: Bool { littleEndian(TDATTRIBUTES) >> 28 & 1 == 1 }
}
