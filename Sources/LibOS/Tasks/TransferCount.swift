import EnclaveRuntime
import LinuxABI
import Synchronization

/// What /proc/PID/io says (proc(5)): bytes that read(2) and its like moved, how often they were called, and
/// what had to be fetched from the host for them.
///
/// Only the thread itself counts, so that no locked instruction is needed; others read. Ended threads are
/// added up in their process.
struct TransferCount: ~Copyable {
  private let readBytes = Atomic<UInt64>(0)
  private let writtenBytes = Atomic<UInt64>(0)
  private let readCalls = Atomic<UInt64>(0)
  private let writeCalls = Atomic<UInt64>(0)
  private let fetchedBytes = Atomic<UInt64>(0)

  @inline(__always)
  private static func add(_ n: Int, _ word: borrowing Atomic<UInt64>) {
    word.store(word.load(ordering: .relaxed) &+ UInt64(n), ordering: .relaxed)
  }

  @inline(__always) borrowing func countRead(_ n: Int) {
    Self.add(1, readCalls)
    Self.add(n, readBytes)
  }
  @inline(__always) borrowing func countWrite(_ n: Int) {
    Self.add(1, writeCalls)
    Self.add(n, writtenBytes)
  }

  /// Bytes of a block object that the calling thread fetched from the host.
  static func fetched(_ n: Int) {
    guard let task = Task.currentIfAny else { return }
    add(n, task.transfers.fetchedBytes)
  }

  /// rchar, wchar, syscr, syscw, read_bytes
  var values: [UInt64] {
    [
      readBytes.load(ordering: .relaxed), writtenBytes.load(ordering: .relaxed),
      readCalls.load(ordering: .relaxed), writeCalls.load(ordering: .relaxed),
      fetchedBytes.load(ordering: .relaxed),
    ]
  }

  /// Adds a thread that ends. The process's lock is held.
  borrowing func add(_ other: borrowing TransferCount) {
    let n = other.values
    Self.add(Int(n[0]), readBytes)
    Self.add(Int(n[1]), writtenBytes)
    Self.add(Int(n[2]), readCalls)
    Self.add(Int(n[3]), writeCalls)
    Self.add(Int(n[4]), fetchedBytes)
  }
}

extension Process {
  /// The sums of all its threads, those that have ended included.
  var transferValues: [UInt64] {
    lock.lock()
    defer { lock.unlock() }
    var sum = endedTransfers.values
    for task in tasks {
      let n = task.transfers.values
      for i in sum.indices { sum[i] &+= n[i] }
    }
    return sum
  }
}
