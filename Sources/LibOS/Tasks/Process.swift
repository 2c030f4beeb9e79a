import EnclaveRuntime
import LinuxABI

/// A process (Linux: thread group): what its threads share. There is no "the process": everything is
/// reached through a task.
final class Process: @unchecked Sendable {
  let pid: Int32
  /// Guards `tasks`, `parentPid` and the exit state. Second in the lock order, after the task table.
  let lock = Lock()
  var tasks: [Task] = []
  var parentPid: Int32

  var files = FileTable()
  var fileSystem: FileSystemContext
  var memory: AddressSpace
  let signals = ProcessSignals()
  var credentials = Credentials()
  var limits = ResourceLimits()

  /// Absolute path of the program, for /proc/self/exe; its arguments and environment for /proc.
  var executablePath: [UInt8] = []
  var commandLine: [[UInt8]] = []
  var environment: [[UInt8]] = []

  init(pid: Int32, parentPid: Int32, fileSystem: FileSystemContext, memory: AddressSpace) {
    self.pid = pid
    self.parentPid = parentPid
    self.fileSystem = fileSystem
    self.memory = memory
  }
}
