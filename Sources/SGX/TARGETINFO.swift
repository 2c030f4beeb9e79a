/// TARGETINFO (SDM vol. 3D, 35.16): the enclave that a report is made for. Aligned to 512.
public struct TARGETINFO: Equatable, Sendable {
  public static let size = 512
  public var measurement = [UInt8](repeating: 0, count: 32)
  public var attributes = ATTRIBUTES(flags: [], xfrm: [])
  public var cetAttributes: UInt8 = 0
  public var configSVN: UInt16 = 0
  public var miscSelect: MISCSELECT = []
  public var configID = [UInt8](repeating: 0, count: 64)

  public init() {}

  /// The enclave that made `report`: what it names itself with.
  public init(of report: REPORT) {
    measurement = report.mrenclave
    attributes = report.attributes
    cetAttributes = report.cetAttributes
    configSVN = report.configSVN
    miscSelect = report.miscSelect
    configID = report.configID
  }

  public init(_ bytes: [UInt8]) throws(SGXError) {
    guard bytes.count == Self.size else { throw .generalProtection(.size) }
    guard bytes[49] == 0, bytes.isZero(56, 8), bytes.isZero(128, 384) else {
      throw .generalProtection(.reservedBits)
    }
    measurement = bytes.slice(0, 32)
    attributes = ATTRIBUTES(bytes, at: 32)
    cetAttributes = bytes[48]
    configSVN = bytes.littleEndian(at: 50)
    miscSelect = MISCSELECT(rawValue: bytes.littleEndian(at: 52))
    configID = bytes.slice(64, 64)
  }

  public func encoded() -> [UInt8] {
    var out = [UInt8](repeating: 0, count: Self.size)
    out.put(measurement, at: 0)
    out.put(attributes.encoded(), at: 32)
    out[48] = cetAttributes
    out.put(configSVN, at: 50)
    out.put(miscSelect.rawValue, at: 52)
    out.put(configID, at: 64)
    return out
  }
}
