/// Signal numbers of signal(7), x86-64 Linux (asm/signal.h).
public struct Signal: Equatable, Sendable, BitwiseCopyable {
  public var rawValue: Int32
  @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

  public static let count: Int32 = 64
  public static let firstRealTime: Int32 = 32

  /// Numbers 1...64.
  @inlinable public var isValid: Bool { rawValue >= 1 && rawValue <= 64 }
  @inlinable public var isRealTime: Bool { rawValue >= 32 }
}

extension Signal {
  @inlinable public static var SIGHUP: Signal { Signal(rawValue: 1) }
  @inlinable public static var SIGINT: Signal { Signal(rawValue: 2) }
  @inlinable public static var SIGQUIT: Signal { Signal(rawValue: 3) }
  @inlinable public static var SIGILL: Signal { Signal(rawValue: 4) }
  @inlinable public static var SIGTRAP: Signal { Signal(rawValue: 5) }
  @inlinable public static var SIGABRT: Signal { Signal(rawValue: 6) }
  @inlinable public static var SIGBUS: Signal { Signal(rawValue: 7) }
  @inlinable public static var SIGFPE: Signal { Signal(rawValue: 8) }
  @inlinable public static var SIGKILL: Signal { Signal(rawValue: 9) }
  @inlinable public static var SIGUSR1: Signal { Signal(rawValue: 10) }
  @inlinable public static var SIGSEGV: Signal { Signal(rawValue: 11) }
  @inlinable public static var SIGUSR2: Signal { Signal(rawValue: 12) }
  @inlinable public static var SIGPIPE: Signal { Signal(rawValue: 13) }
  @inlinable public static var SIGALRM: Signal { Signal(rawValue: 14) }
  @inlinable public static var SIGTERM: Signal { Signal(rawValue: 15) }
  @inlinable public static var SIGSTKFLT: Signal { Signal(rawValue: 16) }
  @inlinable public static var SIGCHLD: Signal { Signal(rawValue: 17) }
  @inlinable public static var SIGCONT: Signal { Signal(rawValue: 18) }
  @inlinable public static var SIGSTOP: Signal { Signal(rawValue: 19) }
  @inlinable public static var SIGTSTP: Signal { Signal(rawValue: 20) }
  @inlinable public static var SIGTTIN: Signal { Signal(rawValue: 21) }
  @inlinable public static var SIGTTOU: Signal { Signal(rawValue: 22) }
  @inlinable public static var SIGURG: Signal { Signal(rawValue: 23) }
  @inlinable public static var SIGXCPU: Signal { Signal(rawValue: 24) }
  @inlinable public static var SIGXFSZ: Signal { Signal(rawValue: 25) }
  @inlinable public static var SIGVTALRM: Signal { Signal(rawValue: 26) }
  @inlinable public static var SIGPROF: Signal { Signal(rawValue: 27) }
  @inlinable public static var SIGWINCH: Signal { Signal(rawValue: 28) }
  @inlinable public static var SIGIO: Signal { Signal(rawValue: 29) }
  @inlinable public static var SIGPWR: Signal { Signal(rawValue: 30) }
  @inlinable public static var SIGSYS: Signal { Signal(rawValue: 31) }
}

/// A set of signals (kernel `sigset_t`, 64 bits; signal n is bit n - 1).
public struct SignalSet: Equatable, Sendable, BitwiseCopyable {
  public var bits: UInt64
  @inlinable public init(bits: UInt64 = 0) { self.bits = bits }
  @inlinable public init(_ signal: Signal) { bits = 1 << UInt64(signal.rawValue - 1) }

  /// SIGKILL and SIGSTOP: cannot be caught, blocked or ignored.
  @inlinable public static var unblockable: SignalSet { SignalSet(bits: 1 << 8 | 1 << 18) }
  /// Faults of the thread itself; delivered first (Linux SYNCHRONOUS_MASK).
  @inlinable public static var synchronous: SignalSet {
    // SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS
    SignalSet(bits: 1 << 10 | 1 << 6 | 1 << 3 | 1 << 4 | 1 << 7 | 1 << 30)
  }
  /// SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU.
  @inlinable public static var stop: SignalSet {
    SignalSet(bits: 1 << 18 | 1 << 19 | 1 << 20 | 1 << 21)
  }
  /// Ignored by default: SIGCHLD, SIGCONT, SIGURG, SIGWINCH.
  @inlinable public static var ignoredByDefault: SignalSet {
    SignalSet(bits: 1 << 16 | 1 << 17 | 1 << 22 | 1 << 27)
  }
  /// Whose default action writes a core (the wait status says so).
  @inlinable public static var coreByDefault: SignalSet {
    // SIGQUIT SIGILL SIGTRAP SIGABRT SIGFPE SIGSEGV SIGBUS SIGSYS SIGXCPU SIGXFSZ
    SignalSet(
      bits: 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 10 | 1 << 6 | 1 << 30 | 1 << 23 | 1
        << 24)
  }

  @inlinable public var isEmpty: Bool { bits == 0 }
  @inlinable public func contains(_ s: Signal) -> Bool { bits & SignalSet(s).bits != 0 }
  @inlinable public mutating func insert(_ s: Signal) { bits |= SignalSet(s).bits }
  @inlinable public mutating func remove(_ s: Signal) { bits &= ~SignalSet(s).bits }
  @inlinable public func union(_ o: SignalSet) -> SignalSet { SignalSet(bits: bits | o.bits) }
  @inlinable public func intersection(_ o: SignalSet) -> SignalSet {
    SignalSet(bits: bits & o.bits)
  }
  @inlinable public func subtracting(_ o: SignalSet) -> SignalSet {
    SignalSet(bits: bits & ~o.bits)
  }
  /// The lowest signal of the set.
  @inlinable public var first: Signal? {
    bits == 0 ? nil : Signal(rawValue: Int32(bits.trailingZeroBitCount) + 1)
  }
}

