/// SECS (SDM vol. 3D, 35.7): the enclave's control structure, as ECREATE is given it.
public struct SECS: Equatable, Sendable {
  public static let size = 4096

  /// Bytes of ELRANGE, a power of two.
  public var size: UInt64
  public var baseAddress: UInt64
  /// Pages of one SSA frame.
  public var ssaFrameSize: UInt32
  public var miscSelect: MISCSELECT
  public var attributes: ATTRIBUTES
  /// KSS only; 64 bytes.
  public var configID: [UInt8]
  public var configSVN: UInt16

  public init(
    size: UInt64, baseAddress: UInt64 = 0, ssaFrameSize: UInt32, miscSelect: MISCSELECT = .EXINFO,
    attributes: ATTRIBUTES, configID: [UInt8] = [], configSVN: UInt16 = 0
  ) {
    self.size = size
    self.baseAddress = baseAddress
    self.ssaFrameSize = ssaFrameSize
    self.miscSelect = miscSelect
    self.attributes = attributes
    self.configID = configID.isEmpty ? [UInt8](repeating: 0, count: 64) : configID
    self.configSVN = configSVN
  }

  /// What ECREATE would refuse as reserved is refused here.
  public init(_ bytes: [UInt8]) throws(SGXError) {
    guard bytes.count == Self.size else { throw .generalProtection(.size) }
    guard bytes.isZero(24, 24), bytes.isZero(64, 128), bytes.isZero(256, 4),
      bytes.isZero(262, Self.size - 262)
    else { throw .generalProtection(.reservedBits) }
    size = bytes.littleEndian(at: 0)
    baseAddress = bytes.littleEndian(at: 8)
    ssaFrameSize = bytes.littleEndian(at: 16)
    miscSelect = MISCSELECT(rawValue: bytes.littleEndian(at: 20))
    attributes = ATTRIBUTES(bytes, at: 48)
    configID = bytes.slice(192, 64)
    configSVN = bytes.littleEndian(at: 260)
  }

  public func encoded() -> [UInt8] {
    var out = [UInt8](repeating: 0, count: Self.size)
    out.put(size, at: 0)
    out.put(baseAddress, at: 8)
    out.put(ssaFrameSize, at: 16)
    out.put(miscSelect.rawValue, at: 20)
    out.put(attributes.encoded(), at: 48)
    out.put(configID, at: 192)
    out.put(configSVN, at: 260)
    return out
  }

  /// The checks of ECREATE (SDM vol. 3D, ECREATE) that do not depend on the CPU.
  public func validate() throws(SGXError) {
    guard size >= 8192, size & (size - 1) == 0 else { throw .generalProtection(.size) }
    guard baseAddress & (size - 1) == 0 else { throw .generalProtection(.base) }
    guard ssaFrameSize > 0 else { throw .generalProtection(.size) }
    guard attributes.flags.isSubset(of: .all), attributes.flags.contains(.MODE64BIT) else {
      throw .generalProtection(.attributes)
    }
    guard attributes.xfrm.isSuperset(of: .legacy) else { throw .generalProtection(.xfrm) }
    guard miscSelect.isSubset(of: [.EXINFO, .CPINFO]) else { throw .generalProtection(.miscSelect) }
    guard configID.count == 64 else { throw .generalProtection(.kss) }
    if !attributes.flags.contains(.KSS) {
      guard configID.isZero(0, 64), configSVN == 0 else { throw .generalProtection(.kss) }
    }
  }
}
