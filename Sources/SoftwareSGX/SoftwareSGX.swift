import CSoftwareSGX
import Glibc
import SGX
import Synchronization

/// An SGX machine in an ordinary process. It gives NO protection; it is there so that what works on it works
/// on a CPU with SGX.
///
/// ELRANGE is [0, size), so there is one enclave at a time in a process, and the host program must lie above
/// it (a PIE does). Host threads that enter have their signals with handlers blocked from `attachThread` to
/// `detachThread`, because a handler would run on the enclave's FS; take them on another thread.
///
/// Locks: `state` guards the object's own life cycle; the page map and page tables have a lock of their own
/// in C (machine.h); EACCEPT and its like change one page-map entry by compare-and-swap, as the CPU does.
public final class SoftwareSGX: SGXMachine {
  public enum Mode: Sendable {
    /// ENCLU traps, a pending page cannot be touched before EACCEPT.
    case strict
    /// As strict, and memory of the enclave cannot be touched by the host while no thread is inside.
    case strictHidden
    /// `patchFast` will be called: the routines of ENCLU become calls, pending pages are mapped at once.
    case fast
  }

  struct State: Sendable {
    var secs: SECS?
    var measurement: Measurement?
    var identity: Identity?
  }

  public let mode: Mode
  let state = Mutex(State())
  private let keys: KeyHierarchy

  private let reportOpcode: (@Sendable (OpcodeScan.Hit) -> Void)?

  /// - Parameters:
  ///   - stateFile: the machine's secrets; nil is the user's own (see `MachineState`).
  ///   - reportOpcode: strict mode calls it for each opcode of `OpcodeScan.silent` in a page that becomes
  ///     executable.
  public init(
    mode: Mode, stateFile: String? = nil,
    reportOpcode: (@Sendable (OpcodeScan.Hit) -> Void)? = nil
  ) throws(SGXError) {
    self.mode = mode
    self.reportOpcode = reportOpcode
    keys = try KeyHierarchy(stateFile: stateFile)
  }

  deinit { destroy() }

  /// Unmaps the enclave; another one can be made then. No thread may be inside or attached.
  public func destroy() {
    let existed = state.withLock { state in
      defer { state = State() }
      return state.secs != nil
    }
    if existed { csgx_destroy() }
  }

  public func create(_ secs: SECS) throws(SGXError) {
    try secs.validate()
    guard secs.baseAddress == 0, secs.size <= 1 << 40 else { throw .notSupported(.base) }
    let available = csgx_available_xfrm()
    guard secs.attributes.xfrm.rawValue & ~available == 0 else { throw .generalProtection(.xfrm) }
    guard !secs.attributes.flags.contains(.CET), !secs.attributes.flags.contains(.AEXNOTIFY) else {
      throw .notSupported(.attributes)
    }
    let needed =
      csgx_xsave_area_size(secs.attributes.xfrm.rawValue) + SSA.GPRSGX.size
      + SSA.EXINFO.size
    guard needed <= UInt64(secs.ssaFrameSize) * 4096 else { throw .generalProtection(.size) }
    guard state.withLock({ $0.secs == nil }) else { throw .wrongState(.alreadyCreated) }
    let context = Unmanaged.passUnretained(self).toOpaque()
    try check(
      csgx_create(
        secs.size, secs.ssaFrameSize, secs.miscSelect.rawValue, secs.attributes.xfrm.rawValue,
        mode != .fast, mode == .strictHidden, keyLeafThunk, context))
    state.withLock {
      $0.secs = secs
      $0.measurement = Measurement(secs)
    }
  }

  public func addPages(
    at address: UInt64, source: UnsafeRawBufferPointer, flags: SECINFO.Flags, measure: Bool
  ) throws(SGXError) {
    try SECINFO(flags).validateForEADD()
    guard source.count > 0, source.count % 4096 == 0 else { throw .generalProtection(.size) }
    let (created, initialized) = state.withLock { ($0.secs != nil, $0.identity != nil) }
    guard created else { throw .wrongState(.notCreated) }
    guard !initialized else { throw .wrongState(.alreadyInitialized) }
    if flags.pageType == .tcs {
      for at in stride(from: 0, to: source.count, by: 4096) {
        let page = UnsafeRawBufferPointer(rebasing: source[at..<(at + 4096)])
        let tcs = try TCS([UInt8](page))
        try tcs.validate()
        // EADD clears it; a source that has it set would measure differently here.
        guard !tcs.flags.contains(.DBGOPTIN) else { throw .generalProtection(.reservedBits) }
      }
    }
    if flags.contains(.x) { scan(source, at: address) }
    try check(
      csgx_add_pages(address, source.baseAddress!, UInt64(source.count), flags.rawValue))
    var measurement = state.withLock { $0.measurement! }
    measurement.add(offset: address, source: source, flags: flags, measure: measure)
    state.withLock { $0.measurement = measurement }
  }