/// `sa_flags` of sigaction(2).
public struct SignalActionFlags: OptionSet, Sendable {
  public var rawValue: UInt64
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
  @inlinable public static var SA_NOCLDSTOP: Self { Self(rawValue: 1) }
  @inlinable public static var SA_NOCLDWAIT: Self { Self(rawValue: 2) }
  @inlinable public static var SA_SIGINFO: Self { Self(rawValue: 4) }
  @inlinable public static var SA_UNSUPPORTED: Self { Self(rawValue: 0x400) }
  @inlinable public static var SA_EXPOSE_TAGBITS: Self { Self(rawValue: 0x800) }
  @inlinable public static var SA_RESTORER: Self { Self(rawValue: 0x0400_0000) }
  @inlinable public static var SA_ONSTACK: Self { Self(rawValue: 0x0800_0000) }
  @inlinable public static var SA_RESTART: Self { Self(rawValue: 0x1000_0000) }
  @inlinable public static var SA_NODEFER: Self { Self(rawValue: 0x4000_0000) }
  @inlinable public static var SA_RESETHAND: Self { Self(rawValue: 0x8000_0000) }
  /// What Linux 5.11 and later keeps on x86; other bits are cleared when set.
  @inlinable public static var known: Self { Self(rawValue: 0xDC00_0807) }
}

/// `struct kernel_sigaction`, as rt_sigaction(2) copies it.
public struct KernelSigaction: Sendable, BitwiseCopyable {
  public var handler: UInt = 0
  public var flags: UInt64 = 0
  public var restorer: UInt = 0
  public var mask = SignalSet()
  public init() {}

  public static let SIG_DFL: UInt = 0
  public static let SIG_IGN: UInt = 1
}

/// `how` of rt_sigprocmask(2).
public enum SignalMaskHow {
  public static let SIG_BLOCK: Int32 = 0
  public static let SIG_UNBLOCK: Int32 = 1
  public static let SIG_SETMASK: Int32 = 2
}

/// `stack_t` of sigaltstack(2).
public struct SignalStack: Sendable, BitwiseCopyable {
  public var sp: UInt = 0
  public var flags: UInt32 = SignalStack.SS_DISABLE
  public var padding: UInt32 = 0
  public var size: UInt = 0
  public init() {}

  public static let SS_ONSTACK: UInt32 = 1
  public static let SS_DISABLE: UInt32 = 2
  public static let SS_AUTODISARM: UInt32 = 1 << 31
  public static let MINSIGSTKSZ: UInt = 2048
}

/// `siginfo_t`: what the kernel fills of it, 48 bytes; the other 80 are zero.
public struct SignalInfo: Sendable, BitwiseCopyable {
  public var signo: Int32 = 0
  public var errno: Int32 = 0
  public var code: Int32 = 0
  public var padding: Int32 = 0
  /// The union: word 0 is pid and uid, an address, or timer and overrun; word 1 a value or a status.
  public var word0: UInt64 = 0
  public var word1: UInt64 = 0
  public var word2: UInt64 = 0
  public var word3: UInt64 = 0

  public static let userSize = 128
  public static let keptSize = 48

  public init() {}
  public init(_ signal: Signal, code: Int32) {
    signo = signal.rawValue
    self.code = code
  }
  /// Sent by a process: kill(2), tgkill(2), sigqueue(3).
  public init(_ signal: Signal, code: Int32, pid: Int32, uid: UInt32) {
    self.init(signal, code: code)
    word0 = UInt64(UInt32(bitPattern: pid)) | UInt64(uid) << 32
  }
  /// A fault at an address.
  public init(_ signal: Signal, code: Int32, address: UInt) {
    self.init(signal, code: code)
    word0 = UInt64(address)
  }

  public var signal: Signal { Signal(rawValue: signo) }
  public var pid: Int32 { Int32(truncatingIfNeeded: word0) }
  public var uid: UInt32 { UInt32(truncatingIfNeeded: word0 >> 32) }

  // si_code of sigaction(2).
  public static let SI_USER: Int32 = 0
  public static let SI_KERNEL: Int32 = 0x80
  public static let SI_QUEUE: Int32 = -1
  public static let SI_TIMER: Int32 = -2
  public static let SI_TKILL: Int32 = -6
  public static let ILL_ILLOPN: Int32 = 2
  public static let FPE_INTDIV: Int32 = 1
  public static let FPE_INTOVF: Int32 = 2
  public static let FPE_FLTDIV: Int32 = 3
  public static let FPE_FLTOVF: Int32 = 4
  public static let FPE_FLTUND: Int32 = 5
  public static let FPE_FLTRES: Int32 = 6
  public static let FPE_FLTINV: Int32 = 7
  public static let SEGV_MAPERR: Int32 = 1
  public static let SEGV_ACCERR: Int32 = 2
  public static let BUS_ADRALN: Int32 = 1
  public static let BUS_ADRERR: Int32 = 2
  public static let TRAP_BRKPT: Int32 = 1
  public static let TRAP_TRACE: Int32 = 2
  public static let CLD_EXITED: Int32 = 1
  public static let CLD_KILLED: Int32 = 2
  public static let CLD_DUMPED: Int32 = 3
  public static let CLD_STOPPED: Int32 = 5
  public static let CLD_CONTINUED: Int32 = 6
}
