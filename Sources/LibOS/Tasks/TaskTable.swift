import EnclaveRuntime
import LinuxABI
import Synchronization

/// All processes and threads of the enclave, by number. First in the lock order.
final class TaskTable: @unchecked Sendable {
  static let shared = TaskTable()
  /// /proc/sys/kernel/pid_max of a 64-bit machine.
  static let largestNumber: Int32 = 4_194_304
  /// The init of the enclave, parent of orphans (`InitProcess`).
  static let initialPid: Int32 = 1
  /// The payload's own program: its end is the end of the enclave. Written once at boot.
  nonisolated(unsafe) static var payloadPid: Int32 = 0

  let lock = Lock()
  /// Guarded by `lock`, as are all processes' `children`, `group`, `session` and `zombieStatus`.
  private var processes: [Int32: Process] = [:]
  private var tasks: [Int32: Task] = [:]
  private var lastNumber: Int32 = 0
  private var processTotal: UInt64 = 0

  init() {}

  /// A number that nobody has: not a thread, not a process, not a group or session that lives on.
  /// The first one is `initialPid`.
  func allocateNumber() throws(Errno) -> Int32 {
    lock.lock()
    defer { lock.unlock() }
    for _ in 0..<Self.largestNumber {
      // Linux starts again at 300 (RESERVED_PIDS).
      lastNumber = lastNumber + 1 >= Self.largestNumber ? 300 : lastNumber + 1
      if tasks[lastNumber] == nil, processes[lastNumber] == nil, !isGroup(lastNumber) {
        return lastNumber
      }
    }
    throw .EAGAIN
  }

  private func isGroup(_ number: Int32) -> Bool {
    for process in processes.values where process.group == number || process.session == number {
      return true
    }
    return false
  }

  func add(_ process: Process) {
    lock.lock()
    processes[process.pid] = process
    processTotal += 1
    processes[process.parentPid]?.children.append(process)
    lock.unlock()
  }

  func add(_ task: Task) {
    lock.lock()
    tasks[task.tid] = task
    lock.unlock()
  }

  /// A thread takes the number of its process (execve(2)).
  func renumber(_ task: Task, to tid: Int32) {
    lock.lock()
    if tasks[task.tid] === task { tasks[task.tid] = nil }
    task.tid = tid
    tasks[tid] = task
    lock.unlock()
  }

  func remove(_ task: Task) {
    lock.lock()
    tasks[task.tid] = nil
    lock.unlock()
  }

  func process(_ pid: Int32) -> Process? {
    lock.lock()
    defer { lock.unlock() }
    return processes[pid]
  }

  func task(_ tid: Int32) -> Task? {
    lock.lock()
    defer { lock.unlock() }
    return tasks[tid]
  }

  /// Everybody, for kill(-1), /proc and sysinfo(2).
  func allProcesses() -> [Process] {
    lock.lock()
    defer { lock.unlock() }
    var all: [Process] = []
    all.reserveCapacity(processes.count)
    for process in processes.values { all.append(process) }
    return all
  }

  func processes(inGroup group: Int32) -> [Process] {
    allProcesses().filter { $0.group == group }
  }

  func allTasks() -> [Task] {
    lock.lock()
    defer { lock.unlock() }
    return [Task](tasks.values)
  }

  /// Threads that run or want to.
  var runningCount: Int {
    allTasks().count { $0.isInside.load(ordering: .relaxed) }
  }

  /// Processes ever made.
  var processCount: UInt64 { lock.withLock { processTotal } }

  /// The number given last, for /proc/loadavg.
  var newestNumber: Int32 { lock.withLock { lastNumber } }

  var taskCount: Int {
    lock.lock()
    defer { lock.unlock() }
    return tasks.count
  }

  /// Forgets a zombie that its parent has waited for. Lock held.
  func reapLocked(_ process: Process) {
    processes[process.pid] = nil
    processes[process.parentPid]?.children.removeAll { $0 === process }
  }

  /// Takes out a process that never ran.
  func withdraw(_ process: Process) {
    lock.lock()
    reapLocked(process)
    lock.unlock()
  }

  func processLocked(_ pid: Int32) -> Process? { processes[pid] }
}
