import CEnclave
import EnclaveRuntime
import LinuxABI

#if !CLOISTER_ENCLAVE
  import Glibc

  /// Threads in plain-Swift tests: nothing runs in user mode there, so a new thread calls what the test installs.
  enum KernelThreads {
    nonisolated(unsafe) static var hostedStart: @Sendable (Task) -> Void = { _ in }

    static func start(slot: Int, task: Task, regs: cl_regs, fsBase: UInt64) throws(Errno) {
      let start = unsafe hostedStart
      start(task)
    }

    /// A thread of the kernel's own, without a program.
    static func startKernel(slot: Int, _ body: @escaping @Sendable () -> Void) throws(Errno) {
      let box = unsafe Unmanaged.passRetained(Body(body)).toOpaque()
      var thread = pthread_t()
      let failed = unsafe pthread_create(
        &thread, nil,
        { argument in
          // SAFETY: retained just above for this.
          unsafe Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
          return nil
        }, box)
      if failed != 0 { throw .EAGAIN }
      unsafe pthread_detach(thread)
    }

    static func exitCurrent() -> Never {
      unsafe pthread_exit(nil)
    }
  }

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
#endif
