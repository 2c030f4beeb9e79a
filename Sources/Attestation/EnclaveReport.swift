/// The first 384 bytes of an SGX REPORT (SDM vol. 3D, table "REPORT"): who the enclave is.
public struct EnclaveReport: Hashable, Sendable {
  public static let size = 384

  /// The bytes as they stood in the quote.
  public let bytes: [UInt8]

  public init(_ bytes: some Collection<UInt8>) throws(QuoteFormatError) {
    guard bytes.count == Self.size else {
      throw .truncated(
        field: "enclave report", offset: 0, wanted: Self.size, left: bytes.count)
    }
    self.bytes = Array(bytes)
  }

  private func field(_ offset: Int, _ size: Int) -> [UInt8] { Array(bytes[offset..<offset + size]) }

  public var CPUSVN: [UInt8] { field(0, 16) }
  public var MISCSELECT: [UInt8] { field(16, 4) }
  public var CET_ATTRIBUTES: UInt8 { bytes[20] }
  public var ISVEXTPRODID: [UInt8] { field(32, 16) }
  /// FLAGS in the first eight bytes, XFRM in the others.
  public var ATTRIBUTES: [UInt8] { field(48, 16) }
  public var MRENCLAVE: [UInt8] { field(64, 32) }
  public var MRSIGNER: [UInt8] { field(128, 32) }
  public var CONFIGID: [UInt8] { field(192, 64) }
  public var ISVPRODID: UInt16 { UInt16(littleEndian(field(256, 2))) }
  public var ISVSVN: UInt16 { UInt16(littleEndian(field(258, 2))) }
  public var CONFIGSVN: UInt16 { UInt16(littleEndian(field(260, 2))) }
  public var ISVFAMILYID: [UInt8] { field(304, 16) }
  public var REPORTDATA: [UInt8] { field(320, 64) }

  public var flags: AttributeFlags { AttributeFlags(rawValue: littleEndian(field(48, 8))) }
  public var XFRM: UInt64 { littleEndian(field(56, 8)) }
}

/// ATTRIBUTES.FLAGS (SDM vol. 3D, table "Layout of ATTRIBUTES").
public struct AttributeFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public static let INIT = Self(rawValue: 1 << 0)
  public static let DEBUG = Self(rawValue: 1 << 1)
  public static let MODE64BIT = Self(rawValue: 1 << 2)
  public static let PROVISIONKEY = Self(rawValue: 1 << 4)
  public static let EINITTOKEN_KEY = Self(rawValue: 1 << 5)
  public static let CET = Self(rawValue: 1 << 6)
  public static let KSS = Self(rawValue: 1 << 7)
  public static let AEXNOTIFY = Self(rawValue: 1 << 10)

  static let names: [(Self, String)] = [
    (.INIT, "INIT"), (.DEBUG, "DEBUG"), (.MODE64BIT, "MODE64BIT"),
    (.PROVISIONKEY, "PROVISIONKEY"), (.EINITTOKEN_KEY, "EINITTOKEN_KEY"), (.CET, "CET"),
    (.KSS, "KSS"), (.AEXNOTIFY, "AEXNOTIFY"),
  ]
  var names: [String] { Self.names.filter { contains($0.0) }.map(\.1) }
}
