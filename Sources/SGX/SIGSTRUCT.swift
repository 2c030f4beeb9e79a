/// SIGSTRUCT (SDM vol. 3D, 35.14): the signer's statement about one enclave.
public struct SIGSTRUCT: Equatable, Sendable {
  public static let size = 1808
  public static let header: [UInt8] = [6, 0, 0, 0, 0xE1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
  public static let header2: [UInt8] = [1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1, 0, 0, 0]

  public var vendor: UInt32 = 0
  /// BCD, yyyymmdd.
  public var date: UInt32 = 0
  public var swDefined: UInt32 = 0
  /// 384 bytes each, little-endian integers.
  public var modulus = [UInt8](repeating: 0, count: 384)
  public var exponent: UInt32 = 3
  public var signature = [UInt8](repeating: 0, count: 384)
  public var miscSelect: MISCSELECT = []
  public var miscMask: UInt32 = 0
  public var cetAttributes: UInt8 = 0
  public var cetAttributesMask: UInt8 = 0
  public var isvFamilyID = [UInt8](repeating: 0, count: 16)
  public var attributes: ATTRIBUTES
  public var attributeMask: ATTRIBUTES
  public var enclaveHash: [UInt8]
  public var isvExtProdID = [UInt8](repeating: 0, count: 16)
  public var isvProdID: UInt16 = 0
  public var isvSVN: UInt16 = 0
  public var q1 = [UInt8](repeating: 0, count: 384)
  public var q2 = [UInt8](repeating: 0, count: 384)

  /// An unsigned one. The masks cover all of MISCSELECT, DEBUG and the other flags, and XFRM.
  public init(
    enclaveHash: [UInt8], attributes: ATTRIBUTES, miscSelect: MISCSELECT = .EXINFO,
    date: UInt32, isvProdID: UInt16 = 0, isvSVN: UInt16 = 0
  ) {
    self.enclaveHash = enclaveHash
    self.attributes = attributes
    self.attributes.flags.remove(.INIT)
    attributeMask = ATTRIBUTES(
      flags: ATTRIBUTES.Flags(rawValue: ~1), xfrm: ATTRIBUTES.XFRM(rawValue: ~0))
    self.miscSelect = miscSelect
    miscMask = 0xFFFF_FFFF
    self.date = date
    self.isvProdID = isvProdID
    self.isvSVN = isvSVN
  }

  /// Reads the 1808 bytes; headers and reserved fields must be what EINIT wants.
  public init(_ bytes: [UInt8]) throws(SGXError) {
    guard bytes.count == Self.size else { throw .invalidSigstruct(.size) }
    guard bytes.slice(0, 16) == Self.header, bytes.slice(24, 16) == Self.header2 else {
      throw .invalidSigstruct(.header)
    }
    guard bytes.isZero(44, 84), bytes.isZero(910, 2), bytes.isZero(992, 16), bytes.isZero(1028, 12)
    else { throw .invalidSigstruct(.reservedBits) }
    vendor = bytes.littleEndian(at: 16)
    date = bytes.littleEndian(at: 20)
    swDefined = bytes.littleEndian(at: 40)
    modulus = bytes.slice(128, 384)
    exponent = bytes.littleEndian(at: 512)
    signature = bytes.slice(516, 384)
    miscSelect = MISCSELECT(rawValue: bytes.littleEndian(at: 900))
    miscMask = bytes.littleEndian(at: 904)
    cetAttributes = bytes[908]
    cetAttributesMask = bytes[909]
    isvFamilyID = bytes.slice(912, 16)
    attributes = ATTRIBUTES(bytes, at: 928)
    attributeMask = ATTRIBUTES(bytes, at: 944)
    enclaveHash = bytes.slice(960, 32)
    isvExtProdID = bytes.slice(1008, 16)
    isvProdID = bytes.littleEndian(at: 1024)
    isvSVN = bytes.littleEndian(at: 1026)
    q1 = bytes.slice(1040, 384)
    q2 = bytes.slice(1424, 384)
  }

  public func encoded() -> [UInt8] {
    var out = [UInt8](repeating: 0, count: Self.size)
    out.put(Self.header, at: 0)
    out.put(vendor, at: 16)
    out.put(date, at: 20)
    out.put(Self.header2, at: 24)
    out.put(swDefined, at: 40)
    out.put(modulus, at: 128)
    out.put(exponent, at: 512)
    out.put(signature, at: 516)
    out.put(miscSelect.rawValue, at: 900)
    out.put(miscMask, at: 904)
    out[908] = cetAttributes
    out[909] = cetAttributesMask
    out.put(isvFamilyID, at: 912)
    out.put(attributes.encoded(), at: 928)
    out.put(attributeMask.encoded(), at: 944)
    out.put(enclaveHash, at: 960)
    out.put(isvExtProdID, at: 1008)
    out.put(isvProdID, at: 1024)
    out.put(isvSVN, at: 1026)
    out.put(q1, at: 1040)
    out.put(q2, at: 1424)
    return out
  }

  /// The 256 bytes that are signed: [0, 128) and [900, 1028).
  public func signedBytes() -> [UInt8] {
    let all = encoded()
    return all.slice(0, 128) + all.slice(900, 128)
  }

  /// The part of EINIT that compares with the enclave (SDM vol. 3D, EINIT), without the signature.
  public func validate(
    against attributes: ATTRIBUTES, miscSelect: MISCSELECT, mrenclave: [UInt8]
  ) throws(SGXError) {
    guard vendor == 0 || vendor == 0x8086 else { throw .invalidSigstruct(.vendor) }
    guard exponent == 3 else { throw .invalidSigstruct(.exponent) }
    guard self.attributes.flags.isDisjoint(with: .INIT) else {
      throw .invalidAttribute(.attributes)
    }
    if !attributes.flags.contains(.KSS) {
      guard isvFamilyID.isZero(0, 16), isvExtProdID.isZero(0, 16) else {
        throw .invalidSigstruct(.kss)
      }
    }
    guard enclaveHash == mrenclave else { throw .invalidMeasurement }
    let masked = attributes.masked(by: attributeMask)
    let wanted = self.attributes.masked(by: attributeMask)
    guard masked.flags == wanted.flags else { throw .invalidAttribute(.attributes) }
    guard masked.xfrm == wanted.xfrm else { throw .invalidAttribute(.xfrm) }
    guard miscSelect.rawValue & miscMask == self.miscSelect.rawValue & miscMask else {
      throw .invalidAttribute(.miscSelect)
    }
    guard cetAttributes & cetAttributesMask == 0 else { throw .invalidAttribute(.cet) }
  }
}

extension SIGSTRUCT {
  /// Every field, by name, offset and size in bytes (SDM vol. 3D, table "Layout of SIGSTRUCT"); they tile the structure.
  public static let fields: [(name: String, offset: Int, size: Int)] = [
    ("HEADER", 0, 16), ("VENDOR", 16, 4), ("DATE", 20, 4), ("HEADER2", 24, 16),
    ("SWDEFINED", 40, 4),
    ("RESERVED1", 44, 84), ("MODULUS", 128, 384), ("EXPONENT", 512, 4), ("SIGNATURE", 516, 384),
    ("MISCSELECT", 900, 4), ("MISCMASK", 904, 4), ("CET_ATTRIBUTES", 908, 1),
    ("CET_ATTRIBUTES_MASK", 909, 1), ("RESERVED2", 910, 2), ("ISVFAMILYID", 912, 16),
    ("ATTRIBUTES", 928, 16), ("ATTRIBUTEMASK", 944, 16), ("ENCLAVEHASH", 960, 32),
    ("RESERVED3", 992, 16), ("ISVEXTPRODID", 1008, 16), ("ISVPRODID", 1024, 2), ("ISVSVN", 1026, 2),
    ("RESERVED4", 1028, 12), ("Q1", 1040, 384), ("Q2", 1424, 384),
  ]
}
