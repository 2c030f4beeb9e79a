import CEnclave
import EnclaveRuntime
import LinuxABI

/// The signal frame on the program's stack, built and read back exactly as Linux does (arch/x86
/// signal_64.c, fpu/signal.c), because programs look into it.
///
/// One difference: the return address is the kernel's own trampoline even when the program gave
/// SA_RESTORER. The restorer's `mov $15,%eax; syscall` must keep its bytes (unwinders recognise them), so its
/// SYSCALL is not rewritten and would cost a trap per signal; the trampoline enters without one.
extension Task {
  /// Puts the frame for `info` on the stack and makes `regs` start the handler. False: bad stack.
  func pushSignalFrame(
    _ info: SignalInfo, action: KernelSigaction, mask: SignalSet,
    _ regs: UnsafeMutablePointer<cl_regs>
  ) -> Bool {
    let isLive = unsafe regs.pointee.xsave == 0
    let area = unsafe saveUserXState(regs)
    let inUse = unsafe area.load(fromByteOffset: FrameXState.headerOffset, as: UInt64.self)
    let xfrm = cl_get_xfrm()
    let xstateSize = FrameXState.size(xfrm: xfrm)

    // Linux get_sigframe(): skip the red zone, or change to the alternate stack.
    let userSP = unsafe UInt(regs.pointee.rsp)
    var sp = userSP &- 128
    let stack = signals.stack
    let onStack = isOnSignalStack(userSP)
    var entering = false
    if action.flags & SignalActionFlags.SA_ONSTACK.rawValue != 0, !onStack,
      stack.flags & SignalStack.SS_DISABLE == 0
    {
      sp = stack.sp &+ stack.size
      entering = true
    }
    sp = (sp &- UInt(xstateSize + FrameXState.magic2Size)) & ~63
    let fpstate = sp
    let frameSize = UInt(MemoryLayout<RealTimeSignalFrame>.size)
    sp = ((sp &- frameSize) & ~15) &- 8
    if onStack || entering {
      // An overflow of the alternate stack must be seen, not run over.
      guard sp > stack.sp, sp < stack.sp &+ stack.size else { return false }
    }

    var frame = RealTimeSignalFrame()
    frame.returnAddress = cl_signal_trampoline_address()
    frame.info = info
    frame.userContext.flags =
      UserContext.UC_FP_XSTATE | UserContext.UC_SIGCONTEXT_SS | UserContext.UC_STRICT_RESTORE_SS
    frame.userContext.stack = reportedSignalStack(userSP)
    frame.userContext.mask = mask
    unsafe frame.userContext.context.load(regs)
    frame.userContext.context.rip = UInt64(
      process.memory.originalProgramCounter(
        unsafe UInt(regs.pointee.rip), link: unsafe UInt(regs.pointee.rcx)))
    frame.userContext.context.fpstate = UInt64(fpstate)
    frame.userContext.context.oldMask = mask.bits
    frame.userContext.context.cr2 = signals.faultAddress
    frame.userContext.context.trapNumber = signals.trapNumber
    frame.userContext.context.error = signals.faultError

    // struct _fpx_sw_bytes, at the reserved end of the legacy area.
    let software = FrameXState.softwareOffset
    unsafe area.storeBytes(
      of: FrameXState.FP_XSTATE_MAGIC1, toByteOffset: software, as: UInt32.self)
    unsafe area.storeBytes(
      of: UInt32(xstateSize + FrameXState.magic2Size), toByteOffset: software + 4, as: UInt32.self)
    unsafe area.storeBytes(of: xfrm, toByteOffset: software + 8, as: UInt64.self)
    unsafe area.storeBytes(of: UInt32(xstateSize), toByteOffset: software + 16, as: UInt32.self)
    for i in 0..<7 {
      unsafe area.storeBytes(of: 0, toByteOffset: software + 20 + 4 * i, as: UInt32.self)
    }
    do throws(Errno) {
      // SAFETY: the XSAVE area is a page and xstateSize is below it.
      try unsafe UserMemory.copyOut(to: fpstate, from: area, count: xstateSize)
      try UserMemory.write(FrameXState.FP_XSTATE_MAGIC2, to: fpstate + UInt(xstateSize))
      try UserMemory.write(frame, to: sp)
    } catch {
      return false
    }
    if entering || onStack, stack.flags & SignalStack.SS_AUTODISARM != 0 {
      signals.stack = SignalStack()
    }

    unsafe regs.pointee.rdi = UInt64(info.signo)
    unsafe regs.pointee.rsi = UInt64(sp) + RealTimeSignalFrame.infoOffset
    unsafe regs.pointee.rdx = UInt64(sp) + RealTimeSignalFrame.userContextOffset
    unsafe regs.pointee.rax = 0
    unsafe regs.pointee.rsp = UInt64(sp)
    unsafe regs.pointee.rip = UInt64(action.handler)
    // DF, RF and TF (SDM Vol. 1, 3.4.3).
    unsafe regs.pointee.rflags &= ~(1 << 10 | 1 << 16 | 1 << 8)
    // The handler starts with initial vector state: nothing in use, default control words.
    if isLive, Self.clearUpperHalves(live: inUse) {
      unsafe Self.resetRegisters(regs)
    } else {
      unsafe setInitialXState(regs)
    }
    return true
  }

