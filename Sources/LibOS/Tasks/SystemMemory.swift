import EnclaveRuntime
import Synchronization

/// The enclave's memory as programs see a machine's (sysinfo(2), /proc/meminfo).
struct SystemMemory {
  var total: UInt64
  var free: UInt64
  var used: UInt64 { total - free }

  static var current: SystemMemory {
    #if CLOISTER_ENCLAVE
      let total = unsafe EnclavePages.limit
      let used = EnclavePages.committed.load(ordering: .relaxed)
      return SystemMemory(total: total, free: total > used ? total - used : 0)
    #else
      return SystemMemory(total: 4 << 30, free: 2 << 30)
    #endif
  }
}
