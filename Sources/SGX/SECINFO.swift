/// SECINFO (SDM vol. 3D, 35.11): a page's permissions, state and type.
public struct SECINFO: Equatable, Sendable {
  public static let size = 64

  public struct Flags: OptionSet, Hashable, Sendable {
    public var rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let r = Flags(rawValue: 1 << 0)
    public static let w = Flags(rawValue: 1 << 1)
    public static let x = Flags(rawValue: 1 << 2)
    public static let pending = Flags(rawValue: 1 << 3)
    public static let modified = Flags(rawValue: 1 << 4)
    public static let pr = Flags(rawValue: 1 << 5)
    public static let permissions: Flags = [.r, .w, .x]

    @inlinable public init(_ flags: Flags, _ type: PageType) {
      rawValue = flags.rawValue | UInt64(type.rawValue) << 8
    }
    /// A page type only: `.type(.tcs)`.
    @inlinable public static func type(_ type: PageType) -> Flags { Flags([], type) }
    @inlinable public var pageType: PageType? {
      PageType(rawValue: UInt8(truncatingIfNeeded: rawValue >> 8))
    }
    @inlinable public var permissions: Flags { intersection(.permissions) }

    /// `REG | r`, ...: the pages of an ordinary image.
    public static let regR = Flags(rawValue: 0x201)
    public static let regRW = Flags(rawValue: 0x203)
    public static let regRX = Flags(rawValue: 0x205)
    public static let regRWX = Flags(rawValue: 0x207)
    public static let tcs = Flags(rawValue: 0x100)
  }

  public enum PageType: UInt8, Sendable {
    case secs = 0
    case tcs = 1
    case reg = 2
    case va = 3
    case trim = 4
    case ssFirst = 5
    case ssRest = 6
  }

  public var flags: Flags
  @inlinable public init(_ flags: Flags) { self.flags = flags }

  public init(_ bytes: [UInt8]) throws(SGXError) {
    guard bytes.count == Self.size else { throw .generalProtection(.size) }
    guard bytes.isZero(8, 56) else { throw .generalProtection(.reservedBits) }
    flags = Flags(rawValue: bytes.littleEndian(at: 0))
  }

  public func encoded() -> [UInt8] {
    var out = [UInt8](repeating: 0, count: Self.size)
    out.put(flags.rawValue, at: 0)
    return out
  }

  /// What EADD takes: REG with readable permissions, or TCS with none.
  public func validateForEADD() throws(SGXError) {
    guard flags.rawValue & ~0xFF07 == 0 else { throw .generalProtection(.reservedBits) }
    switch flags.pageType {
    case .reg:
      // SDM: W without R is #GP.
      if flags.contains(.w), !flags.contains(.r) { throw .generalProtection(.permissions) }
    case .tcs:
      // The driver's check; the CPU would force them to 0.
      if !flags.permissions.isEmpty { throw .generalProtection(.permissions) }
    default: throw .generalProtection(.pageType)
    }
  }
}
