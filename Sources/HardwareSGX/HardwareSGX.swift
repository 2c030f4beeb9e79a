import CHardwareSGX
import Glibc
import SGX
import Synchronization

/// A CPU with SGX, through the in-kernel driver and the vDSO.
///
/// NOT TRIED: it was written from the kernel's headers and documentation on a machine without SGX. What builds
/// and enters the enclave is shared with `SoftwareSGX`; only the ioctls, the mappings and the vDSO call here are
/// its own.
///
/// Two differences that callers see. #DB and #BP inside reach the host as signals instead of `.fault`. And a kick
/// that comes in the few instructions between the host's check and ENCLU waits for the next exit.
public final class HardwareSGX: SGXMachine {
  private struct State: Sendable {
    var secs: SECS?
    /// What to map with which permissions at EINIT.
    var ranges: [(address: UInt64, length: UInt64, protection: Int32)] = []
    var initialized = false
  }

  private let driver: Driver
  private let vdso: VDSO
  private let state = Mutex(State())

  /// Throws `.device(.openDevice, ENOENT)` where there is no SGX (or it is off in the firmware, or the kernel is
  /// older than 5.11), EACCES where the user may not use it.
  public init() throws(SGXError) {
    driver = try Driver.open()
    do throws(SGXError) {
      vdso = try VDSO.find()
    } catch {
      close(driver.descriptor)
      throw error
    }
  }

  deinit { close(driver.descriptor) }

  /// Whether `init` could work, without trying it.
  public static var isAvailable: Bool { access("/dev/sgx_enclave", R_OK | W_OK) == 0 }

  public func create(_ secs: SECS) throws(SGXError) {
    try secs.validate()
    guard state.withLock({ $0.secs == nil }) else { throw .wrongState(.alreadyCreated) }
    // Nothing else may come to lie in ELRANGE; the parts that the kernel never maps need no reservation.
    let low = max(secs.baseAddress, 0x1_0000)
    let high = secs.baseAddress + secs.size
    let p = mmap(
      UnsafeMutableRawPointer(bitPattern: UInt(low)), Int(high - low), PROT_NONE,
      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | Int32(bitPattern: 0x10_0000), -1, 0)
    guard p != MAP_FAILED else { throw .device(.reservation, errno: errno) }
    try driver.create(secs)
    if secs.attributes.flags.contains(.PROVISIONKEY) { try driver.allowProvisioning() }
    state.withLock { $0.secs = secs }
  }

  public func addPages(
    at address: UInt64, source: UnsafeRawBufferPointer, flags: SECINFO.Flags, measure: Bool
  ) throws(SGXError) {
    try SECINFO(flags).validateForEADD()
    guard source.count > 0, source.count % 4096 == 0 else { throw .generalProtection(.size) }
    let (secs, initialized) = state.withLock { ($0.secs, $0.initialized) }
    guard let secs else { throw .wrongState(.notCreated) }
    guard !initialized else { throw .wrongState(.alreadyInitialized) }
    guard address >= secs.baseAddress, address - secs.baseAddress < secs.size else {
      throw .generalProtection(.outOfRange)
    }
    try driver.addPages(
      at: address - secs.baseAddress, source: source, flags: flags, measure: measure)
    // A TCS is mapped readable and writable; the CPU keeps everybody out of it.
    let protection = flags.pageType == .tcs ? PROT_READ | PROT_WRITE : Self.protection(flags)
    let length = UInt64(source.count)
    state.withLock { $0.ranges.append((address, length, protection)) }
  }

  public func initialize(_ sigstruct: SIGSTRUCT) throws(SGXError) {
    let (secs, ranges, initialized) = state.withLock { ($0.secs, $0.ranges, $0.initialized) }
    guard secs != nil else { throw .wrongState(.notCreated) }
    guard !initialized else { throw .wrongState(.alreadyInitialized) }
    try driver.initialize(sigstruct)
    for range in ranges {
      try map(range.address, range.length, range.protection)
    }
    let code = chsgx_install_kick(vdso.range.lowerBound, vdso.range.upperBound)
    guard code == 0 else { throw .device(.signals, errno: code) }
    state.withLock { $0.initialized = true }
  }

  public func attachThread() throws(SGXError) {
    let code = chsgx_attach_thread()
    guard code == 0 else { throw .device(.signals, errno: code) }
  }

  public func detachThread() { chsgx_detach_thread() }

