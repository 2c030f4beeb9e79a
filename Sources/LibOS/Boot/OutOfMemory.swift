import EnclaveRuntime
import Synchronization

/// Out of enclave memory: said once, with the setting that helps.
enum OutOfMemory {
  private static let told = Atomic<Bool>(false)
  static func tell() {
    if told.exchange(true, ordering: .relaxed) { return }
    KernelLog.hint("cloister: out of enclave memory; give it more with --memory SIZE\n")
  }
}
