import CEnclave
import EnclaveRuntime
import LinuxABI

/// A thread of a program (Linux: task_struct). One host thread and one TCS carry it while it lives.
final class Task: @unchecked Sendable {
  let tid: Int32
  let process: Process
  let parker: Parker
  /// Index of the TCS and thread block that carry this task.
  let threadIndex: Int

  /// Per-thread signal state: mask, pending set, alternate stack. Guarded by `process.signals.lock`.
  var signals = TaskSignals()

  /// `set_tid_address`, CLONE_CHILD_CLEARTID: user address zeroed and woken when the thread ends, or 0.
  var clearChildTid: UInt = 0
  /// `set_robust_list` head and its length.
  var robustList: UInt = 0
  var robustListSize: UInt = 0
  /// comm of prctl(PR_SET_NAME), at most 15 bytes.
  var name: [UInt8] = []

  init(tid: Int32, process: Process, parker: Parker, threadIndex: Int) {
    self.tid = tid
    self.process = process
    self.parker = parker
    self.threadIndex = threadIndex
  }

  /// The calling thread's task.
  static var current: Task {
    // SAFETY: set when the thread starts, and the process keeps the task alive until it has left.
    unsafe Unmanaged<Task>.fromOpaque(UnsafeRawPointer(bitPattern: UInt(cl_block().pointee.task))!)
      .takeUnretainedValue()
  }

  /// Makes this the calling thread's task.
  func makeCurrent() {
    unsafe cl_block().pointee.task = UInt64(
      UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque()))
    unsafe cl_block().pointee.parker = UInt64(
      UInt(bitPattern: Unmanaged.passUnretained(parker).toOpaque()))
  }
}
