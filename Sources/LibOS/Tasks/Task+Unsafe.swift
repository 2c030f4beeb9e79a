import CEnclave
import EnclaveRuntime
import LinuxABI
import PayloadFormat
import Synchronization

/// A thread of a program (Linux: task_struct). One host thread and one TCS carry it while it lives.
@safe final class Task: @unchecked Sendable {
  /// Changes only when a thread other than the first calls execve(2) and takes the process's number.
  var tid: Int32
  let process: Process
  let parker: Parker
  /// Index of the TCS and thread block that carry this task.
  let threadIndex: Int

  /// Per-thread signal state: mask, pending set, alternate stack. Guarded by `process.signals.lock`.
  var signals = TaskSignals()
  /// The user's registers on the kernel stack; set at each entry, used by the task itself only.
  nonisolated(unsafe) var registers: UnsafeMutablePointer<cl_regs>!
  /// How restart_syscall(2) goes on with an interrupted sleep. Used by the task itself only.
  var restart = RestartBlock.none

  /// `set_tid_address`, CLONE_CHILD_CLEARTID: user address zeroed and woken when the thread ends, or 0.
  var clearChildTid: UInt = 0
  /// `set_robust_list` head and its length.
  var robustList: UInt = 0
  var robustListSize: UInt = 0
  /// comm of prctl(PR_SET_NAME), at most 15 bytes.
  var name: [UInt8] = []
  /// prctl(2) and sched(7) attributes of the thread. Used by the task itself and queries.
  var scheduling = SchedulingAttributes()
  /// Waits on a futex with this, without an allocation.
  let futexWaiter: FutexWaiter
  /// The last membarrier(2) of its process that this thread has passed.
  let barrierPassed = Atomic<UInt64>(0)
  let cpuTime = CPUTime()
  /// System calls since one was timed (`CallTiming`); the thread's own.
  var untimedCalls: UInt8 = 0
  let transfers = TransferCount()
  /// Counts in its memory's `running`: it may touch user memory (Memory/Families/Residency.swift).
  let isInside = Atomic<Bool>(true)

  /// exit(2) was called, or the process is being killed: the thread ends on its way to user mode.
  var exitStatus: Int32?

  /// Address of the thread block, 0 until the thread runs (hosted) or always known (enclave).
  private let blockAddress = Atomic<UInt>(0)

  init(tid: Int32, process: Process, parker: Parker, threadIndex: Int) {
    self.tid = tid
    self.process = process
    self.parker = parker
    self.threadIndex = threadIndex
    futexWaiter = FutexWaiter(parker: parker)
  }

  /// The calling thread's task.
  static var current: Task {
    // SAFETY: as in `currentReference`.
    unsafe currentReference.takeUnretainedValue()
  }

  static var currentReference: Unmanaged<Task> {
    // SAFETY: set when the thread starts, and the process keeps the task alive until it has left.
    unsafe Unmanaged<Task>.fromOpaque(UnsafeRawPointer(bitPattern: UInt(cl_block().pointee.task))!)
  }

  /// The calling thread's task, or nil for a thread of the kernel itself.
  static var currentIfAny: Task? {
    // SAFETY: as in `current`.
    guard let p = unsafe UnsafeRawPointer(bitPattern: UInt(cl_block().pointee.task)) else {
      return nil
    }
    return unsafe Unmanaged<Task>.fromOpaque(p).takeUnretainedValue()
  }

  /// Makes this the calling thread's task. Its first way to user mode looks at its signals: something
  /// may have come before the block existed.
  func makeCurrent() {
    unsafe cl_block().pointee.task = UInt64(
      UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque()))
    unsafe cl_block().pointee.parker = UInt64(
      UInt(bitPattern: Unmanaged.passUnretained(parker).toOpaque()))
    blockAddress.store(unsafe UInt(bitPattern: cl_block()), ordering: .releasing)
    setWork()
  }

  #if CLOISTER_ENCLAVE
    /// Before the thread starts: its block is known already, so a signal sent now is seen at once.
    func adoptBlock(of slot: Int) {
      blockAddress.store(UInt(EnclaveLayout.threadBlock(slot)), ordering: .releasing)
    }
  #endif

  // MARK: The work flag

  /// `cl_block()->work` of this task's thread: non-zero sends it through `returnToUser` on its way out.
  private var work: UnsafePointer<Atomic<UInt64>>? {
    let address = blockAddress.load(ordering: .acquiring)
    if address == 0 { return nil }
    // SAFETY: a thread block is never freed (enclave) or outlives its task (hosted); `work` is an aligned
    // 64-bit word that everybody but the assembly, which only reads it, uses through this.
    return unsafe UnsafePointer<Atomic<UInt64>>(
      bitPattern: address + UInt(TB_WORK))
  }
  func setWork() { unsafe work?.pointee.store(1, ordering: .sequentiallyConsistent) }
  func clearWork() { unsafe work?.pointee.store(0, ordering: .sequentiallyConsistent) }
  var hasWork: Bool { unsafe work?.pointee.load(ordering: .acquiring) ?? 0 != 0 }

  /// Makes the thread look at its signals soon, wherever it is: asleep, computing or in a host call.
  /// The work flag is set first, so a kick that finds it in the kernel loses nothing.
  func notify() {
    setWork()
    if currentIs(self) { return }
    if !parker.unpark() {
      #if CLOISTER_ENCLAVE
        if blockAddress.load(ordering: .acquiring) != 0 { Host.kick(thread: threadIndex) }
      #endif
    }
  }

  private func currentIs(_ task: Task) -> Bool {
    unsafe UInt(cl_block().pointee.task)
      == UInt(bitPattern: Unmanaged.passUnretained(task).toOpaque())
  }
}
