import EnclaveRuntime
import LinuxABI

/// How much a memory map may hold: RLIMIT_AS, RLIMIT_DATA and RLIMIT_MEMLOCK (getrlimit(2)).
///
/// Bytes. Set when a process begins, executes and calls prlimit(2); read with the map's lock held.
struct MemoryLimits: Sendable {
  var addressSpace: UInt = .max
  var data: UInt = .max
  /// `.max` for a process with CAP_IPC_LOCK.
  var locked: UInt = .max

  init() {}
  init(_ limits: ResourceLimits, _ credentials: Credentials) {
    addressSpace = UInt(limits[ResourceLimit.RLIMIT_AS].current)
    data = UInt(limits[ResourceLimit.RLIMIT_DATA].current)
    let mayLockAll = credentials.capabilities.has(CapabilitySets.CAP_IPC_LOCK)
    locked = mayLockAll ? .max : UInt(limits[ResourceLimit.RLIMIT_MEMLOCK].current)
  }
}

extension VMA {
  /// Counts for RLIMIT_DATA: private and writable, no stack (is_data_mapping() in Linux).
  var isData: Bool { !isShared && !growsDown && protection.contains(.PROT_WRITE) }
}

extension AddressSpace {
  /// Bytes that count for RLIMIT_DATA; the lock is held.
  var dataBytes: UInt { vmas.reduce(0) { $1.isData ? $0 + ($1.end - $1.start) : $0 } }
  /// Bytes of stacks; the lock is held.
  var stackBytes: UInt { vmas.reduce(0) { $1.growsDown ? $0 + ($1.end - $1.start) : $0 } }
  /// Bytes of mlock(2)ed mappings; the lock is held.
  var lockedBytes: UInt { vmas.reduce(0) { $1.isLocked ? $0 + ($1.end - $1.start) : $0 } }

  /// Whether `bytes` more may be mapped (may_expand_vm()); the lock is held. `replaced`: what the new mapping takes the
  /// place of.
  func mayExpand(_ bytes: UInt, isData: Bool, replaced: (UInt, UInt) = (0, 0)) -> Bool {
    if limits.addressSpace == .max, limits.data == .max { return true }
    var goes: UInt = 0
    for vma in vmas where vma.start < replaced.1 && vma.end > replaced.0 {
      goes += min(vma.end, replaced.1) - max(vma.start, replaced.0)
    }
    if totalBytes - goes > limits.addressSpace || bytes > limits.addressSpace - (totalBytes - goes)
    {
      return false
    }
    return !isData || mayHoldData(bytes)
  }

  /// Whether `bytes` more may count for RLIMIT_DATA; the lock is held.
  func mayHoldData(_ bytes: UInt) -> Bool {
    if limits.data == .max { return true }
    let data = dataBytes
    return data <= limits.data && bytes <= limits.data - data
  }
}
