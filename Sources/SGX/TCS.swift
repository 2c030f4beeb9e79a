/// TCS (SDM vol. 3D, 35.8): one thread's way in.
public struct TCS: Equatable, Sendable {
  public static let size = 4096

  public struct Flags: OptionSet, Sendable {
    public var rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let DBGOPTIN = Flags(rawValue: 1 << 0)
    public static let AEXNOTIFY = Flags(rawValue: 1 << 1)
  }

  public var flags: Flags = []
  /// Offset of the SSA stack from the enclave's base.
  public var ossa: UInt64
  public var cssa: UInt32 = 0
  /// Number of SSA frames.
  public var nssa: UInt32
  /// Where EENTER goes, as an offset.
  public var oentry: UInt64
  public var ofsbase: UInt64
  public var ogsbase: UInt64
  public var fslimit: UInt32 = 0xFFFF_FFFF
  public var gslimit: UInt32 = 0xFFFF_FFFF

  public init(ossa: UInt64, nssa: UInt32, oentry: UInt64, ofsbase: UInt64, ogsbase: UInt64) {
    self.ossa = ossa
    self.nssa = nssa
    self.oentry = oentry
    self.ofsbase = ofsbase
    self.ogsbase = ogsbase
  }

  public init(_ bytes: [UInt8]) throws(SGXError) {
    guard bytes.count == Self.size else { throw .generalProtection(.size) }
    // STATE and AEP are 0, and so is everything after the limits.
    guard bytes.isZero(0, 8), bytes.isZero(40, 8), bytes.isZero(72, Self.size - 72) else {
      throw .generalProtection(.reservedBits)
    }
    flags = Flags(rawValue: bytes.littleEndian(at: 8))
    ossa = bytes.littleEndian(at: 16)
    cssa = bytes.littleEndian(at: 24)
    nssa = bytes.littleEndian(at: 28)
    oentry = bytes.littleEndian(at: 32)
    ofsbase = bytes.littleEndian(at: 48)
    ogsbase = bytes.littleEndian(at: 56)
    fslimit = bytes.littleEndian(at: 64)
    gslimit = bytes.littleEndian(at: 68)
  }

  public func encoded() -> [UInt8] {
    var out = [UInt8](repeating: 0, count: Self.size)
    out.put(flags.rawValue, at: 8)
    out.put(ossa, at: 16)
    out.put(cssa, at: 24)
    out.put(nssa, at: 28)
    out.put(oentry, at: 32)
    out.put(ofsbase, at: 48)
    out.put(ogsbase, at: 56)
    out.put(fslimit, at: 64)
    out.put(gslimit, at: 68)
    return out
  }

  /// What EADD and EENTER check (SDM vol. 3D, EADD: "TCS fields", EENTER: alignment of the bases).
  public func validate() throws(SGXError) {
    guard flags.isSubset(of: [.DBGOPTIN, .AEXNOTIFY]), cssa == 0 else {
      throw .generalProtection(.reservedBits)
    }
    guard ossa & 0xFFF == 0, ofsbase & 0xFFF == 0, ogsbase & 0xFFF == 0 else {
      throw .generalProtection(.alignment)
    }
    guard fslimit & 0xFFF == 0xFFF, gslimit & 0xFFF == 0xFFF else {
      throw .generalProtection(.reservedBits)
    }
  }
}
