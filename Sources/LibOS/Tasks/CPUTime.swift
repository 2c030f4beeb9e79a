import CEnclave
import EnclaveRuntime
import LinuxABI
import Synchronization

/// The CPU time of a thread, as far as an enclave can know it: the time since it began minus the time
/// it spent asleep in the kernel. Preemption by the host is invisible and counts as running; an
/// enclave cannot do better (no trustworthy scheduler information exists inside).
final class CPUTime: Sendable {
  private let startedNs: UInt64
  private let sleptNs = Atomic<UInt64>(0)
  private let sleepingSinceNs = Atomic<UInt64>(0)

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
}

/// What the ended threads and waited-for children of a process used. Sums only, no lock.
final class ProcessUsage: Sendable {
  private let endedNs = Atomic<UInt64>(0)
  private let childrenNs = Atomic<UInt64>(0)

  func add(_ thread: CPUTime) { endedNs.add(thread.runNs, ordering: .relaxed) }
  func addChild(_ child: ProcessUsage) {
    childrenNs.add(child.endedNs.load(ordering: .relaxed), ordering: .relaxed)
    childrenNs.add(child.childrenNs.load(ordering: .relaxed), ordering: .relaxed)
  }
  var endedThreadsNs: UInt64 { endedNs.load(ordering: .relaxed) }
  var waitedChildrenNs: UInt64 { childrenNs.load(ordering: .relaxed) }

  /// In clock ticks of 10 ms, for siginfo. System time is not told apart from user time.
  var userTicks: UInt64 { endedThreadsNs / 10_000_000 }
  var systemTicks: UInt64 { 0 }

  var total: Rusage {
    var usage = Rusage()
    usage.userTime = Timeval(ns: endedThreadsNs)
    return usage
  }
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
  var cpuTimeNs: UInt64 {
    var sum = usage.endedThreadsNs
    signals.lock.lock()
    for task in tasks { sum += task.cpuTime.runNs }
    signals.lock.unlock()
    return sum
  }
}
