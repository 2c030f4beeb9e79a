import CEnclave
import EnclaveRuntime
import LinuxABI

#if !CLOISTER_ENCLAVE
  import Glibc
#endif

private final class Body: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

#if CLOISTER_ENCLAVE
  /// Threads in the enclave: a task on a thread slot, carried by a host thread.
  enum KernelThreads {
    /// Starts a program's thread in user mode with these registers.
    ///
    /// - Throws: EAGAIN when the host or the enclave's memory has no room for one more.
    static func start(slot: Int, task: Task, regs: cl_regs, fsBase: UInt64) throws(Errno) {
      task.adoptBlock(of: slot)
      // SAFETY: `ThreadSlots` keeps the task, and so its parker, until the host thread is out.
      let started = unsafe ThreadBlocks.start(
        slot: slot, task: UInt64(UInt(bitPattern: Unmanaged.passUnretained(task).toOpaque())),
        parker: UInt64(UInt(bitPattern: Unmanaged.passUnretained(task.parker).toOpaque())),
        regs: regs, fsBase: fsBase)
      if !started { throw .EAGAIN }
    }

    /// A thread of the kernel's own, without a program. It runs `body`, which does not return.
    static func startKernel(slot: Int, _ body: @escaping @Sendable () -> Void) throws(Errno) {
      // SAFETY: the thread lives as long as the enclave, so both stay retained for ever.
      let parker = unsafe Unmanaged.passRetained(Parker(threadIndex: slot)).toOpaque()
      let box = unsafe Unmanaged.passRetained(Body(body)).toOpaque()
      let started = unsafe ThreadBlocks.start(
        slot: slot, task: 0, parker: UInt64(UInt(bitPattern: parker)), regs: cl_regs(), fsBase: 0,
        kernelArgument: UInt64(UInt(bitPattern: box)))
      if !started { throw .EAGAIN }
    }

    /// A slot that is used for the first time gets its TCS and its stacks. False: no memory.
    static func prepare(_ slot: Int) -> Bool { ThreadBlocks.makeReady(slot) }

    static func exitCurrent() -> Never { ThreadBlocks.exitCurrent() }

    /// The host thread is out of the slot for good.
    static func isGone(_ slot: Int) -> Bool { ThreadBlocks.isUnused(slot) }
  }

  @c(libos_kernel_thread) func libos_kernel_thread(_ argument: UInt64) {
    // SAFETY: `startKernel` passed it, retained.
    unsafe Unmanaged<Body>.fromOpaque(UnsafeRawPointer(bitPattern: UInt(argument))!)
      .takeUnretainedValue().run()
    KernelThreads.exitCurrent()
  }
#else
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

    static func prepare(_ slot: Int) -> Bool { true }

    static func exitCurrent() -> Never {
      unsafe pthread_exit(nil)
    }

    static func isGone(_ slot: Int) -> Bool { true }
  }
#endif
