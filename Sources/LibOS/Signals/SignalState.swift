import EnclaveRuntime
import LinuxABI

/// Per-thread signal state.
struct TaskSignals {
  init() {}
}

/// Per-process signal state: dispositions and the shared pending set.
final class ProcessSignals: @unchecked Sendable {
  let lock = Lock()
  init() {}
}

extension Task {
  /// A signal waits that a blocking call must return for.
  var hasInterruptingSignal: Bool { false }
}
