#if !CLOISTER_ENCLAVE
  /// An SGX machine: the CPU with the Linux driver (`HardwareSGX`) or the software one (`SoftwareSGX`).
  ///
  /// One object is one enclave. The calls come in the order the Linux driver wants: `create`, `addPages`
  /// ..., `initialize`, then `enter` from any number of host threads (at most one in a TCS at a time).
  /// Addresses are offsets from ELRANGE's base, which is 0.
  public protocol SGXMachine: AnyObject, Sendable {
    /// ECREATE. Reserves ELRANGE.
    func create(_ secs: SECS) throws(SGXError)

    /// EADD of consecutive pages, each followed by 16 EEXTENDs when `measure` is set. `source` holds
    /// whole pages; TCS pages have permissions 0 in `flags`.
    func addPages(
      at address: UInt64, source: UnsafeRawBufferPointer, flags: SECINFO.Flags, measure: Bool
    ) throws(SGXError)

    /// EINIT.
    func initialize(_ sigstruct: SIGSTRUCT) throws(SGXError)

    /// Called once on each host thread before it enters, and once after it has left for good.
    func attachThread() throws(SGXError)
    func detachThread()

    /// `__vdso_sgx_enter_enclave`: EENTER or ERESUME, back after an exit. Registers pass through `run`.
    func enter(_ run: inout EnclaveRun) -> EnclaveExit

    /// Makes a host thread that is inside leave with an asynchronous exit (the host's `kick`);
    /// `thread` is the pthread to signal. Harmless when it is not inside.
    func interrupt(thread: UInt)

    /// SGX2, as the driver's ioctls do them. EAUG in advance of EACCEPT, or (`copied`) of EACCEPTCOPY for all of the
    /// pages with `mapPermissions` after it; EMODPR, EMODT, EREMOVE.
    func augment(address: UInt64, length: UInt64, copied: Bool) throws(SGXError)
    /// Page tables alone, to what the EPCM allows since EACCEPTCOPY or EMODPE.
    func mapPermissions(address: UInt64, length: UInt64, to: SECINFO.Flags) throws(SGXError)
    func restrictPermissions(address: UInt64, length: UInt64, to: SECINFO.Flags) throws(SGXError)
    func modifyType(address: UInt64, length: UInt64, to: SECINFO.PageType) throws(SGXError)
    func remove(address: UInt64, length: UInt64) throws(SGXError)
  }

  /// What goes in and comes out, after `struct sgx_enclave_run` (arch/x86/include/uapi/asm/sgx.h).
  public struct EnclaveRun: Sendable {
    public var tcs: UInt64
    /// 2 EENTER, 3 ERESUME.
    public var function: UInt32
    public var rdi: UInt64 = 0
    public var rsi: UInt64 = 0
    public var rdx: UInt64 = 0
    public var r8: UInt64 = 0
    public var r9: UInt64 = 0
    public init(tcs: UInt64, function: UInt32) {
      self.tcs = tcs
      self.function = function
    }
  }

  public enum EnclaveExit: Sendable, Equatable {
    /// EEXIT; registers are in `run`.
    case eexit
    /// AEX because of an exception inside: vector, error code, address (#PF). State is in the SSA.
    case fault(vector: UInt8, errorCode: UInt16, address: UInt64)
    /// AEX because of an interrupt (a host signal).
    case interrupted
    /// EENTER or ERESUME itself was refused (#GP or #PF on the leaf): TCS busy, CSSA exhausted, ...
    case refused(SGXError)
  }
#endif
