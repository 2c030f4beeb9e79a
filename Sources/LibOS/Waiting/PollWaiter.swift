import EnclaveRuntime
import LinuxABI
import Synchronization

/// A thread that waits for any of several files (poll(2), select(2), epoll_wait(2)).
///
/// Objects inside the enclave wake it through their wait queues. If host streams are among the files it
/// sleeps in the host's poll instead of parking, and objects inside end that with a kick, which the
/// host remembers if it comes before the sleep.
final class PollWaiter: @unchecked Sendable {
  private let task: Task
  private let isInHostPoll = Atomic<Bool>(false)
  private var registrations: [(WaitQueue, PollRegistration)] = []

  init(_ task: Task) { self.task = task }

  /// Registers with a queue, before its object is looked at.
  func register(_ queue: WaitQueue) {
    let entry = PollRegistration(self)
    registrations.append((queue, entry))
    queue.add(entry)
  }

  /// Takes the thread out of every queue.
  func unregister() {
    for (queue, entry) in registrations { queue.remove(entry) }
    registrations = []
  }

  fileprivate func wake() {
    if !task.parker.unpark(), isInHostPoll.load(ordering: .sequentiallyConsistent) {
      #if CLOISTER_ENCLAVE
        Host.kick(thread: task.threadIndex)
      #endif
    }
  }

  /// Sleeps until something may have changed. `host`: host streams to watch, their revents are filled in.
  /// `check` looks at the objects inside once more; true: do not sleep.
  func sleep(
    _ host: inout [Host.PollEntry], deadlineNs: UInt64?, check: () -> Bool
  ) {
    if host.isEmpty {
      task.park(deadlineNs: deadlineNs)
      return
    }
    isInHostPoll.store(true, ordering: .sequentiallyConsistent)
    // A change from here on kicks; one before is seen by this look.
    if !check(), !task.hasInterruptingSignal {
      PollWaiter.askHost(&host, deadlineNs: deadlineNs)
    }
    isInHostPoll.store(false, ordering: .sequentiallyConsistent)
  }

  /// What the host says of its streams; waits until one is ready, the deadline, or a kick.
  static func askHost(_ host: inout [Host.PollEntry], deadlineNs: UInt64?) {
    if host.isEmpty { return }
    var timeout = UInt64.max
    if let deadlineNs {
      let now = deadlineNs == 0 ? 0 : Clock.monotonicNs()
      timeout = deadlineNs > now ? deadlineNs - now : 0
    }
    let task = timeout == 0 ? nil : Task.currentIfAny
    let memory = task?.beginHostWait()
    if let task, task.parker.takeToken() { timeout = 0 }
    do throws(Errno) {
      _ = try Host.poll(&host, timeoutNs: timeout)
    } catch {
      for i in host.indices { host[i].revents = 0 }
    }
    if let memory { task?.endHostWait(memory) }
  }
}

private final class PollRegistration: WaitEntry, @unchecked Sendable {
  private let waiter: PollWaiter
  init(_ waiter: PollWaiter) { self.waiter = waiter }
  override func wake(_ events: PollEvents) { waiter.wake() }
}