  public func initialize(_ sigstruct: SIGSTRUCT) throws(SGXError) {
    let (secs, measurement, initialized) = state.withLock {
      ($0.secs, $0.measurement, $0.identity != nil)
    }
    guard let secs, let measurement else { throw .wrongState(.notCreated) }
    guard !initialized else { throw .wrongState(.alreadyInitialized) }
    let mrenclave = measurement.finalize()
    try sigstruct.verifySignature()
    try sigstruct.validate(
      against: secs.attributes, miscSelect: secs.miscSelect, mrenclave: mrenclave)
    try check(csgx_initialized())
    let identity = Identity(secs: secs, sigstruct: sigstruct, mrenclave: mrenclave)
    state.withLock { $0.identity = identity }
  }

  /// MRENCLAVE so far.
  public var mrenclave: [UInt8]? { state.withLock { $0.measurement?.finalize() } }

  /// Fast mode: overwrites the ENCLU routines (`ENCLU; ret; int3 x 4`, aligned to 8) with jumps to host code,
  /// through a page at `trampoline` that must be free. After `initialize`, before the first entry.
  public func patchFast(
    sites: [UInt64], trampoline: UInt64 = SoftwareSGX.trampolineAddress
  ) throws(SGXError) {
    guard mode == .fast else { throw .wrongState(.fastSite) }
    try check(csgx_patch_fast(sites, sites.count, trampoline))
  }

  /// Kept free by the enclave's layout: the last page below the measured configuration.
  public static let trampolineAddress: UInt64 = 0xFF_1FFF_F000

  /// What happened so far, for `--stats`.
  public struct Statistics: Sendable {
    public var enters, resumes, eexits, aexs, strictLeaves, fastLeaves, syscalls, kicks: UInt64
    public var mprotects: UInt64
  }
  public static var statistics: Statistics {
    var s = csgx_statistics()
    csgx_statistics(&s)
    return Statistics(
      enters: s.enters, resumes: s.resumes, eexits: s.eexits, aexs: s.aexs,
      strictLeaves: s.strict_leaves, fastLeaves: s.fast_leaves, syscalls: s.syscalls,
      kicks: s.kicks, mprotects: s.mprotects)
  }

  /// The page map's entry: SECINFO.FLAGS, bit 6 "valid", bit 7 "page tables forbid all". For tests.
  public static func pageEntry(_ address: UInt64) -> UInt16 { csgx_epcm_entry(address) }

  public func attachThread() throws(SGXError) { try check(csgx_attach_thread()) }
  public func detachThread() { csgx_detach_thread() }

  public func enter(_ run: inout EnclaveRun) -> EnclaveExit {
    var c = csgx_run()
    c.tcs = run.tcs
    c.function = UInt64(run.function)
    c.rdi = run.rdi
    c.rsi = run.rsi
    c.rdx = run.rdx
    c.r8 = run.r8
    c.r9 = run.r9
    csgx_enter(&c)
    switch Int(c.exit) {
    case Int(CSGX_EXIT_EEXIT):
      run.rdi = c.rdi
      run.rsi = c.rsi
      run.rdx = c.rdx
      run.r8 = c.r8
      run.r9 = c.r9
      return .eexit
    case Int(CSGX_EXIT_INTERRUPTED): return .interrupted
    case Int(CSGX_EXIT_REFUSED): return .refused(refusal(c.vector))
    default:
      return .fault(
        vector: UInt8(truncatingIfNeeded: c.vector),
        errorCode: UInt16(truncatingIfNeeded: c.error_code), address: c.address)
    }
  }

  public func interrupt(thread: UInt) { csgx_interrupt(thread) }

  /// The signal that `interrupt` sends.
  public static var kickSignal: Int32 { csgx_kick_signal() }

  public func augment(address: UInt64, length: UInt64, copied: Bool) throws(SGXError) {
    try requireInitialized()
    try check(csgx_augment(address, length, copied))
  }

  /// EMODPR, and page tables to the same. Without `r` only the page tables change, as the driver has no such
  /// EMODPR.
  public func restrictPermissions(
    address: UInt64, length: UInt64, to: SECINFO.Flags
  ) throws(SGXError) {
    try requireInitialized()
    guard to.isSubset(of: .permissions), !to.contains(.w) || to.contains(.r) else {
      throw .generalProtection(.permissions)
    }
    try check(csgx_restrict(address, length, to.rawValue))
    scanExecutable(address, length, to)
  }

