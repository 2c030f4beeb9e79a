#if CLOISTER_ENCLAVE
  import CEnclave
  import EnclaveRuntime
  import LinuxABI
  import PayloadFormat

  /// The first Swift code in the enclave (Entry.S, the very first entry), on thread 0's kernel stack.
  @c(libos_boot) func libos_boot(_ buffer: UInt64, _ size: UInt64) {
    ThreadBlocks.adoptBuffer(buffer, size)
    Boot.run()
  }

  enum Boot {
    static func run() -> Never {
      Random.selfTest()
      let configuration = readConfiguration()
      EnclavePages.limit = configuration.memorySize
      ThreadBlocks.prepare(threadCount: Int(configuration.threadCount))
      cl_set_xfrm(readXFRM())
      unsafe KernelLog.isEnabled = configuration.flags.contains(.insecureKernelLog)
      Processor.load(xfrm: cl_get_xfrm())
      KernelLog.line("boot")
      Host.exit(status: 42)
    }

    /// The measured configuration. It was EADDed and measured: what is wrong with it is the builder's fault.
    static func readConfiguration() -> MeasuredConfiguration {
      // SAFETY: the region is measured, read-only memory of at least one page, and the length it states
      // is bounded by the region.
      let base = unsafe UnsafeRawPointer(bitPattern: UInt(EnclaveLayout.configurationBase))!
      let length = unsafe Int(base.load(fromByteOffset: 8, as: UInt32.self))
      guard length >= MeasuredConfiguration.headerSize,
        UInt64(length) <= EnclaveLayout.configurationMaximumSize
      else { panic("the measured configuration has a wrong length") }
      let bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: base, count: length))
      guard let configuration = MeasuredConfiguration(bytes) else {
        panic("the measured configuration cannot be read")
      }
      return configuration
    }

    /// XFRM as the processor has it for this enclave: from a report about ourselves (XGETBV is illegal).
    static func readXFRM() -> UInt64 {
      guard let pages = PageRun(pageCount: 1) else { panic("no memory for a report") }
      // SAFETY: offsets 0 (TARGETINFO, 512 aligned to 512), 1024 (REPORTDATA, 64 aligned to 128) and 2048
      // (REPORT, 432 aligned to 512) lie within one zeroed page.
      let base = unsafe UnsafeMutableRawPointer(bitPattern: pages.address)!
      _ = unsafe cl_ereport(base, base + 1024, base + 2048)
      return unsafe (base + 2048).load(fromByteOffset: 56, as: UInt64.self)
    }
  }
#endif
