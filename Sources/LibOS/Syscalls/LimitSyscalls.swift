import EnclaveRuntime
import LinuxABI

/// getrlimit(2), prlimit(2).
let limitSyscalls: [Syscall] = [
  Syscall(97, "getrlimit") { (t, a) throws(Errno) in
    if a[1] == 0 { throw .EFAULT }
    return try t.sys_prlimit64(pid: 0, a.uint32(0), new: 0, old: a[1])
  },
  Syscall(160, "setrlimit") { (t, a) throws(Errno) in
    if a[1] == 0 { throw .EFAULT }
    return try t.sys_prlimit64(pid: 0, a.uint32(0), new: a[1], old: 0)
  },
  Syscall(302, "prlimit64") { (t, a) throws(Errno) in
    try t.sys_prlimit64(pid: a.int32(0), a.uint32(1), new: a[2], old: a[3])
  },
]

extension Task {
  /// `prlimit(pid_t pid, int resource, const struct rlimit *new_limit, struct rlimit *old_limit);`
  func sys_prlimit64(pid: Int32, _ resource: UInt32, new: UInt, old: UInt) throws(Errno) -> Int {
    let limit = new == 0 ? nil : try UserMemory.read(new, as: Rlimit.self)
    guard let target = pid == 0 ? self : TaskTable.shared.task(pid) else { throw .ESRCH }
    if target.process !== process {
      let own = process.credentials
      let other = target.process.credentials
      guard
        own.capabilities.has(CapabilitySets.CAP_SYS_RESOURCE)
          || (own.realUser == other.realUser && own.realUser == other.effectiveUser
            && own.realUser == other.savedUser && own.realGroup == other.realGroup
            && own.realGroup == other.effectiveGroup && own.realGroup == other.savedGroup)
      else { throw .EPERM }
    }
    let previous = try target.process.exchangeLimit(resource, limit)
    if limit != nil, resource == UInt32(ResourceLimit.RLIMIT_CPU) {
      target.process.timers.followCPULimit(of: target.process)
    }
    if old != 0 { try UserMemory.write(previous, to: old) }
    return 0
  }
}
