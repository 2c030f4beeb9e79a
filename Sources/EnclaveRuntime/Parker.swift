import CEnclave
import Synchronization

#if !CLOISTER_ENCLAVE
  import Glibc
#endif

/// One thread's place to sleep. `unpark` before `park` is remembered (one token), so that nobody can
/// miss a wake-up between looking at a condition and sleeping. The host carries the sleeping only:
/// it may wake the thread for no reason, which every caller must expect.
@safe public final class Parker: @unchecked Sendable {
  /// 0 nothing, 1 token left, 2 sleeping.
  private let state = Atomic<UInt32>(0)
  /// The key slept on in the `ParkingLot`; guarded by the bucket's lock.
  var lotKey: UInt = 0
  public let threadIndex: Int

  /// Looks at `state` before the host is asked to put the thread to sleep; 0 on one processor. Written at boot.
  ///
  /// An exit and a host's wake-up of an idle processor take ten times as long as most answers of another thread.
  nonisolated(unsafe) public static var spinCount = 0
  /// The next `skipped` sleeps go to the host at once, because the last spins were in vain. Only this thread's.
  private var skipped = 0
  private var failures = 0

  #if !CLOISTER_ENCLAVE
    private let semaphore = HostedSemaphore()
  #endif

  public init(threadIndex: Int) { self.threadIndex = threadIndex }

  /// The calling thread's parker.
  public static var current: Parker {
    #if CLOISTER_ENCLAVE
      // SAFETY: the slot is set before the thread runs any code that can wait, and keeps a retain.
      return unsafe Unmanaged<Parker>.fromOpaque(
        UnsafeRawPointer(bitPattern: UInt(cl_block().pointee.parker))!
      ).takeUnretainedValue()
    #else
      let raw = unsafe UInt(cl_block().pointee.parker)
      if raw != 0 {
        // SAFETY: as above; hosted threads leak theirs on purpose.
        return unsafe Unmanaged<Parker>.fromOpaque(UnsafeRawPointer(bitPattern: raw)!)
          .takeUnretainedValue()
      }
      let made = Parker(threadIndex: 0)
      unsafe cl_block().pointee.parker = UInt64(
        UInt(bitPattern: Unmanaged.passRetained(made).toOpaque()))
      return made
    #endif
  }

  /// Sleeps until `unpark`, a kick, the absolute CLOCK_MONOTONIC time `deadlineNs`, or for no reason.
  public func park(deadlineNs: UInt64?) {
    if state.compareExchange(expected: 1, desired: 0, ordering: .acquiring).exchanged || spin() {
      return
    }
    guard state.compareExchange(expected: 0, desired: 2, ordering: .acquiringAndReleasing).exchanged
    else {
      _ = state.exchange(0, ordering: .sequentiallyConsistent)
      return
    }
    #if CLOISTER_ENCLAVE
      var timeout = UInt64.max
      if let deadlineNs {
        let now = Clock.monotonicNs()
        timeout = deadlineNs > now ? deadlineNs - now : 0
      }
      if timeout != 0 { Host.park(timeoutNs: timeout) }
    #else
      semaphore.wait(deadlineNs: deadlineNs)
    #endif
    // A full barrier: the caller looks at what it waits for only after this, or a token of now would be wiped out unseen.
    _ = state.exchange(0, ordering: .sequentiallyConsistent)
  }

  /// The calling thread's next `park` returns at once.
  func leaveToken() { state.store(1, ordering: .releasing) }

  /// Before the calling thread waits at the host by another call than `park`: whether it has been woken already. A waker
  /// that finds it asleep for a lock on its way there only leaves a token.
  public func takeToken() -> Bool {
    state.compareExchange(expected: 1, desired: 0, ordering: .sequentiallyConsistent).exchanged
  }

  /// Waits for the token for as long as a wake-up by the host may take, tens of microseconds. True: it came, and is taken.
  private func spin() -> Bool {
    let count = unsafe Self.spinCount
    if count == 0 { return false }
    if skipped > 0 {
      skipped -= 1
      return false
    }
    for _ in 0..<count {
      cl_pause()
      if state.load(ordering: .relaxed) == 1 {
        _ = state.exchange(0, ordering: .acquiring)
        failures = 0
        return true
      }
    }
    failures = min(failures + 1, 6)
    skipped = 1 << failures
    return false
  }

  /// The thread sleeps, or is about to; it will execute a full barrier before it goes on.
  public var isAsleep: Bool { state.load(ordering: .sequentiallyConsistent) == 2 }

  /// True: the thread was asleep.
  @discardableResult public func unpark() -> Bool {
    guard state.exchange(1, ordering: .acquiringAndReleasing) == 2 else { return false }
    #if CLOISTER_ENCLAVE
      Host.unpark(thread: threadIndex)
    #else
      semaphore.post()
    #endif
    return true
  }
}

public enum Parking {
  /// A moment in a spin loop.
  @inlinable public static func pause() { cl_pause() }

  /// Gives the processor away for a moment.
  public static func yield() {
    #if CLOISTER_ENCLAVE
      Host.park(timeoutNs: 1)
    #else
      sched_yield()
    #endif
  }
}

#if !CLOISTER_ENCLAVE
  /// A pthread mutex, condition and flag: what the host's park and unpark are in the tests.
  @safe final class HostedSemaphore: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var posted = false
    init() {
      unsafe pthread_mutex_init(mutex, nil)
      var attributes = unsafe pthread_condattr_t()
      unsafe pthread_condattr_init(&attributes)
      unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
      unsafe pthread_cond_init(condition, &attributes)
    }
    func wait(deadlineNs: UInt64?) {
      unsafe pthread_mutex_lock(mutex)
      while !posted {
        if let deadlineNs {
          var t = timespec(
            tv_sec: Int(deadlineNs / 1_000_000_000), tv_nsec: Int(deadlineNs % 1_000_000_000))
          if unsafe pthread_cond_timedwait(condition, mutex, &t) == ETIMEDOUT { break }
        } else {
          unsafe pthread_cond_wait(condition, mutex)
        }
      }
      posted = false
      unsafe pthread_mutex_unlock(mutex)
    }
    func post() {
      unsafe pthread_mutex_lock(mutex)
      posted = true
      unsafe pthread_cond_signal(condition)
      unsafe pthread_mutex_unlock(mutex)
    }
  }
#endif
