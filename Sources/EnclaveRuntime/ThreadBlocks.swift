#if CLOISTER_ENCLAVE
  import CEnclave
  import HostInterface
  import PayloadFormat

  /// Threads of the enclave: one thread area (TCS, SSA frames, thread block) and one kernel stack a slot.
  @safe public enum ThreadBlocks {
    public static func block(_ slot: Int) -> UnsafeMutablePointer<cl_thread_block> {
      // SAFETY: slots that were handed out have a thread block page: the measured ones, and what `makeReady` made.
      unsafe UnsafeMutablePointer(bitPattern: UInt(EnclaveLayout.threadBlock(slot)))!
    }

    /// What a slot has; each step is done once. Changed by the thread that owns the slot's start.
    private enum Step: UInt8 {
      case nothing, area, exceptionStack, kernelStack, ready
    }
    nonisolated(unsafe) private static var steps = [Step]()

    /// How many slots there can be.
    public static var count: Int { unsafe steps.count }

    /// The fields that never change while the enclave lives.
    static func prepareBlock(_ slot: Int) -> Bool {
      let b = unsafe block(slot)
      unsafe b.pointee.syscall_entry = cl_syscall_entry_address()
      unsafe b.pointee.cpuid_entry = cl_cpuid_entry_address()
      unsafe b.pointee.xgetbv_entry = cl_xgetbv_entry_address()
      unsafe b.pointee.time_record = UInt64(UInt(bitPattern: cl_time_record()))
      unsafe b.pointee.ssa_base = EnclaveLayout.threadArea(slot) + EnclaveLayout.ssaOffset
      let stack = EnclaveLayout.kernelStack(slot)
      unsafe b.pointee.exception_stack_top =
        stack + EnclaveLayout.exceptionStackOffset + EnclaveLayout.exceptionStackSize
      unsafe b.pointee.kernel_stack_top =
        stack + EnclaveLayout.kernelStackOffset + EnclaveLayout.kernelStackSize
      if unsafe b.pointee.xsave_area == 0 {
        guard let area = unsafe KernelHeap.allocatePages(1) else { return false }
        unsafe b.pointee.xsave_area = UInt64(UInt(bitPattern: area))
      }
      return true
    }

    /// Called once, by the boot thread: `threadCount` slots were measured.
    public static func prepare(threadCount: Int) {
      let count = unsafe EnclavePages.isFixed ? threadCount : EnclaveLayout.largestThreadCount
      unsafe steps = [Step](repeating: .nothing, count: max(count, threadCount))
      for slot in 0..<threadCount { unsafe steps[slot] = .area }
      unsafe steps[0] = .ready
      guard prepareBlock(0) else { panic("no memory for the first thread") }
    }

    /// Thread area, stacks, and the block's fixed fields, before anybody else hears of the slot. False: no memory; what is
    /// there stays for the next time.
    public static func makeReady(_ slot: Int) -> Bool {
      if unsafe steps[slot] == .nothing {
        guard ThreadAreas.make(slot) else { return false }
        unsafe steps[slot] = .area
      }
      let stack = EnclaveLayout.kernelStack(slot)
      if unsafe steps[slot] == .area {
        guard
          EnclavePages.commit(
            UInt(stack + EnclaveLayout.exceptionStackOffset), Int(EnclaveLayout.exceptionStackSize))
        else { return false }
        unsafe steps[slot] = .exceptionStack
      }
      if unsafe steps[slot] == .exceptionStack {
        guard
          EnclavePages.commit(
            UInt(stack + EnclaveLayout.kernelStackOffset), Int(EnclaveLayout.kernelStackSize))
        else { return false }
        unsafe steps[slot] = .kernelStack
      }
      if unsafe steps[slot] == .kernelStack {
        guard prepareBlock(slot) else { return false }
        unsafe steps[slot] = .ready
      }
      return true
    }

    /// Makes slot `slot` run in user mode with `regs`, FS base `fsBase` and the given task and parker
    /// (unretained). False: no memory or the host has no thread.
    ///
    /// With `kernelArgument` other than 0 the thread calls `libos_kernel_thread(kernelArgument)` instead.
    @unsafe public static func start(
      slot: Int, task: UInt64, parker: UInt64, regs: cl_regs, fsBase: UInt64,
      kernelArgument: UInt64 = 0
    ) -> Bool {
      guard makeReady(slot) else { return false }
      let b = unsafe block(slot)
      unsafe b.pointee.task = task
      unsafe b.pointee.parker = parker
      unsafe b.pointee.fs_base = fsBase
      unsafe b.pointee.work = 1
      unsafe b.pointee.start_argument = kernelArgument
      unsafe cl_regs_at(b.pointee.kernel_stack_top).pointee = regs
      // The state is the last thing: from here on the host may enter.
      unsafe cl_store_state(b, UInt64(TS_STARTABLE))
      do { try Host.threadStart(thread: slot) } catch {
        unsafe cl_store_state(b, UInt64(TS_UNUSED))
        return false
      }
      return true
    }

    /// A slot is free for `start` once its thread has left the enclave for good.
    public static func isUnused(_ slot: Int) -> Bool {
      unsafe cl_load_state(block(slot)) == UInt64(TS_UNUSED)
    }

    /// Ends the calling thread; its slot becomes free with the last instruction inside.
    public static func exitCurrent() -> Never {
      HostTransport.write(.threadExit)
      cl_thread_exit()
    }

    /// Checks what the host passed at a thread's first entry and makes it the thread's buffer.
    public static func adoptBuffer(_ address: UInt64, _ size: UInt64) {
      guard HostBuffer.isAcceptable(address: address, size: size) else {
        cl_set_dead()
        cl_leave_dead(5)
      }
      unsafe cl_block().pointee.host_buffer = address
      unsafe cl_block().pointee.host_buffer_size = size
    }

    /// The same at the very first entry, where the buffer also says what processor this is (`Handover`).
    public static func adoptFirstBuffer(_ address: UInt64, _ size: UInt64) {
      adoptBuffer(address, size)
      HostTransport.takeHandover()
    }
  }

  /// First Swift code of a thread other than the first (Entry.S, start_thread).
  @c(libos_thread_start) public func libos_thread_start(_ buffer: UInt64, _ size: UInt64) {
    ThreadBlocks.adoptBuffer(buffer, size)
  }
#endif