  /// The page tables are made from the EPCM, so `to` says nothing new here.
  public func mapPermissions(
    address: UInt64, length: UInt64, to: SECINFO.Flags
  ) throws(SGXError) {
    try requireInitialized()
    try check(csgx_follow(address, length))
    scanExecutable(address, length, to)
  }

  private func scanExecutable(_ address: UInt64, _ length: UInt64, _ permissions: SECINFO.Flags) {
    // In the hidden mode nobody can read the page now.
    guard permissions.contains(.x), mode == .strict else { return }
    scan(
      UnsafeRawBufferPointer(
        start: UnsafeRawPointer(bitPattern: UInt(address)), count: Int(length)), at: address)
  }

  private func scan(_ bytes: UnsafeRawBufferPointer, at address: UInt64) {
    guard mode != .fast, let reportOpcode else { return }
    for hit in OpcodeScan.hits(in: bytes, at: address, wanted: OpcodeScan.silent) {
      reportOpcode(hit)
    }
  }

  public func modifyType(
    address: UInt64, length: UInt64, to: SECINFO.PageType
  ) throws(SGXError) {
    try requireInitialized()
    try check(csgx_modify_type(address, length, UInt64(to.rawValue)))
  }

  public func remove(address: UInt64, length: UInt64) throws(SGXError) {
    try requireInitialized()
    try check(csgx_remove(address, length))
  }

  private func requireInitialized() throws(SGXError) {
    guard state.withLock({ $0.identity != nil }) else { throw .wrongState(.notInitialized) }
  }

  /// EREPORT and EGETKEY, called from C with the host's FS and GS in place.
  func keyLeaf(_ leaf: Int32, _ a: [UInt8], _ b: [UInt8]) -> (answer: Int64, out: [UInt8]) {
    guard let identity = state.withLock({ $0.identity }) else { return (-1, []) }
    do throws(SGXError) {
      if leaf == 0 {
        let report = keys.report(identity, target: try TARGETINFO(a), data: b)
        return (0, report.encoded())
      }
      switch keys.key(identity, try KEYREQUEST(a)) {
      case .success(let key): return (0, key)
      case .failure(let code): return (Int64(code.rax), [UInt8](repeating: 0, count: 16))
      }
    } catch {
      return (-1, [])
    }
  }
}

private let keyLeafThunk: csgx_key_leaf = { context, leaf, a, b, out in
  let machine = Unmanaged<SoftwareSGX>.fromOpaque(context!).takeUnretainedValue()
  let first = [UInt8](UnsafeBufferPointer(start: a, count: 512))
  let second = b.map { [UInt8](UnsafeBufferPointer(start: $0, count: 64)) } ?? []
  let (answer, bytes) = machine.keyLeaf(leaf, first, second)
  for (i, byte) in bytes.enumerated() { out![i] = byte }
  return answer
}

private func check(_ result: Int32) throws(SGXError) {
  switch Int(result) {
  case Int(CSGX_OK): return
  case Int(CSGX_E_RANGE): throw .generalProtection(.outOfRange)
  case Int(CSGX_E_EXISTS): throw .generalProtection(.pageExists)
  case Int(CSGX_E_MISSING): throw .generalProtection(.pageMissing)
  case Int(CSGX_E_TYPE): throw .generalProtection(.pageType)
  case Int(CSGX_E_RESERVE): throw .device(.reservation, errno: EEXIST)
  case Int(CSGX_E_TCS): throw .generalProtection(.notTCS)
  case Int(CSGX_E_SIGNALS): throw .device(.signals, errno: errno)
  case Int(CSGX_E_SITE): throw .wrongState(.fastSite)
  case Int(CSGX_E_BUSY): throw .wrongState(.oneEnclave)
  default: throw .outOfMemory
  }
}

private func refusal(_ why: UInt32) -> SGXError {
  switch Int(why) {
  case Int(CSGX_REFUSED_NOT_ATTACHED): .wrongState(.threadNotAttached)
  case Int(CSGX_REFUSED_NOT_INITIALIZED): .generalProtection(.notInitialized)
  case Int(CSGX_REFUSED_NOT_TCS): .generalProtection(.notTCS)
  case Int(CSGX_REFUSED_BUSY): .generalProtection(.tcsBusy)
  case Int(CSGX_REFUSED_CSSA): .generalProtection(.cssaExhausted)
  case Int(CSGX_REFUSED_NOTHING_SAVED): .generalProtection(.nothingSaved)
  case Int(CSGX_REFUSED_SSA): .generalProtection(.ssaNotAccessible)
  case Int(CSGX_REFUSED_STATE): .generalProtection(.savedState)
  default: .generalProtection(.leaf)
  }
}
