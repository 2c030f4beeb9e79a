#if CLOISTER_ENCLAVE
  import CEnclave
  import EnclaveRuntime
  import LinuxABI

  /// From the assembly (User.S) into the kernel: system calls, exceptions, and work on the way out.
  enum Dispatch {
    static let tableSize = 463
    /// A closure of its own in generic memory is stored re-abstracted: a thunk that copies the arguments
    /// and a context to retain for every call. In a structure it is not.
    struct Row {
      let handler: Syscall.Handler
      let timing: CallTiming
    }
    /// Handlers by number; written once at boot.
    nonisolated(unsafe) static var rows: UnsafeMutablePointer<Row>! = nil
    nonisolated(unsafe) static var isTracing = false

    /// - Parameter allowed: bit N of byte N / 8: the program may make system call N; nil: all.
    static func start(allowed: [UInt8]? = nil) {
      let table = UnsafeMutablePointer<Row>.allocate(capacity: tableSize)
      unsafe table.initialize(
        repeating: Row(handler: unsupported, timing: .never), count: tableSize)
      for family in SyscallTable.families {
        for call in family where call.number < tableSize {
          if let allowed,
            call.number >= allowed.count * 8
              || allowed[call.number / 8] >> UInt8(call.number % 8) & 1 == 0
          {
            continue
          }
          unsafe table[call.number] = Row(
            handler: call.handler, timing: CallTiming.of(call.number))
        }
      }
      unsafe rows = table
    }

    static let unsupported: Syscall.Handler = { (t, a) throws(Errno) in
      unsafe UnsupportedCalls.note(Int(truncatingIfNeeded: t.registers.pointee.orig_rax))
      throw .ENOSYS
    }

    @inline(__always)
    static func call(_ regs: UnsafeMutablePointer<cl_regs>, _ task: Task) {
      let number = unsafe Int(truncatingIfNeeded: Int32(truncatingIfNeeded: regs.pointee.orig_rax))
      // One register at a time: a wider load of what the entry has just stored in two pieces waits until both
      // stores have reached the cache.
      let arguments = unsafe SyscallArguments(
        a0: UInt(cl_load64(&regs.pointee.rdi)), a1: UInt(cl_load64(&regs.pointee.rsi)),
        a2: UInt(cl_load64(&regs.pointee.rdx)), a3: UInt(cl_load64(&regs.pointee.r10)),
        a4: UInt(cl_load64(&regs.pointee.r8)), a5: UInt(cl_load64(&regs.pointee.r9)))
      do throws(Errno) {
        guard number >= 0, number < tableSize else { throw .ENOSYS }
        let result: Int
        if unsafe rows[number].timing == .never {
          result = unsafe try rows[number].handler(task, arguments)
        } else {
          result = unsafe try rows[number].timing.call(
            rows[number].handler, task, arguments)
        }
        unsafe regs.pointee.rax = UInt64(bitPattern: Int64(result))
      } catch {
        unsafe regs.pointee.rax = UInt64(bitPattern: -Int64(error.rawValue))
      }
    }
  }

  @c(libos_syscall) func libos_syscall(_ regs: UnsafeMutablePointer<cl_regs>) {
    // Without a reference of its own, which would be two locked instructions a call.
    let goesOn = unsafe Task.currentReference._withUnsafeGuaranteedRef { (task) -> Bool in
      unsafe task.registers = regs
      if unsafe Dispatch.isTracing {
        unsafe Strace.call(regs, task)
      } else {
        unsafe Dispatch.call(regs, task)
      }
      // -ERESTARTSYS ... -ERESTART_RESTARTBLOCK are resolved by the signal code, never shown.
      if unsafe regs.pointee.rax &+ 516 <= 4 { return unsafe task.returnToUser(regs) }
      return true
    }
    if !goesOn { KernelThreads.exitCurrent() }
  }

  @c(libos_return_work) func libos_return_work(_ regs: UnsafeMutablePointer<cl_regs>) {
    // Without a reference of its own: a thread that ends here never comes back to give it up.
    let goesOn = unsafe Task.currentReference._withUnsafeGuaranteedRef { (task) -> Bool in
      unsafe task.registers = regs
      return unsafe task.returnToUser(regs)
    }
    if !goesOn { KernelThreads.exitCurrent() }
  }

  @c(libos_cpuid) func libos_cpuid(_ regs: UnsafeMutablePointer<cl_regs>) {
    unsafe Emulation.cpuid(regs)
  }

  @c(libos_xgetbv) func libos_xgetbv(_ regs: UnsafeMutablePointer<cl_regs>) {
    if unsafe !Emulation.xgetbv(regs) {
      unsafe Task.current.handleException(vector: 13, errorCode: 0, address: 0, regs)
    }
  }

  /// CPUID and XGETBV, which an enclave cannot execute (SDM Vol. 3D, 34.6.3).
  enum Emulation {
    static func cpuid(_ regs: UnsafeMutablePointer<cl_regs>) {
      let a = Processor.answer(
        leaf: unsafe UInt32(truncatingIfNeeded: regs.pointee.rax),
        subleaf: unsafe UInt32(truncatingIfNeeded: regs.pointee.rcx))
      unsafe regs.pointee.rax = UInt64(a.eax)
      unsafe regs.pointee.rbx = UInt64(a.ebx)
      unsafe regs.pointee.rcx = UInt64(a.ecx)
      unsafe regs.pointee.rdx = UInt64(a.edx)
    }
    static func xgetbv(_ regs: UnsafeMutablePointer<cl_regs>) -> Bool {
      guard let value = Processor.xgetbv(unsafe UInt32(truncatingIfNeeded: regs.pointee.rcx)) else {
        return false
      }
      unsafe regs.pointee.rax = value & 0xFFFF_FFFF
      unsafe regs.pointee.rdx = value >> 32
      return true
    }
  }

  /// An asynchronous exit that hit user code (the exception handler has moved it here).
  @c(libos_trap) func libos_trap(_ regs: UnsafeMutablePointer<cl_regs>) {
    let task = Task.current
    unsafe task.registers = regs
    let info = unsafe regs.pointee.exit_info
    // Not an exception: the host interrupted the thread. The way out looks at the work flag.
    guard info >> 31 & 1 == 1 else { return }
    let vector = UInt8(truncatingIfNeeded: info)
    let address = unsafe UInt(regs.pointee.fault_address)
    let error = unsafe regs.pointee.fault_error
    switch vector {
    case 14:
      let access: Protection =
        error & 0x10 != 0 ? .PROT_EXEC : error & 2 != 0 ? .PROT_WRITE : .PROT_READ
      let entry = task.cpuTime.enterKernel()
      let result = task.process.memory.fault(address, access: access)
      task.cpuTime.leaveKernel(entry)
      switch result {
      case .resolved: return
      case .notMapped:
        unsafe task.handleException(
          vector: 14, errorCode: error, address: address, segvCode: SignalInfo.SEGV_MAPERR, regs)
      case .notAllowed:
        unsafe task.handleException(
          vector: 14, errorCode: error, address: address, segvCode: SignalInfo.SEGV_ACCERR, regs)
      case .beyondFile:
        unsafe task.handleException(
          vector: 14, errorCode: error, address: address, segvCode: -2, regs)
      case .outOfMemory:
        OutOfMemory.tell()
        task.process.kill(.SIGKILL)
      }
    case 6:
      let rip = unsafe UInt(regs.pointee.rip)
      var bytes: [UInt8] = []
      do throws(Errno) { bytes = try UserMemory.readBytes(rip, count: 2) } catch {}
      if bytes.count == 2, bytes[0] == 0x0F {
        if bytes[1] == 0x05 {
          unsafe regs.pointee.rcx = UInt64(rip + 2)
          unsafe regs.pointee.r11 = regs.pointee.rflags
          unsafe regs.pointee.rip = UInt64(rip + 2)
          unsafe regs.pointee.orig_rax = regs.pointee.rax
          unsafe libos_syscall(regs)
          return
        }
        if bytes[1] == 0xA2 {
          unsafe Emulation.cpuid(regs)
          unsafe regs.pointee.rip = UInt64(rip + 2)
          return
        }
        if bytes[1] == 0x01, (try? UserMemory.read(rip + 2, as: UInt8.self)) == 0xD0,
          unsafe Emulation.xgetbv(regs)
        {
          unsafe regs.pointee.rip = UInt64(rip + 3)
          return
        }
      }
      unsafe task.handleException(vector: 6, errorCode: 0, address: rip, regs)
    default:
      unsafe task.handleException(vector: vector, errorCode: error, address: address, regs)
    }
  }
#endif