  /// The user's vector state in this thread's XSAVE area, which is then where it is restored from.
  private func saveUserXState(_ regs: UnsafeMutablePointer<cl_regs>) -> UnsafeMutableRawPointer {
    // SAFETY: the block's area is a 64-byte aligned page of this thread.
    let area = unsafe UnsafeMutableRawPointer(bitPattern: UInt(cl_block().pointee.xsave_area))!
    if unsafe regs.pointee.xsave != 0 {
      let source = unsafe UnsafeRawPointer(bitPattern: UInt(regs.pointee.xsave))!
      if unsafe source != UnsafeRawPointer(area) {
        unsafe area.copyMemory(from: source, byteCount: FrameXState.size(xfrm: cl_get_xfrm()))
      }
      return unsafe area
    }
    unsafe (area + FrameXState.headerOffset).initializeMemory(
      as: UInt8.self, repeating: 0, count: 64)
    unsafe cl_xsave(area)
    // The kernel has used xmm0...15 and MXCSR since: what the program had is in the registers' copy.
    unsafe withUnsafeBytes(of: &regs.pointee.xmm) { (xmm) in
      unsafe (area + FrameXState.xmmOffset).copyMemory(from: xmm.baseAddress!, byteCount: 256)
    }
    unsafe area.storeBytes(
      of: regs.pointee.mxcsr, toByteOffset: FrameXState.mxcsrOffset, as: UInt32.self)
    let inUse = unsafe area.load(fromByteOffset: FrameXState.headerOffset, as: UInt64.self)
    unsafe area.storeBytes(of: inUse | 2, toByteOffset: FrameXState.headerOffset, as: UInt64.self)
    return unsafe area
  }

  /// rt_sigreturn(2): takes everything back from the frame. Throws EFAULT for a frame that is not one.
  func popSignalFrame(_ regs: UnsafeMutablePointer<cl_regs>) throws(Errno) {
    // The handler's RET has popped the return address.
    let at = unsafe UInt(regs.pointee.rsp) &- 8
    let frame = try UserMemory.read(at, as: RealTimeSignalFrame.self)
    let context = frame.userContext.context
    if context.fpstate != 0 {
      try unsafe loadUserXState(from: UInt(context.fpstate), regs)
    } else {
      unsafe setInitialXState(regs)
    }
    unsafe context.store(regs)
    unsafe regs.pointee.rip = UInt64(process.memory.currentProgramCounter(UInt(context.rip)))
    setBlocked(frame.userContext.mask)
    _ = try? changeSignalStack(frame.userContext.stack, userSP: UInt(context.rsp), minimum: 0)
    unsafe regs.pointee.orig_rax = .max
  }

  /// XRSTOR of everything takes 100 ns. Nearly always all that is in use besides XMM0-15, which every way
  /// out restores, is the upper halves of YMM, and those VZEROUPPER clears. True: of the components in
  /// `live` nothing is in use any more but XMM0-15.
  private static func clearUpperHalves(live: UInt64) -> Bool {
    guard live & ~6 == 0 else { return false }
    if live & 4 != 0 { cl_vzeroupper() }
    return true
  }

  private static func resetRegisters(_ regs: UnsafeMutablePointer<cl_regs>) {
    unsafe withUnsafeMutableBytes(of: &regs.pointee.xmm) { (xmm) in
      _ = unsafe xmm.initializeMemory(as: UInt8.self, repeating: 0)
    }
    unsafe regs.pointee.mxcsr = 0x1F80
    unsafe regs.pointee.xsave = 0
  }

  private func setInitialXState(_ regs: UnsafeMutablePointer<cl_regs>) {
    let area = unsafe UnsafeMutableRawPointer(bitPattern: UInt(cl_block().pointee.xsave_area))!
    unsafe area.initializeMemory(as: UInt8.self, repeating: 0, count: FrameXState.minimumSize)
    unsafe area.storeBytes(of: 0x37F, as: UInt16.self)
    unsafe area.storeBytes(of: 0x1F80, toByteOffset: FrameXState.mxcsrOffset, as: UInt32.self)
    unsafe regs.pointee.xsave = UInt64(UInt(bitPattern: area))
  }

