import EnclaveRuntime
import PayloadFormat
import Synchronization

/// The enclave's memory as programs see a machine's (sysinfo(2), /proc/meminfo).
struct SystemMemory {
  var total: UInt64
  var free: UInt64
  var used: UInt64 { total - free }

  /// Bytes of user pages that are committed, of all processes together (not what members of a family have saved,
  /// which is the kernel's memory).
  static var userBytes: UInt64 {
    UInt64(CommittedPages.count(0, UInt(EnclaveLayout.kernelHeapBase)))
  }

  /// Bytes of kernel objects, file content and saved pages.
  static var kernelBytes: UInt64 {
    #if CLOISTER_ENCLAVE
      return UInt64(KernelHeap.usedBytes)
    #else
      return 0
    #endif
  }

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
