import EnclaveRuntime
import LinuxABI

/// The memory map of a process.
final class AddressSpace: @unchecked Sendable {
  init() {}
}
