#if CLOISTER_ENCLAVE
  import CEnclave
  import EnclaveRuntime
  import LinuxABI

  /// `--strace`: what the program asked for and what it got, one line a call on the developer's terminal.
  enum Strace {
    static func call(_ regs: UnsafeMutablePointer<cl_regs>, _ task: Task) {
      let number = unsafe Int(truncatingIfNeeded: regs.pointee.orig_rax)
      var line = KernelLog.bytes("[")
      line += KernelLog.decimal(Int(task.tid))
      line += KernelLog.bytes("] ")
      line += SyscallNames.name(number)
      line += KernelLog.bytes("(")
      let values = unsafe [
        regs.pointee.rdi, regs.pointee.rsi, regs.pointee.rdx, regs.pointee.r10, regs.pointee.r8,
        regs.pointee.r9,
      ]
      let strings = stringArguments(number)
      for i in 0..<6 {
        if i > 0 { line += KernelLog.bytes(", ") }
        if strings & (1 << i) != 0,
          let text = try? UserMemory.readCString(UInt(values[i]), limit: 200)
        {
          line += [0x22] + text + [0x22]
        } else {
          line += KernelLog.hex(UInt(values[i]))
        }
      }
      // exit and execve do not come back: say so before.
      if number == 60 || number == 231 || number == 59 || number == 15 {
        KernelLog.raw(line + KernelLog.bytes(") ...\n"))
        unsafe Dispatch.call(regs, task)
        return
      }
      unsafe Dispatch.call(regs, task)
      let result = unsafe Int(Int64(bitPattern: regs.pointee.rax))
      line += KernelLog.bytes(") = ")
      line += result > 0x10000 ? KernelLog.hex(UInt(bitPattern: result)) : KernelLog.decimal(result)
      KernelLog.raw(line + [0x0A])
    }

    /// Which arguments are strings, as a bit set.
    private static func stringArguments(_ number: Int) -> Int {
      switch number {
      case 2, 4, 6, 21, 59, 76, 80, 83, 84, 85, 87, 89, 90, 92, 94, 133, 137, 161, 191: 1
      case 82, 86, 88: 3
      case 257, 258, 259, 260, 262, 263, 267, 268, 269, 280, 332, 437, 439: 2
      case 264, 265, 316: 0b1010
      default: 0
      }
    }
  }
#endif
