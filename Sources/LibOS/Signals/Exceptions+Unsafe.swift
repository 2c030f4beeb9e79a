import CEnclave
import EnclaveRuntime
import LinuxABI

/// Exceptions of user code become signals (Linux arch/x86/kernel/traps.c). What happened is only what
/// the processor wrote into the SSA frame; a kick by the host is never a signal.
extension Task {
  /// `vector` as in EXITINFO; for #PF and #GP `address` is EXINFO.MADDR. `segvCode` is the memory manager's verdict
  /// on a page fault: SEGV_MAPERR or SEGV_ACCERR, or a negative value -BUS_ADRERR for a file that became too short.
  func handleException(
    vector: UInt8, errorCode: UInt64, address: UInt, segvCode: Int32 = SignalInfo.SEGV_MAPERR,
    _ regs: UnsafeMutablePointer<cl_regs>
  ) {
    let rip = unsafe UInt(regs.pointee.rip)
    signals.trapNumber = UInt64(vector)
    signals.faultError = errorCode
    signals.faultAddress = vector == 14 ? UInt64(address) : 0
    switch vector {
    case 0: forceSignal(SignalInfo(.SIGFPE, code: SignalInfo.FPE_INTDIV, address: rip))
    case 1: forceSignal(SignalInfo(.SIGTRAP, code: SignalInfo.TRAP_TRACE, address: rip))
    case 3: forceSignal(SignalInfo(.SIGTRAP, code: SignalInfo.SI_KERNEL))
    case 6: forceSignal(SignalInfo(.SIGILL, code: SignalInfo.ILL_ILLOPN, address: rip))
    case 14:
      if segvCode < 0 {
        forceSignal(SignalInfo(.SIGBUS, code: -segvCode, address: address))
      } else {
        forceSignal(SignalInfo(.SIGSEGV, code: segvCode, address: address))
      }
    case 16: forceSignal(SignalInfo(.SIGFPE, code: unsafe x87Code(regs), address: rip))
    case 17: forceSignal(SignalInfo(.SIGBUS, code: SignalInfo.BUS_ADRALN))
    case 19: forceSignal(SignalInfo(.SIGFPE, code: unsafe simdCode(regs), address: rip))
    // #GP, #SS, #NP, #BR, #OF: no address is known (Linux: SI_KERNEL).
    default: forceSignal(SignalInfo(.SIGSEGV, code: SignalInfo.SI_KERNEL))
    }
  }

  /// Linux fpu__exception_code(): the first unmasked exception, in this order.
  private func exceptionCode(_ raised: UInt32) -> Int32 {
    if raised & 0x01 != 0 { return SignalInfo.FPE_FLTINV }
    if raised & 0x04 != 0 { return SignalInfo.FPE_FLTDIV }
    if raised & 0x08 != 0 { return SignalInfo.FPE_FLTOVF }
    if raised & 0x12 != 0 { return SignalInfo.FPE_FLTUND }
    if raised & 0x20 != 0 { return SignalInfo.FPE_FLTRES }
    return 0
  }

  private func x87Code(_ regs: UnsafeMutablePointer<cl_regs>) -> Int32 {
    guard let area = unsafe UnsafeRawPointer(bitPattern: UInt(regs.pointee.xsave)) else { return 0 }
    let control = unsafe UInt32(area.load(as: UInt16.self))
    let status = unsafe UInt32(area.load(fromByteOffset: 2, as: UInt16.self))
    return exceptionCode(status & ~control)
  }

  private func simdCode(_ regs: UnsafeMutablePointer<cl_regs>) -> Int32 {
    var mxcsr = unsafe regs.pointee.mxcsr
    if let area = unsafe UnsafeRawPointer(bitPattern: UInt(regs.pointee.xsave)) {
      mxcsr = unsafe area.load(fromByteOffset: FrameXState.mxcsrOffset, as: UInt32.self)
    }
    return exceptionCode(mxcsr & ~(mxcsr >> 7))
  }
}