  public func enter(_ run: inout EnclaveRun) -> EnclaveExit {
    guard let stack = chsgx_thread_stack() else { return .refused(.wrongState(.threadNotAttached)) }
    // A kick that came in host code; as in the software machine, it ends an ERESUME before it starts.
    if chsgx_take_pending() != 0, run.function == 3 { return .interrupted }
    var native = chsgx_run()
    native.tcs = run.tcs
    native.function = run.function
    var registers = chsgx_registers(
      rdi: run.rdi, rsi: run.rsi, rdx: run.rdx, r8: run.r8, r9: run.r9)
    let result = chsgx_enter(vdso.function, &native, &registers, run.function, stack)
    if result == 0 {
      run.rdi = registers.rdi
      run.rsi = registers.rsi
      run.rdx = registers.rdx
      run.r8 = registers.r8
      run.r9 = registers.r9
      return .eexit
    }
    guard result == -EFAULT else { return .refused(.generalProtection(.leaf)) }
    switch native.function {
    case UInt32(CHSGX_KICKED): return .interrupted
    // After an AEX the leaf at the AEP is ERESUME and says nothing of where the fault was. A fault of EENTER
    // itself leaves EENTER there.
    case 2: return .refused(.generalProtection(.leaf))
    default:
      return .fault(
        vector: UInt8(truncatingIfNeeded: native.exception_vector),
        errorCode: native.exception_error_code, address: native.exception_addr)
    }
  }

  public func interrupt(thread: UInt) { chsgx_interrupt(thread) }

  /// The driver adds the pages (EAUG) when EACCEPT or EACCEPTCOPY touches them; here the addresses become the enclave's.
  public func augment(address: UInt64, length: UInt64, copied: Bool) throws(SGXError) {
    try requireInitialized(address, length)
    try map(address, length, PROT_READ | PROT_WRITE)
  }

  public func restrictPermissions(
    address: UInt64, length: UInt64, to: SECINFO.Flags
  ) throws(SGXError) {
    try requireInitialized(address, length)
    // Without R the driver answers EINVAL; only the page tables change.
    if to.contains(.r) {
      try driver.restrictPermissions(offset: address - base, length: length, to: to)
    }
    try mapPermissions(address: address, length: length, to: to)
  }

  public func mapPermissions(
    address: UInt64, length: UInt64, to: SECINFO.Flags
  ) throws(SGXError) {
    try requireInitialized(address, length)
    let result = mprotect(
      UnsafeMutableRawPointer(bitPattern: UInt(address)), Int(length), Self.protection(to))
    guard result == 0 else { throw .device(.ioctl, errno: errno) }
  }

  public func modifyType(
    address: UInt64, length: UInt64, to: SECINFO.PageType
  ) throws(SGXError) {
    try requireInitialized(address, length)
    try driver.modifyTypes(offset: address - base, length: length, to: to)
  }

  public func remove(address: UInt64, length: UInt64) throws(SGXError) {
    try requireInitialized(address, length)
    try driver.removePages(offset: address - base, length: length)
    let p = mmap(
      UnsafeMutableRawPointer(bitPattern: UInt(address)), Int(length), PROT_NONE,
      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0)
    guard p != MAP_FAILED else { throw .device(.reservation, errno: errno) }
  }

  private var base: UInt64 { state.withLock { $0.secs?.baseAddress ?? 0 } }

  private func requireInitialized(_ address: UInt64, _ length: UInt64) throws(SGXError) {
    let (secs, initialized) = state.withLock { ($0.secs, $0.initialized) }
    guard let secs, initialized else { throw .wrongState(.notInitialized) }
    guard address % 4096 == 0, length % 4096 == 0, length > 0, address >= secs.baseAddress,
      address - secs.baseAddress < secs.size,
      length <= secs.size - (address - secs.baseAddress)
    else { throw .generalProtection(.outOfRange) }
  }

  private func map(_ address: UInt64, _ length: UInt64, _ protection: Int32) throws(SGXError) {
    let p = mmap(
      UnsafeMutableRawPointer(bitPattern: UInt(address)), Int(length), protection,
      MAP_SHARED | MAP_FIXED, driver.descriptor, 0)
    guard p != MAP_FAILED else { throw .device(.ioctl, errno: errno) }
  }

  private static func protection(_ flags: SECINFO.Flags) -> Int32 {
    (flags.contains(.r) ? PROT_READ : 0) | (flags.contains(.w) ? PROT_WRITE : 0)
      | (flags.contains(.x) ? PROT_EXEC : 0)
  }
}
