/// One State Save Area frame (SDM vol. 3D, 35.9): XSAVE area at its start, GPRSGX at its very end,
/// EXINFO just before that.
public enum SSA {
  /// Offsets in GPRSGX, 184 bytes.
  public enum GPRSGX {
    public static let size: UInt64 = 184
    public static let rax: UInt64 = 0
    public static let rcx: UInt64 = 8
    public static let rdx: UInt64 = 16
    public static let rbx: UInt64 = 24
    public static let rsp: UInt64 = 32
    public static let rbp: UInt64 = 40
    public static let rsi: UInt64 = 48
    public static let rdi: UInt64 = 56
    public static let r8: UInt64 = 64
    public static let r9: UInt64 = 72
    public static let r10: UInt64 = 80
    public static let r11: UInt64 = 88
    public static let r12: UInt64 = 96
    public static let r13: UInt64 = 104
    public static let r14: UInt64 = 112
    public static let r15: UInt64 = 120
    public static let rflags: UInt64 = 128
    public static let rip: UInt64 = 136
    public static let ursp: UInt64 = 144
    public static let urbp: UInt64 = 152
    public static let exitinfo: UInt64 = 160
    public static let aexnotify: UInt64 = 167
    public static let fsbase: UInt64 = 168
    public static let gsbase: UInt64 = 176
  }

  /// EXINFO, 16 bytes, when MISCSELECT asks for it.
  public enum EXINFO {
    public static let size: UInt64 = 16
    public static let maddr: UInt64 = 0
    public static let errcd: UInt64 = 8
  }

  /// EXITINFO: bits 0-7 vector, 8-10 type, 31 valid.
  public struct EXITINFO: Equatable, Sendable {
    public var rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable public var isValid: Bool { rawValue >> 31 == 1 }
    @inlinable public var vector: UInt8 { UInt8(truncatingIfNeeded: rawValue) }
    @inlinable public var type: ExceptionType? {
      ExceptionType(rawValue: UInt8(truncatingIfNeeded: rawValue >> 8) & 7)
    }
  }

  public enum ExceptionType: UInt8, Sendable {
    case hardware = 3
    case software = 6
  }

  /// Offset of GPRSGX in a frame of `pages` pages.
  @inlinable public static func gprOffset(pages: UInt32) -> UInt64 {
    UInt64(pages) * 4096 - GPRSGX.size
  }
  @inlinable public static func exinfoOffset(pages: UInt32) -> UInt64 {
    gprOffset(pages: pages) - EXINFO.size
  }
}

/// Exception vectors that an enclave's exit may report.
public enum Vector {
  public static let DE: UInt8 = 0
  public static let DB: UInt8 = 1
  public static let BP: UInt8 = 3
  public static let BR: UInt8 = 5
  public static let UD: UInt8 = 6
  public static let GP: UInt8 = 13
  public static let PF: UInt8 = 14
  public static let MF: UInt8 = 16
  public static let AC: UInt8 = 17
  public static let XM: UInt8 = 19
}

/// ENCLU leaf numbers.
public enum ENCLU {
  public static let EREPORT: UInt64 = 0
  public static let EGETKEY: UInt64 = 1
  public static let EENTER: UInt64 = 2
  public static let ERESUME: UInt64 = 3
  public static let EEXIT: UInt64 = 4
  public static let EACCEPT: UInt64 = 5
  public static let EMODPE: UInt64 = 6
  public static let EACCEPTCOPY: UInt64 = 7
}

/// RAX after EACCEPT, EACCEPTCOPY, EGETKEY when ZF is set (SDM vol. 3D, "Error codes").
public enum SGXReturn {
  public static let SGX_INVALID_ATTRIBUTE: UInt64 = 2
  public static let SGX_PAGE_ATTRIBUTES_MISMATCH: UInt64 = 11
  public static let SGX_INVALID_CPUSVN: UInt64 = 0x20
  public static let SGX_INVALID_ISVSVN: UInt64 = 0x40
  public static let SGX_INVALID_KEYNAME: UInt64 = 0x100
}
