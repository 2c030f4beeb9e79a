/// `struct sigcontext` of x86-64 (asm/sigcontext.h), 256 bytes.
public struct SignalContext: Sendable, BitwiseCopyable {
  public var r8: UInt64 = 0, r9: UInt64 = 0, r10: UInt64 = 0, r11: UInt64 = 0
  public var r12: UInt64 = 0, r13: UInt64 = 0, r14: UInt64 = 0, r15: UInt64 = 0
  public var rdi: UInt64 = 0, rsi: UInt64 = 0, rbp: UInt64 = 0, rbx: UInt64 = 0
  public var rdx: UInt64 = 0, rax: UInt64 = 0, rcx: UInt64 = 0, rsp: UInt64 = 0
  public var rip: UInt64 = 0, rflags: UInt64 = 0
  public var cs: UInt16 = 0x33, gs: UInt16 = 0, fs: UInt16 = 0, ss: UInt16 = 0x2B
  public var error: UInt64 = 0, trapNumber: UInt64 = 0, oldMask: UInt64 = 0, cr2: UInt64 = 0
  /// User address of the XSAVE image, or 0.
  public var fpstate: UInt64 = 0
  public var reserved0: UInt64 = 0, reserved1: UInt64 = 0, reserved2: UInt64 = 0
  public var reserved3: UInt64 = 0, reserved4: UInt64 = 0, reserved5: UInt64 = 0
  public var reserved6: UInt64 = 0, reserved7: UInt64 = 0
  public init() {}
}

/// `struct ucontext` as the kernel writes it, 304 bytes.
public struct UserContext: Sendable, BitwiseCopyable {
  public var flags: UInt64 = 0
  public var link: UInt64 = 0
  public var stack = SignalStack()
  public var context = SignalContext()
  public var mask = SignalSet()
  public init() {}

  public static let UC_FP_XSTATE: UInt64 = 1
  public static let UC_SIGCONTEXT_SS: UInt64 = 2
  public static let UC_STRICT_RESTORE_SS: UInt64 = 4
}

/// `struct rt_sigframe`: what lies on the stack when a handler starts, 440 bytes.
public struct RealTimeSignalFrame: Sendable, BitwiseCopyable {
  public var returnAddress: UInt64 = 0
  public var userContext = UserContext()
  public var info = SignalInfo()
  public var infoRest:
    (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) =
      (0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
  public init() {}

  public static let userContextOffset: UInt64 = 8
  public static let infoOffset: UInt64 = 8 + 304
}

/// The XSAVE image in a signal frame (struct _fpx_sw_bytes at byte 464, magic 2 at its end).
public enum FrameXState {
  public static let FP_XSTATE_MAGIC1: UInt32 = 0x4650_5853
  public static let FP_XSTATE_MAGIC2: UInt32 = 0x4650_5845
  public static let magic2Size = 4
  public static let softwareOffset = 464
  public static let mxcsrOffset = 24
  public static let mxcsrMaskOffset = 28
  public static let xmmOffset = 160
  public static let headerOffset = 512
  public static let legacySize = 512
  public static let minimumSize = 576

  /// Size of the standard format for these components (SDM Vol. 1, 13.4.3; Intel's offsets, which bound
  /// those of other processors).
  public static func size(xfrm: UInt64) -> Int {
    var size = minimumSize
    func component(_ bit: UInt64, _ end: Int) {
      if xfrm & (1 << bit) != 0 { size = max(size, end) }
    }
    component(2, 832)
    component(3, 1024)
    component(4, 1088)
    component(5, 1152)
    component(6, 1664)
    component(7, 2688)
    component(9, 2696)
    return size
  }
}
