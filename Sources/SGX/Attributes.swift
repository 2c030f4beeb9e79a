/// ATTRIBUTES (SDM vol. 3D, 35.7.1): what an enclave is allowed, and which extended state it may use.
public struct ATTRIBUTES: Equatable, Hashable, Sendable {
  public static let size = 16

  public struct Flags: OptionSet, Hashable, Sendable {
    public var rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let INIT = Flags(rawValue: 1 << 0)
    public static let DEBUG = Flags(rawValue: 1 << 1)
    public static let MODE64BIT = Flags(rawValue: 1 << 2)
    public static let PROVISIONKEY = Flags(rawValue: 1 << 4)
    public static let EINITTOKEN_KEY = Flags(rawValue: 1 << 5)
    public static let CET = Flags(rawValue: 1 << 6)
    public static let KSS = Flags(rawValue: 1 << 7)
    public static let AEXNOTIFY = Flags(rawValue: 1 << 10)
    /// Every bit that may be set before EINIT.
    public static let all: Flags = [
      .DEBUG, .MODE64BIT, .PROVISIONKEY, .EINITTOKEN_KEY, .CET, .KSS, .AEXNOTIFY,
    ]
  }

  /// As XCR0.
  public struct XFRM: OptionSet, Hashable, Sendable {
    public var rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let x87 = XFRM(rawValue: 1 << 0)
    public static let sse = XFRM(rawValue: 1 << 1)
    public static let avx = XFRM(rawValue: 1 << 2)
    public static let mpx = XFRM(rawValue: 3 << 3)
    public static let avx512 = XFRM(rawValue: 7 << 5)
    public static let pkru = XFRM(rawValue: 1 << 9)
    public static let amx = XFRM(rawValue: 3 << 17)
    /// Both are always on.
    public static let legacy: XFRM = [.x87, .sse]
  }

  public var flags: Flags
  public var xfrm: XFRM

  public init(flags: Flags, xfrm: XFRM = .legacy) {
    self.flags = flags
    self.xfrm = xfrm
  }

  public init(_ bytes: [UInt8], at offset: Int = 0) {
    flags = Flags(rawValue: bytes.littleEndian(at: offset))
    xfrm = XFRM(rawValue: bytes.littleEndian(at: offset + 8))
  }

  public func encoded() -> [UInt8] {
    var out = [UInt8](repeating: 0, count: Self.size)
    out.put(flags.rawValue, at: 0)
    out.put(xfrm.rawValue, at: 8)
    return out
  }

  public func masked(by mask: ATTRIBUTES) -> ATTRIBUTES {
    ATTRIBUTES(
      flags: Flags(rawValue: flags.rawValue & mask.flags.rawValue),
      xfrm: XFRM(rawValue: xfrm.rawValue & mask.xfrm.rawValue))
  }
}

/// MISCSELECT (SDM vol. 3D, 35.7.2): what an asynchronous exit adds to the SSA frame.
public struct MISCSELECT: OptionSet, Hashable, Sendable {
  public var rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
  /// #PF and #GP are reported, with the address and the error code.
  public static let EXINFO = MISCSELECT(rawValue: 1 << 0)
  public static let CPINFO = MISCSELECT(rawValue: 1 << 1)
}
