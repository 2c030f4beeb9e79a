import CEnclave
import EnclaveRuntime
import Foundation
import LinuxABI

@testable import LibOS

/// A process whose threads are pthreads, making system calls with the test's own memory as user memory.
final class TaskHarness: @unchecked Sendable {
  let process: LibOS.Process
  let main: Task

  static let started: Bool = {
    unsafe UserMemory.faultIn = { _, _ in true }
    ThreadSlots.shared.configure(count: 64, measured: 64)
    return FilesHarness.started
  }()

  init() throws {
    _ = Self.started
    // Number 1 would end the test with its process.
    var pid = try TaskTable.shared.allocateNumber()
    if pid == TaskTable.initialPid { pid = try TaskTable.shared.allocateNumber() }
    process = LibOS.Process(
      pid: pid, parentPid: 0, fileSystem: FileSystemContext(), memory: AddressSpace())
    process.files = FileTable()
    // Whatever memory the test has is the program's.
    process.memory.vmas = [
      VMA(start: 4096, end: 1 << 47, protection: [.PROT_READ, .PROT_WRITE])
    ]
    main = Task(tid: pid, process: process, parker: Parker(threadIndex: 0), threadIndex: 0)
    try process.add(main)
    TaskTable.shared.add(process)
    TaskTable.shared.add(main)
    main.makeCurrent()
    main.clearWork()
  }

  /// Runs `body` as another thread of the process.
  func thread(_ body: @escaping @Sendable (Task) -> Void) -> HostedThread {
    let tid = try! TaskTable.shared.allocateNumber()
    let task = Task(tid: tid, process: process, parker: Parker(threadIndex: 0), threadIndex: 0)
    try! process.add(task)
    TaskTable.shared.add(task)
    return HostedThread(task) {
      task.makeCurrent()
      task.clearWork()
      body(task)
    }
  }
}

/// A pthread that can be joined.
final class HostedThread: @unchecked Sendable {
  let task: Task
  private let done = DispatchSemaphore(value: 0)
  init(_ task: Task, _ body: @escaping @Sendable () -> Void) {
    self.task = task
    let done = done
    let thread = Thread {
      body()
      done.signal()
    }
    thread.stackSize = 1 << 20
    thread.start()
  }
  func join() { done.wait() }
}

/// Words of "user" memory that stay where they are.
final class Words: @unchecked Sendable {
  let base: UnsafeMutablePointer<UInt32>
  let count: Int
  init(_ count: Int) {
    self.count = count
    base = .allocate(capacity: count)
    base.initialize(repeating: 0, count: count)
  }
  deinit { base.deallocate() }
  func address(_ i: Int) -> UInt { UInt(bitPattern: base + i) }
  subscript(_ i: Int) -> UInt32 {
    get { try! FutexWordAccess.load(address(i)) }
    set {
      while true {
        let old = self[i]
        if try! FutexWordAccess.exchange(address(i), expected: old, desired: newValue) == old {
          return
        }
      }
    }
  }
}

func errno(_ body: () throws(Errno) -> Int) -> Int {
  do throws(Errno) { return try body() } catch { return -Int(error.rawValue) }
}
