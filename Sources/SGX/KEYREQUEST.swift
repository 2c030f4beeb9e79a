/// KEYREQUEST (SDM vol. 3D, 35.17): which key EGETKEY derives. Aligned to 512.
public struct KEYREQUEST: Equatable, Sendable {
  public static let size = 512

  public enum Name: UInt16, Sendable {
    case einitToken = 0
    case provision = 1
    case provisionSeal = 2
    case report = 3
    case seal = 4
  }

  public struct Policy: OptionSet, Sendable {
    public var rawValue: UInt16
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
    public static let MRENCLAVE = Policy(rawValue: 1 << 0)
    public static let MRSIGNER = Policy(rawValue: 1 << 1)
    public static let NOISVPRODID = Policy(rawValue: 1 << 2)
    public static let CONFIGID = Policy(rawValue: 1 << 3)
    public static let ISVFAMILYID = Policy(rawValue: 1 << 4)
    public static let ISVEXTPRODID = Policy(rawValue: 1 << 5)
    /// These need KSS.
    public static let kss: Policy = [.NOISVPRODID, .CONFIGID, .ISVFAMILYID, .ISVEXTPRODID]
    public static let all: Policy = [
      .MRENCLAVE, .MRSIGNER, .NOISVPRODID, .CONFIGID, .ISVFAMILYID, .ISVEXTPRODID,
    ]
  }

  /// The raw number: an unknown one is an error code of EGETKEY, not a fault.
  public var name: UInt16
  public var policy: Policy
  public var isvSVN: UInt16 = 0
  public var cetAttributesMask: UInt8 = 0
  public var cpuSVN = [UInt8](repeating: 0, count: 16)
  public var attributeMask = ATTRIBUTES(flags: [], xfrm: [])
  public var keyID = [UInt8](repeating: 0, count: 32)
  public var miscMask: UInt32 = 0
  public var configSVN: UInt16 = 0

  public init(_ name: Name, policy: Policy = []) {
    self.name = name.rawValue
    self.policy = policy
  }

  public init(_ bytes: [UInt8]) throws(SGXError) {
    guard bytes.count == Self.size else { throw .generalProtection(.size) }
    guard bytes[7] == 0, bytes.isZero(78, 434) else { throw .generalProtection(.reservedBits) }
    name = bytes.littleEndian(at: 0)
    policy = Policy(rawValue: bytes.littleEndian(at: 2))
    isvSVN = bytes.littleEndian(at: 4)
    cetAttributesMask = bytes[6]
    cpuSVN = bytes.slice(8, 16)
    attributeMask = ATTRIBUTES(bytes, at: 24)
    keyID = bytes.slice(40, 32)
    miscMask = bytes.littleEndian(at: 72)
    configSVN = bytes.littleEndian(at: 76)
    guard policy.isSubset(of: .all) else { throw .generalProtection(.reservedBits) }
  }

  public func encoded() -> [UInt8] {
    var out = [UInt8](repeating: 0, count: Self.size)
    out.put(name, at: 0)
    out.put(policy.rawValue, at: 2)
    out.put(isvSVN, at: 4)
    out[6] = cetAttributesMask
    out.put(cpuSVN, at: 8)
    out.put(attributeMask.encoded(), at: 24)
    out.put(keyID, at: 40)
    out.put(miscMask, at: 72)
    out.put(configSVN, at: 76)
    return out
  }
}
