import EnclaveRuntime
import LinuxABI

/// The descriptor table of a process (shared with CLONE_FILES).
final class FileTable: @unchecked Sendable {
  init() {}
}
