#if CLOISTER_ENCLAVE
  import CEnclave
  import EnclaveRuntime
  import LinuxABI
  import PayloadFormat

  /// The first Swift code in the enclave (Entry.S, the very first entry), on thread 0's kernel stack.
  @c(libos_boot) func libos_boot(_ buffer: UInt64, _ size: UInt64) {
    ThreadBlocks.adoptFirstBuffer(buffer, size)
    Boot.run()
  }

  enum Boot {
    static func run() -> Never {
      Random.selfTest()
      choosePages()
      let measured = readConfiguration()
      guard var configuration = MeasuredConfiguration(measured) else {
        panic("the measured configuration cannot be read")
      }
      unsafe EnclavePages.limit = configuration.memorySize
      ThreadBlocks.prepare(threadCount: Int(configuration.threadCount))
      cl_set_xfrm(readXFRM())
      unsafe KernelLog.isEnabled = configuration.flags.contains(.insecureKernelLog)
      unsafe KernelLog.showsHints = configuration.flags.contains(.insecureDevelopmentRoot)
      unsafe Dispatch.isTracing = configuration.flags.contains(.insecureStrace)
      unsafe Attestation.isRemote = configuration.flags.contains(.remoteAttestation)
      if !configuration.hostName.isEmpty { unsafe SystemIdentity.hostName = configuration.hostName }
      Processor.load(xfrm: cl_get_xfrm())
      unsafe NetworkPolicy.allowsInternet = configuration.network == .host
      Dispatch.start(allowed: configuration.systemCalls)
      unsafe UserMemory.faultIn = { (address, write) in
        let access: Protection = write ? .PROT_WRITE : .PROT_READ
        if case .resolved = Task.current.process.memory.fault(address, access: access) {
          return true
        }
        return false
      }
      let task = firstTask(configuration)
      Namespace.start(configuration)
      unsafe JobRun.current = JobInstance.start(&configuration, measured: measured)
      // A job's run has mounted them already, with the job's keys.
      if unsafe JobRun.current == nil { Namespace.mountVolumes(configuration) }
      cl_self_test()
      start(task, configuration)
    }

    /// Init, the payload's process and its first thread, on slot 0.
    static func firstTask(_ configuration: MeasuredConfiguration) -> Task {
      ThreadSlots.shared.configure(
        count: ThreadBlocks.count, measured: Int(configuration.threadCount))
      TaskTable.shared.add(InitProcess.make())
      let pid = TaskTable.initialPid + 1
      unsafe TaskTable.payloadPid = pid
      let parker = Parker(threadIndex: 0)
      let process = Process(
        pid: pid, parentPid: TaskTable.initialPid, fileSystem: FileSystemContext(),
        memory: AddressSpace())
      process.credentials = Credentials(user: configuration.uid, group: configuration.gid)
      let task = Task(tid: pid, process: process, parker: parker, threadIndex: 0)
      ThreadSlots.shared.occupy(0, task)
      task.makeCurrent()
      process.memory.enter()
      do throws(Errno) {
        while try TaskTable.shared.allocateNumber() != pid {}
        try process.add(task)
      } catch { panic("the first process cannot be made") }
      TaskTable.shared.add(process)
      TaskTable.shared.add(task)
      return task
    }

    /// Opens the standard streams, loads the program and goes to user mode. What can go wrong here is the
    /// user's: one line and the exit status that podman-run(1) has for it.
    static func start(_ task: Task, _ configuration: MeasuredConfiguration) -> Never {
      let process = task.process
      var regs: cl_regs
      do throws(Errno) {
        for stream in 0..<3 as Range<UInt64> {
          let file: File
          if let job = unsafe JobRun.current {
            file = try job.stream(stream, task)
          } else {
            file = StreamFile(stream: stream)
          }
          try process.files.insert(file, closeOnExec: false)
        }
        let cwd = try task.resolve(configuration.workingDirectory, follow: true)
        guard cwd.inode.isDirectory else { throw .ENOTDIR }
        process.fileSystem.setCwd(cwd)
      } catch {
        fail("cannot enter the working directory ", configuration.workingDirectory, error)
      }
      do throws(Errno) {
        let (object, path) = try Namespace.openForExec(configuration.executable, task)
        var request = ExecRequest(
          object: object, path: configuration.executable, arguments: configuration.arguments,
          environment: configuration.environment)
        request.executablePath = path
        try request.prepare(task)
        let image = try PreparedImage(request) { (name) throws(Errno) in
          unsafe Exec.subject = name
          let object = try Namespace.openForExec(name, task).object
          unsafe Exec.subject = nil
          return object
        }
        process.executablePath = request.executablePath
        process.executable = request.object.dentry
        process.commandLine = request.arguments
        process.environment = request.environment
        process.credentials = request.credentials
        task.name = request.commandName
        regs = try image.load(into: process.memory, request, process.credentials)
      } catch {
        if let interpreter = unsafe Exec.subject {
          fail(
            "cannot run ",
            configuration.executable + KernelLog.bytes(": its interpreter ") + interpreter, error)
        }
        fail("cannot run ", configuration.executable, error)
      }
      let block = unsafe cl_block()
      unsafe block.pointee.fs_base = 0
      let place = unsafe cl_regs_at(block.pointee.kernel_stack_top)
      unsafe place.pointee = regs
      unsafe cl_enter_user(place)
    }

    static func fail(_ what: StaticString, _ name: [UInt8], _ error: Errno) -> Never {
      Host.log(
        KernelLog.bytes("cloister: ") + KernelLog.bytes(what) + name + KernelLog.bytes(": ")
          + ErrnoText.describe(error) + [0x0A])
      Host.exit(status: error == .ENOENT ? 127 : 126)
    }

    /// Before the first allocation: which kind of memory there is (the configuration's profile and size).
    static func choosePages() {
      // SAFETY: offsets 12 and 32 of the measured configuration's header, a measured page.
      let base = unsafe UnsafeRawPointer(bitPattern: UInt(EnclaveLayout.configurationBase))!
      let profile = unsafe base.load(fromByteOffset: 12, as: UInt32.self)
      let memory = unsafe base.load(fromByteOffset: 32, as: UInt64.self)
      if profile == MeasuredConfiguration.Profile.fixed.rawValue {
        EnclavePages.useFixedMemory(memory)
      }
    }

    /// The measured configuration. It was EADDed and measured: what is wrong with it is the builder's fault.
    static func readConfiguration() -> [UInt8] {
      // SAFETY: the region is measured, read-only memory of at least one page, and the length it states
      // is bounded by the region.
      let base = unsafe UnsafeRawPointer(bitPattern: UInt(EnclaveLayout.configurationBase))!
      let length = unsafe Int(base.load(fromByteOffset: 8, as: UInt32.self))
      guard length >= MeasuredConfiguration.headerSize,
        UInt64(length) <= EnclaveLayout.configurationMaximumSize
      else { panic("the measured configuration has a wrong length") }
      return unsafe [UInt8](UnsafeRawBufferPointer(start: base, count: length))
    }

    /// XFRM as the processor has it for this enclave: from a report about ourselves (XGETBV is illegal).
    static func readXFRM() -> UInt64 {
      guard let pages = PageRun(pageCount: 1) else { panic("no memory for a report") }
      // SAFETY: offsets 0 (TARGETINFO, 512 aligned to 512), 1024 (REPORTDATA, 64 aligned to 128) and 2048
      // (REPORT, 432 aligned to 512) lie within one zeroed page.
      let base = unsafe UnsafeMutableRawPointer(bitPattern: pages.address)!
      _ = unsafe cl_ereport(base, base + 1024, base + 2048)
      // ATTRIBUTES.DEBUG.
      unsafe Backtrace.isEnabled =
        (base + 2048).load(fromByteOffset: 48, as: UInt64.self) & 2 != 0
      return unsafe (base + 2048).load(fromByteOffset: 56, as: UInt64.self)
    }
  }
#endif
