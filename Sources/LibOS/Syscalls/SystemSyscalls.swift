import CEnclave
import EnclaveRuntime
import LinuxABI

/// uname(2), sysinfo(2), arch_prctl(2), getrandom(2).
let systemSyscalls: [Syscall] = [
  Syscall(63, "uname") { (t, a) throws(Errno) in try t.sys_uname(a[0]) },
  Syscall(99, "sysinfo") { (t, a) throws(Errno) in try t.sys_sysinfo(a[0]) },
  Syscall(158, "arch_prctl") { (t, a) throws(Errno) in
    try t.sys_arch_prctl(a.int32(0), a[1])
  },
  Syscall(318, "getrandom") { (t, a) throws(Errno) in
    try t.sys_getrandom(a[0], count: a[1], flags: a.uint32(2))
  },
]

/// What uname(2) and /proc/version say. Set at boot from the measured configuration.
enum SystemIdentity {
  nonisolated(unsafe) static var hostName: [UInt8] = bytes("cloister")
  nonisolated(unsafe) static var domainName: [UInt8] = bytes("(none)")
  static let release: StaticString = "6.1.0-cloister"
  static let version: StaticString = "#1 SMP PREEMPT_DYNAMIC Debian 6.1"

  static func bytes(_ s: StaticString) -> [UInt8] {
    // SAFETY: a static string's bytes are constant.
    unsafe [UInt8](UnsafeBufferPointer(start: s.utf8Start, count: s.utf8CodeUnitCount))
  }
}

extension Task {
  /// `uname(struct utsname *buf);` Six fields of 65 bytes.
  func sys_uname(_ address: UInt) throws(Errno) -> Int {
    var out: [UInt8] = []
    out.reserveCapacity(390)
    func field(_ value: [UInt8]) {
      let n = min(value.count, 64)
      out.append(contentsOf: value[0..<n])
      for _ in n..<65 { out.append(0) }
    }
    field(SystemIdentity.bytes("Linux"))
    field(unsafe SystemIdentity.hostName)
    field(SystemIdentity.bytes(SystemIdentity.release))
    field(SystemIdentity.bytes(SystemIdentity.version))
    field(SystemIdentity.bytes("x86_64"))
    field(unsafe SystemIdentity.domainName)
    try UserMemory.writeBytes(out, to: address)
    return 0
  }

  func sys_sysinfo(_ address: UInt) throws(Errno) -> Int {
    var info = Sysinfo()
    info.uptime = Int64(Clock.monotonicNs() / 1_000_000_000)
    // With 16 bits after the point (SI_LOAD_SHIFT).
    let loads = SystemLoad.current
    info.load1 = loads.0 << 5
    info.load5 = loads.1 << 5
    info.load15 = loads.2 << 5
    let memory = SystemMemory.current
    info.totalRAM = memory.total
    info.freeRAM = memory.free
    info.processes = UInt16(clamping: TaskTable.shared.taskCount)
    try UserMemory.write(info, to: address)
    return 0
  }

  /// `arch_prctl(int op, unsigned long addr);`
  func sys_arch_prctl(_ operation: Int32, _ address: UInt) throws(Errno) -> Int {
    switch operation {
    case 0x1002:  // ARCH_SET_FS
      guard address < UserMemory.end else { throw .EPERM }
      unsafe cl_block().pointee.fs_base = UInt64(address)
      #if CLOISTER_ENCLAVE
        cl_write_fs_base(UInt64(address))
      #endif
      return 0
    case 0x1003:  // ARCH_GET_FS
      try UserMemory.write(unsafe cl_block().pointee.fs_base, to: address)
      return 0
    case 0x1004:  // ARCH_GET_GS
      try UserMemory.write(UInt64(0), to: address)
      return 0
    case 0x1001:  // ARCH_SET_GS: GS is the kernel's thread block.
      throw .EPERM
    case 0x1011: return 1  // ARCH_GET_CPUID: not faulting, as far as the program can tell.
    case 0x1012: throw .ENODEV  // ARCH_SET_CPUID
    default: throw .EINVAL
    }
  }

  /// `getrandom(void *buf, size_t buflen, unsigned int flags);` RDRAND, whatever the flags ask for.
  func sys_getrandom(_ address: UInt, count: UInt, flags: UInt32) throws(Errno) -> Int {
    // GRND_NONBLOCK 1, GRND_RANDOM 2, GRND_INSECURE 4; the last two exclude each other.
    guard flags & ~7 == 0, flags & 6 != 6 else { throw .EINVAL }
    let count = Int(min(count, 0x7FFF_F000))
    var done = 0
    while done < count {
      // To the page's end: what can be written is, before a page that cannot.
      let piece = min(count - done, 4096 - Int((address &+ UInt(done)) & 4095))
      do throws(Errno) {
        try UserMemory.writeBytes(Random.bytes(count: piece), to: address &+ UInt(done))
      } catch {
        if done > 0 { return done }
        throw error
      }
      done += piece
      // Linux gives up a long one for a signal, at page ends.
      if hasInterruptingSignal { break }
    }
    return done
  }
}
