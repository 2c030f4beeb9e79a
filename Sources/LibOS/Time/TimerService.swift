import EnclaveRuntime
import LinuxABI

/// Something that is to happen at a time. Subclasses say what.
class KernelTimer: @unchecked Sendable {
  // Guarded by the service's lock.
  fileprivate final var deadlineNs: UInt64 = 0
  fileprivate final var heapIndex = -1

  init() {}
  /// The time has come. Called on the timer thread without locks. It may arm itself again.
  func fire() {}
}

/// All timers of the enclave (setitimer(2), timer_create(2), timerfd_create(2), alarm(2)).
///
/// They are served by one kernel thread, started with the first timer: threads of programs may all be
/// computing, so none of them can be relied on to serve a deadline. Sleeps and timeouts of calls are
/// not timers: their thread parks with its own deadline. The thread takes one thread slot and makes one host call
/// a deadline. The host may delay it; it cannot make it early, the clock is asked before anything fires.
///
/// `lock` guards the heap; a timer's own lock is taken before it.
final class TimerService: @unchecked Sendable {
  static let shared = TimerService()
  private let lock = Lock()
  /// A binary heap, earliest first.
  private var heap: [KernelTimer] = []
  private var parker: Parker?
  private var isStarted = false

  init() {}

  /// Fires `timer` at this CLOCK_MONOTONIC time; replaces an earlier arming.
  ///
  /// - Throws: EAGAIN when there is no thread slot for the service itself.
  func arm(_ timer: KernelTimer, at deadlineNs: UInt64) throws(Errno) {
    try start()
    lock.lock()
    if timer.heapIndex >= 0 { removeLocked(timer) }
    timer.deadlineNs = deadlineNs
    timer.heapIndex = heap.count
    heap.append(timer)
    siftUp(timer.heapIndex)
    let isFirst = timer.heapIndex == 0
    let parker = parker
    lock.unlock()
    if isFirst { parker?.unpark() }
  }

  func cancel(_ timer: KernelTimer) {
    lock.lock()
    if timer.heapIndex >= 0 { removeLocked(timer) }
    lock.unlock()
  }

  private func start() throws(Errno) {
    lock.lock()
    let mustStart = !isStarted
    isStarted = true
    lock.unlock()
    guard mustStart else { return }
    do throws(Errno) {
      guard let slot = ThreadSlots.shared.allocate() else { throw .EAGAIN }
      do throws(Errno) {
        try KernelThreads.startKernel(slot: slot) { TimerService.shared.run() }
      } catch {
        ThreadSlots.shared.giveBack(slot)
        throw error
      }
    } catch {
      lock.lock()
      isStarted = false
      lock.unlock()
      throw error
    }
  }

  private func run() {
    let own = Parker.current
    lock.lock()
    parker = own
    lock.unlock()
    while true {
      lock.lock()
      let now = Clock.monotonicNs()
      var due: KernelTimer?
      var next: UInt64?
      if let first = heap.first {
        if first.deadlineNs <= now {
          removeLocked(first)
          due = first
        } else {
          next = first.deadlineNs
        }
      }
      lock.unlock()
      if let due { due.fire() } else { own.park(deadlineNs: next) }
    }
  }

  // MARK: Heap

  private func swap(_ a: Int, _ b: Int) {
    heap.swapAt(a, b)
    heap[a].heapIndex = a
    heap[b].heapIndex = b
  }

  private func siftUp(_ start: Int) {
    var i = start
    while i > 0, heap[i].deadlineNs < heap[(i - 1) / 2].deadlineNs {
      swap(i, (i - 1) / 2)
      i = (i - 1) / 2
    }
  }

  private func siftDown(_ start: Int) {
    var i = start
    while true {
      var least = i
      for child in [2 * i + 1, 2 * i + 2] where child < heap.count {
        if heap[child].deadlineNs < heap[least].deadlineNs { least = child }
      }
      if least == i { return }
      swap(i, least)
      i = least
    }
  }

  private func removeLocked(_ timer: KernelTimer) {
    let i = timer.heapIndex
    let last = heap.count - 1
    if i != last { swap(i, last) }
    heap.removeLast()
    timer.heapIndex = -1
    if i < heap.count {
      siftDown(i)
      siftUp(i)
    }
  }
}
