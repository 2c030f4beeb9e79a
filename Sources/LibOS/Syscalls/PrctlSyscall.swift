import EnclaveRuntime
import LinuxABI

/// prctl(2)
let prctlSyscalls: [Syscall] = [
  Syscall(157, "prctl", .partial("no seccomp, no memory map editing")) { (t, a) throws(Errno) in
    try t.sys_prctl(a.int32(0), a[1], a[2], a[3], a[4])
  }
]

extension Task {
  /// `prctl(int op, ...);`
  func sys_prctl(_ operation: Int32, _ a: UInt, _ b: UInt, _ c: UInt, _ d: UInt) throws(Errno)
    -> Int
  {
    let number = Int(bitPattern: a)
    switch operation {
    case 1:  // PR_SET_PDEATHSIG
      guard a <= 64 else { throw .EINVAL }
      scheduling.parentDeathSignal = Int32(a)
    case 2:  // PR_GET_PDEATHSIG
      try UserMemory.write(scheduling.parentDeathSignal, to: a)
    case 3: return Int(process.attributes.dumpable)  // PR_GET_DUMPABLE
    case 4:  // PR_SET_DUMPABLE
      guard a <= 1 else { throw .EINVAL }
      process.attributes.dumpable = Int32(a)
    case 7: return process.credentials.keepsCapabilities ? 1 : 0  // PR_GET_KEEPCAPS
    case 8:  // PR_SET_KEEPCAPS
      guard a <= 1 else { throw .EINVAL }
      return try changeCredentials { (c) throws(Errno) in c.keepsCapabilities = a == 1 }
    case 13: return 0  // PR_GET_TIMING: PR_TIMING_STATISTICAL
    case 14:  // PR_SET_TIMING
      guard a == 0 else { throw .EINVAL }
    case 15: name = try UserMemory.readCStringPrefix(a, limit: 15)  // PR_SET_NAME
    case 16:  // PR_GET_NAME
      var bytes = name
      while bytes.count < 16 { bytes.append(0) }
      try UserMemory.writeBytes(bytes, to: a)
    case 21: return 0  // PR_GET_SECCOMP: not filtered
    case 22: throw .EINVAL  // PR_SET_SECCOMP
    case 23, 24: return try capabilityBound(operation, a)
    case 25:  // PR_GET_TSC: RDTSC is allowed
      try UserMemory.write(Int32(1), to: a)
    case 26:  // PR_SET_TSC
      guard a == 1 else { throw .EINVAL }
    case 27: return 0  // PR_GET_SECUREBITS
    case 28: if a != 0 { throw .EPERM }  // PR_SET_SECUREBITS
    case 29:  // PR_SET_TIMERSLACK
      scheduling.timerSlackNs = a == 0 ? 50_000 : UInt64(a)
    case 30: return Int(clamping: scheduling.timerSlackNs)  // PR_GET_TIMERSLACK
    case 33: return 0  // PR_MCE_KILL
    case 34: return 2  // PR_MCE_KILL_GET: PR_MCE_KILL_DEFAULT
    case 35: throw .EPERM  // PR_SET_MM
    case 36: process.attributes.childSubreaper = a != 0  // PR_SET_CHILD_SUBREAPER
    case 37:  // PR_GET_CHILD_SUBREAPER
      try UserMemory.write(Int32(process.attributes.childSubreaper ? 1 : 0), to: a)
    case 38:  // PR_SET_NO_NEW_PRIVS
      guard a == 1, b == 0, c == 0, d == 0 else { throw .EINVAL }
      process.attributes.noNewPrivileges = true
    case 39:  // PR_GET_NO_NEW_PRIVS
      guard a == 0, b == 0, c == 0, d == 0 else { throw .EINVAL }
      return process.attributes.noNewPrivileges ? 1 : 0
    case 40: try UserMemory.write(clearChildTid, to: a)  // PR_GET_TID_ADDRESS
    case 41:  // PR_SET_THP_DISABLE: there are none
      guard b == 0, c == 0, d == 0 else { throw .EINVAL }
    case 42: return 0  // PR_GET_THP_DISABLE
    case 47: return try ambientCapabilities(number, b, c, d)
    case 52: return 0  // PR_GET_SPECULATION_CTRL: not affected, as far as can be said
    case 0x5356_4D41: return 0  // PR_SET_VMA: names of anonymous memory are not shown
    case 0x5961_6D61: return 0  // PR_SET_PTRACER: nobody can
    default: throw .EINVAL
    }
    return 0
  }

  /// PR_CAPBSET_READ, PR_CAPBSET_DROP
  private func capabilityBound(_ operation: Int32, _ capability: UInt) throws(Errno) -> Int {
    guard capability <= UInt(CapabilitySets.last) else { throw .EINVAL }
    let bit: UInt64 = 1 << UInt64(capability)
    let sets = process.credentials.capabilities
    if operation == 23 { return sets.bounding & bit != 0 ? 1 : 0 }
    guard sets.has(CapabilitySets.CAP_SETPCAP) else { throw .EPERM }
    return try changeCredentials { (c) throws(Errno) in c.capabilities.bounding &= ~bit }
  }

  /// PR_CAP_AMBIENT: IS_SET 1, RAISE 2, LOWER 3, CLEAR_ALL 4
  private func ambientCapabilities(
    _ operation: Int, _ capability: UInt, _ c: UInt, _ d: UInt
  ) throws(Errno) -> Int {
    guard c == 0, d == 0 else { throw .EINVAL }
    if operation == 4 {
      guard capability == 0 else { throw .EINVAL }
      return try changeCredentials { (c) throws(Errno) in c.capabilities.ambient = 0 }
    }
    guard capability <= UInt(CapabilitySets.last) else { throw .EINVAL }
    let bit: UInt64 = 1 << UInt64(capability)
    switch operation {
    case 1: return process.credentials.capabilities.ambient & bit != 0 ? 1 : 0
    case 2:
      return try changeCredentials { (c) throws(Errno) in
        guard c.capabilities.permitted & c.capabilities.inheritable & bit != 0 else { throw .EPERM }
        c.capabilities.ambient |= bit
      }
    case 3: return try changeCredentials { (c) throws(Errno) in c.capabilities.ambient &= ~bit }
    default: throw .EINVAL
    }
  }
}

extension UserMemory {
  /// At most `limit` bytes of a string, which may go on.
  static func readCStringPrefix(_ address: UInt, limit: Int) throws(Errno) -> [UInt8] {
    var out: [UInt8] = []
    while out.count < limit {
      let byte = try UserMemory.read(address &+ UInt(out.count), as: UInt8.self)
      if byte == 0 { break }
      out.append(byte)
    }
    return out
  }
}
