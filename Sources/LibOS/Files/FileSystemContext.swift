import EnclaveRuntime
import LinuxABI

/// Working directory, root and umask (shared with CLONE_FS).
final class FileSystemContext: @unchecked Sendable {
  init() {}
}
