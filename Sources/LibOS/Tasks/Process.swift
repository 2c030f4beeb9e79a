import EnclaveRuntime
import LinuxABI
import Synchronization

/// A process (Linux: thread group): what its threads share. There is no "the process": everything is
/// reached through a task.
final class Process: @unchecked Sendable {
  let pid: Int32
  /// Guards `parentPid`, `children` and the exit state. Second in the lock order, after the task table.
  let lock = Lock()
  /// Changed with `lock` and `signals.lock` held, so read with either. First the main thread, while it lives.
  var tasks: [Task] = []
  /// Signal lock held: the threads that have not left.
  var liveTasks: [Task] { tasks }
  var parentPid: Int32
  /// Session and process group (setsid(2), setpgid(2)). Guarded by the task table's lock.
  var session: Int32
  var group: Int32
  /// Signal to the parent when the process ends; 0: none (clone(2)).
  var exitSignal: Int32 = 0
  /// Living and zombie children. Guarded by the task table's lock.
  var children: [Process] = []
  /// wait4(2), waitid(2) of this process wait here.
  let childQueue = WaitQueue()
  /// Woken when the process has ended, and when it has been waited for: pidfds.
  let endQueue = WaitQueue()
  /// The wait status of a process that has ended; nil while it runs. Guarded by the task table's lock.
  var zombieStatus: Int32?
  /// It has called execve(2) since it was made: setpgid(2) by its parent comes too late.
  var hasExecuted = false
  /// Whoever waits in vfork(2) for this process; nil: nobody, or not any more. Used by its own threads.
  var vfork: VforkCompletion?
  /// The thread that calls execve(2) and waits in `threadQueue` for the others to end. Guarded by `signals.lock`.
  var executing: Task?
  let threadQueue = WaitQueue()
  /// Stop and continue events that the parent has not yet waited for. Guarded by `signals.lock`.
  var stopReport: Signal?
  var continueReport = false
  /// SIGCHLD about them, not yet sent. Guarded by `signals.lock`.
  var parentReport: SignalInfo?

  var files = FileTable()
  var fileSystem: FileSystemContext
  var memory: AddressSpace
  let signals = ProcessSignals()
  /// Guarded by `lock`.
  var credentials = Credentials()
  /// Guarded by `lock`.
  var limits = ResourceLimits()
  /// RLIMIT_FSIZE, for writes to look at without `lock`.
  let fileSizeLimit = Atomic<UInt64>(.max)
  let usage = ProcessUsage()
  /// What its ended threads have read and written. Changed with `lock` held.
  let endedTransfers = TransferCount()
  /// CLOCK_MONOTONIC when it was made.
  let startedNs = Clock.monotonicNs()
  let timers = ProcessTimers()
  /// membarrier(2): how many there were, and which kinds the process has registered for.
  let barrierCount = Atomic<UInt64>(0)
  let barrierRegistered = Atomic<UInt32>(0)

  /// The program, for /proc/PID/exe; nil: an init of the kernel's own.
  var executable: Dentry?
  /// Its absolute path when it was started; its arguments and environment for /proc.
  var executablePath: [UInt8] = []
  var commandLine: [[UInt8]] = []
  var environment: [[UInt8]] = []
  /// prctl(2) attributes of the process.
  var attributes = ProcessAttributes()
  /// What it has written into /dev/attestation.
  let attestation = AttestationState()

  init(pid: Int32, parentPid: Int32, fileSystem: FileSystemContext, memory: AddressSpace) {
    self.pid = pid
    self.parentPid = parentPid
    self.fileSystem = fileSystem
    self.memory = memory
    session = pid
    group = pid
  }

  /// Adds a thread that is about to start. EAGAIN: the process is ending.
  func add(_ task: Task) throws(Errno) {
    lock.lock()
    signals.lock.lock()
    let ending = signals.groupExit != nil
    if !ending { tasks.append(task) }
    signals.lock.unlock()
    lock.unlock()
    if ending { throw .ERESTARTNOINTR }
  }

  /// Takes a thread out. True: it was the last.
  func remove(_ task: Task) -> Bool {
    lock.lock()
    endedTransfers.add(task.transfers)
    signals.lock.lock()
    tasks.removeAll { $0 === task }
    let last = tasks.isEmpty
    signals.lock.unlock()
    lock.unlock()
    return last
  }
}
