import CEnclave
import EnclaveRuntime
import LinuxABI
import Synchronization

/// The CPU time of a thread, as far as an enclave can know it: the time since it began minus the time
/// it spent asleep in the kernel. Preemption by the host is invisible and counts as running; an
/// enclave cannot do better (no trustworthy scheduler information exists inside).
///
/// A part of it is the kernel's: exceptions (page faults) and calls that may take long are timed, of the others one in
/// sixteen, which stands for all (Linux samples as well, by its tick); the shortest calls count for the program.
final class CPUTime: Sendable {
  private let startedNs: UInt64
  private let sleptNs = Atomic<UInt64>(0)
  private let sleepingSinceNs = Atomic<UInt64>(0)
  private let kernelNs = Atomic<UInt64>(0)

  init() { startedNs = Clock.monotonicNs() }

  func beginSleep(_ nowNs: UInt64) { sleepingSinceNs.store(nowNs, ordering: .relaxed) }
  func endSleep(_ nowNs: UInt64) {
    let since = sleepingSinceNs.exchange(0, ordering: .relaxed)
    if since != 0, nowNs > since { sleptNs.add(nowNs - since, ordering: .relaxed) }
  }

  var runNs: UInt64 {
    let since = sleepingSinceNs.load(ordering: .relaxed)
    let now = since != 0 ? since : Clock.monotonicNs()
    let total = now > startedNs ? now - startedNs : 0
    let slept = sleptNs.load(ordering: .relaxed)
    return total > slept ? total - slept : 0
  }

  /// Of `runNs`, what the kernel took.
  var systemNs: UInt64 { min(kernelNs.load(ordering: .relaxed), runNs) }

  /// When the kernel began, and what the thread had slept by then. For `leaveKernel`.
  struct Entry {
    let nowNs: UInt64
    let sleptNs: UInt64
  }
  func enterKernel() -> Entry {
    Entry(nowNs: Clock.monotonicNs(), sleptNs: sleptNs.load(ordering: .relaxed))
  }
  /// `weight`: how many calls this one stands for; then a long one counts as `sampleLimitNs`.
  func leaveKernel(_ entry: Entry, weight: UInt64 = 1) {
    let now = Clock.monotonicNs()
    let slept = sleptNs.load(ordering: .relaxed) - entry.sleptNs
    guard now > entry.nowNs, now - entry.nowNs > slept else { return }
    var took = now - entry.nowNs - slept
    if weight > 1 { took = min(took, Self.sampleLimitNs) * weight }
    kernelNs.add(took, ordering: .relaxed)
  }
  private static let sampleLimitNs: UInt64 = 20_000
}

/// CPU time told apart, in nanoseconds.
struct SplitTime: Sendable {
  var userNs: UInt64 = 0
  var systemNs: UInt64 = 0

  init() {}
  init(runNs: UInt64, systemNs: UInt64) {
    self.systemNs = min(systemNs, runNs)
    userNs = runNs - self.systemNs
  }

  static func += (a: inout SplitTime, b: SplitTime) {
    a.userNs += b.userNs
    a.systemNs += b.systemNs
  }

  var totalNs: UInt64 { userNs + systemNs }
  /// In clock ticks of 10 ms, for siginfo, times(2) and /proc.
  var userTicks: UInt64 { userNs / 10_000_000 }
  var systemTicks: UInt64 { systemNs / 10_000_000 }

  var rusage: Rusage {
    var usage = Rusage()
    usage.userTime = Timeval(ns: userNs)
    usage.systemTime = Timeval(ns: systemNs)
    return usage
  }
}

extension CPUTime {
  var split: SplitTime { SplitTime(runNs: runNs, systemNs: systemNs) }
}

/// What the ended threads and waited-for children of a process used. Sums only, no lock.
final class ProcessUsage: Sendable {
  private let endedNs = Atomic<UInt64>(0)
  private let endedSystemNs = Atomic<UInt64>(0)
  private let childrenNs = Atomic<UInt64>(0)
  private let childrenSystemNs = Atomic<UInt64>(0)

  func add(_ thread: CPUTime) {
    let split = thread.split
    endedNs.add(split.totalNs, ordering: .relaxed)
    endedSystemNs.add(split.systemNs, ordering: .relaxed)
  }
  func addChild(_ child: ProcessUsage) {
    for part in [child.endedThreads, child.waitedChildren] {
      childrenNs.add(part.totalNs, ordering: .relaxed)
      childrenSystemNs.add(part.systemNs, ordering: .relaxed)
    }
  }
  var endedThreads: SplitTime {
    SplitTime(
      runNs: endedNs.load(ordering: .relaxed), systemNs: endedSystemNs.load(ordering: .relaxed))
  }
  var waitedChildren: SplitTime {
    SplitTime(
      runNs: childrenNs.load(ordering: .relaxed),
      systemNs: childrenSystemNs.load(ordering: .relaxed))
  }
  var userTicks: UInt64 { endedThreads.userTicks }
  var systemTicks: UInt64 { endedThreads.systemTicks }
  var total: Rusage { endedThreads.rusage }
}

extension Task {
  /// Sleeps as `Parker.park` does, without the time counting as CPU time. Other members of the process's family may run
  /// meanwhile, and the caller may have to wait for its turn afterwards: no lock is held.
  func park(deadlineNs: UInt64?) {
    let memory = beginHostWait()
    parker.park(deadlineNs: deadlineNs)
    endHostWait(memory)
  }

  /// Before a host call that may wait, as `park` does. A caller that kicks are to end looks at `Parker.takeToken` afterwards.
  /// The result is for `endHostWait`.
  func beginHostWait() -> AddressSpace {
    let memory = process.memory
    stepOut(of: memory)
    cpuTime.beginSleep(Clock.monotonicNs())
    return memory
  }

  func endHostWait(_ memory: AddressSpace) {
    stepInto(memory)
    cpuTime.endSleep(Clock.monotonicNs())
  }
}

extension Process {
  /// CLOCK_PROCESS_CPUTIME_ID.
  var cpuTimeNs: UInt64 { cpuTime.totalNs }

  /// What all its threads used, living and ended.
  var cpuTime: SplitTime {
    var sum = usage.endedThreads
    signals.lock.lock()
    for task in tasks { sum += task.cpuTime.split }
    signals.lock.unlock()
    return sum
  }
}