  /// Copies an XSAVE image of the program in and makes it fit for XRSTOR, which would fault in the
  /// kernel on anything else (SDM Vol. 1, 13.8): only enabled components, standard format, reserved
  /// bytes zero, no reserved MXCSR bit. Without the magic words only the legacy part is taken (Linux).
  private func loadUserXState(
    from address: UInt, _ regs: UnsafeMutablePointer<cl_regs>
  ) throws(Errno) {
    guard address & 63 == 0 else { throw .EFAULT }
    let area = unsafe UnsafeMutableRawPointer(bitPattern: UInt(cl_block().pointee.xsave_area))!
    let size = FrameXState.size(xfrm: cl_get_xfrm())
    unsafe (area + FrameXState.headerOffset).initializeMemory(
      as: UInt8.self, repeating: 0, count: 64)
    unsafe cl_xsave_part(area, ~2)
    let live = unsafe area.load(fromByteOffset: FrameXState.headerOffset, as: UInt64.self)
    try unsafe UserMemory.copyIn(to: area, from: address, count: FrameXState.legacySize)
    let software = FrameXState.softwareOffset
    let magic = unsafe area.load(fromByteOffset: software, as: UInt32.self)
    let extendedSize = unsafe area.load(fromByteOffset: software + 4, as: UInt32.self)
    let features = unsafe area.load(fromByteOffset: software + 8, as: UInt64.self)
    let stateSize = unsafe Int(area.load(fromByteOffset: software + 16, as: UInt32.self))
    var bits: UInt64 = 3
    if magic == FrameXState.FP_XSTATE_MAGIC1, stateSize >= FrameXState.minimumSize,
      stateSize <= size,
      Int(extendedSize) == stateSize + FrameXState.magic2Size,
      try UserMemory.read(address + UInt(stateSize), as: UInt32.self)
        == FrameXState.FP_XSTATE_MAGIC2
    {
      try unsafe UserMemory.copyIn(
        to: area + FrameXState.headerOffset, from: address + UInt(FrameXState.headerOffset),
        count: stateSize - FrameXState.headerOffset)
      unsafe (area + stateSize).initializeMemory(
        as: UInt8.self, repeating: 0, count: size - stateSize)
      bits = unsafe area.load(fromByteOffset: FrameXState.headerOffset, as: UInt64.self) & features
    }
    unsafe (area + FrameXState.headerOffset).initializeMemory(
      as: UInt8.self, repeating: 0, count: 64)
    bits &= cl_get_xfrm()
    unsafe area.storeBytes(of: bits, toByteOffset: FrameXState.headerOffset, as: UInt64.self)
    let mxcsr = unsafe area.load(fromByteOffset: FrameXState.mxcsrOffset, as: UInt32.self)
    if bits & ~2 == 0, Self.clearUpperHalves(live: live) {
      unsafe Self.resetRegisters(regs)
      unsafe regs.pointee.mxcsr = mxcsr & 0xFFFF
      if bits & 2 != 0 {
        unsafe withUnsafeMutableBytes(of: &regs.pointee.xmm) { (xmm) in
          unsafe xmm.baseAddress!.copyMemory(from: area + FrameXState.xmmOffset, byteCount: 256)
        }
      }
      return
    }
    unsafe area.storeBytes(
      of: mxcsr & 0xFFFF, toByteOffset: FrameXState.mxcsrOffset, as: UInt32.self)
    unsafe regs.pointee.xsave = UInt64(UInt(bitPattern: area))
  }
}

extension SignalContext {
  fileprivate mutating func load(_ regs: UnsafeMutablePointer<cl_regs>) {
    let r = unsafe regs.pointee
    r8 = r.r8
    r9 = r.r9
    r10 = r.r10
    r11 = r.r11
    r12 = r.r12
    r13 = r.r13
    r14 = r.r14
    r15 = r.r15
    rdi = r.rdi
    rsi = r.rsi
    rbp = r.rbp
    rbx = r.rbx
    rdx = r.rdx
    rax = r.rax
    rcx = r.rcx
    rsp = r.rsp
    rip = r.rip
    rflags = r.rflags
  }

  fileprivate func store(_ regs: UnsafeMutablePointer<cl_regs>) {
    unsafe regs.pointee.r8 = r8
    unsafe regs.pointee.r9 = r9
    unsafe regs.pointee.r10 = r10
    unsafe regs.pointee.r11 = r11
    unsafe regs.pointee.r12 = r12
    unsafe regs.pointee.r13 = r13
    unsafe regs.pointee.r14 = r14
    unsafe regs.pointee.r15 = r15
    unsafe regs.pointee.rdi = rdi
    unsafe regs.pointee.rsi = rsi
    unsafe regs.pointee.rbp = rbp
    unsafe regs.pointee.rbx = rbx
    unsafe regs.pointee.rdx = rdx
    unsafe regs.pointee.rax = rax
    unsafe regs.pointee.rcx = rcx
    unsafe regs.pointee.rsp = rsp
    unsafe regs.pointee.rip = rip
    // FIX_EFLAGS: AC OF DF TF SF ZF AF PF CF RF are the program's, the rest stays.
    let mask: UInt64 = 0x5_0DD5
    unsafe regs.pointee.rflags = (regs.pointee.rflags & ~mask) | (rflags & mask)
  }
}
