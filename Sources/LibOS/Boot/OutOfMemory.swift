import EnclaveRuntime
import Synchronization

/// Out of enclave memory: said once, with the setting that helps.
enum OutOfMemory {
  private static let told = Atomic<Bool>(false)
  static func tell() {
    if told.exchange(true, ordering: .relaxed) { return }
    KernelLog.hint("cloister: out of enclave memory; give it more with --memory SIZE\n")
  }

  private static let toldFiles = Atomic<Bool>(false)
  /// ENOSPC: files in memory may take half of it.
  static func tellFiles() {
    if toldFiles.exchange(true, ordering: .relaxed) { return }
    KernelLog.hint(
      "cloister: files in memory have reached their limit, half of the enclave's memory; give it more with --memory SIZE\n"
    )
  }
}
