import EnclaveRuntime
import LinuxABI

/// The kernel's side of one PI futex.
final class PIState: @unchecked Sendable {
  init() {}
}
