import EnclaveRuntime
import LinuxABI
import Synchronization

/// Resource limits of a process (getrlimit(2)); the defaults are those of a container.
struct ResourceLimits {
  private var limits: [Rlimit]

  init() {
    let unlimited = Rlimit(ResourceLimit.RLIM_INFINITY, ResourceLimit.RLIM_INFINITY)
    limits = [Rlimit](repeating: unlimited, count: ResourceLimit.count)
    limits[ResourceLimit.RLIMIT_STACK] = Rlimit(8 << 20, ResourceLimit.RLIM_INFINITY)
    limits[ResourceLimit.RLIMIT_CORE] = Rlimit(0, ResourceLimit.RLIM_INFINITY)
    limits[ResourceLimit.RLIMIT_NPROC] = Rlimit(1024, 1024)
    limits[ResourceLimit.RLIMIT_NOFILE] = Rlimit(1024, 1_048_576)
    limits[ResourceLimit.RLIMIT_MEMLOCK] = Rlimit(8 << 20, 8 << 20)
    limits[ResourceLimit.RLIMIT_SIGPENDING] = Rlimit(16384, 16384)
    limits[ResourceLimit.RLIMIT_MSGQUEUE] = Rlimit(819_200, 819_200)
    limits[ResourceLimit.RLIMIT_NICE] = Rlimit(0, 0)
    limits[ResourceLimit.RLIMIT_RTPRIO] = Rlimit(0, 0)
  }

  subscript(_ resource: Int) -> Rlimit {
    get { limits[resource] }
    set { limits[resource] = newValue }
  }
}

extension Process {
  /// prlimit(2). Returns the old limit; `new` replaces it.
  ///
  /// - Throws: EINVAL for a bad resource or a soft limit above the hard one, EPERM for raising the hard one.
  func exchangeLimit(_ resource: UInt32, _ new: Rlimit?) throws(Errno) -> Rlimit {
    guard resource < UInt32(ResourceLimit.count) else { throw .EINVAL }
    lock.lock()
    defer { lock.unlock() }
    let old = limits[Int(resource)]
    guard let new else { return old }
    guard new.current <= new.maximum else { throw .EINVAL }
    if new.maximum > old.maximum, !credentials.capabilities.has(CapabilitySets.CAP_SYS_RESOURCE) {
      throw .EPERM
    }
    // Linux sysctl fs.nr_open.
    if resource == UInt32(ResourceLimit.RLIMIT_NOFILE), new.maximum > 1_048_576 { throw .EPERM }
    limits[Int(resource)] = new
    switch Int(resource) {
    case ResourceLimit.RLIMIT_NOFILE: files.limit = Int(clamping: new.current)
    case ResourceLimit.RLIMIT_FSIZE:
      fileSizeLimit.store(new.current, ordering: .relaxed)
    case ResourceLimit.RLIMIT_STACK: memory.stackLimit = UInt(new.current)
    case ResourceLimit.RLIMIT_AS, ResourceLimit.RLIMIT_DATA, ResourceLimit.RLIMIT_MEMLOCK:
      let enforced = MemoryLimits(limits, credentials)
      memory.lock.withLock { memory.limits = enforced }
    default: break
    }
    return old
  }

  /// RLIMIT_NPROC counts for users other than root.
  func checkThreadLimit() throws(Errno) {
    let limit = limits[ResourceLimit.RLIMIT_NPROC].current
    if credentials.realUser != 0, UInt64(TaskTable.shared.taskCount) >= limit { throw .EAGAIN }
  }
}
