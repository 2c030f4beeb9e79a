/// REPORT (SDM vol. 3D, 35.15): who an enclave is, for another one on the same CPU.
public struct REPORT: Equatable, Sendable {
  public static let size = 432
  /// The part that the MAC covers.
  public static let bodySize = 384

  public var cpuSVN = [UInt8](repeating: 0, count: 16)
  public var miscSelect: MISCSELECT = []
  public var cetAttributes: UInt8 = 0
  public var isvExtProdID = [UInt8](repeating: 0, count: 16)
  public var attributes = ATTRIBUTES(flags: [], xfrm: [])
  public var mrenclave = [UInt8](repeating: 0, count: 32)
  public var mrsigner = [UInt8](repeating: 0, count: 32)
  public var configID = [UInt8](repeating: 0, count: 64)
  public var isvProdID: UInt16 = 0
  public var isvSVN: UInt16 = 0
  public var configSVN: UInt16 = 0
  public var isvFamilyID = [UInt8](repeating: 0, count: 16)
  public var reportData = [UInt8](repeating: 0, count: 64)
  public var keyID = [UInt8](repeating: 0, count: 32)
  public var mac = [UInt8](repeating: 0, count: 16)

  public init() {}

  public init(_ bytes: [UInt8]) throws(SGXError) {
    guard bytes.count == Self.size else { throw .generalProtection(.size) }
    guard bytes.isZero(21, 11), bytes.isZero(96, 32), bytes.isZero(160, 32), bytes.isZero(262, 42)
    else { throw .generalProtection(.reservedBits) }
    cpuSVN = bytes.slice(0, 16)
    miscSelect = MISCSELECT(rawValue: bytes.littleEndian(at: 16))
    cetAttributes = bytes[20]
    isvExtProdID = bytes.slice(32, 16)
    attributes = ATTRIBUTES(bytes, at: 48)
    mrenclave = bytes.slice(64, 32)
    mrsigner = bytes.slice(128, 32)
    configID = bytes.slice(192, 64)
    isvProdID = bytes.littleEndian(at: 256)
    isvSVN = bytes.littleEndian(at: 258)
    configSVN = bytes.littleEndian(at: 260)
    isvFamilyID = bytes.slice(304, 16)
    reportData = bytes.slice(320, 64)
    keyID = bytes.slice(384, 32)
    mac = bytes.slice(416, 16)
  }

  public func encoded() -> [UInt8] {
    var out = [UInt8](repeating: 0, count: Self.size)
    out.put(cpuSVN, at: 0)
    out.put(miscSelect.rawValue, at: 16)
    out[20] = cetAttributes
    out.put(isvExtProdID, at: 32)
    out.put(attributes.encoded(), at: 48)
    out.put(mrenclave, at: 64)
    out.put(mrsigner, at: 128)
    out.put(configID, at: 192)
    out.put(isvProdID, at: 256)
    out.put(isvSVN, at: 258)
    out.put(configSVN, at: 260)
    out.put(isvFamilyID, at: 304)
    out.put(reportData, at: 320)
    out.put(keyID, at: 384)
    out.put(mac, at: 416)
    return out
  }

  /// The 384 bytes under the MAC.
  public func body() -> [UInt8] { encoded().slice(0, Self.bodySize) }
}
