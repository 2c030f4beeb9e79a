import EnclaveRuntime
import LinuxABI

/// getuid(2), setuid(2), capabilities(7).
///
/// Credentials belong to the process here, to the thread in Linux; the C library makes every thread
/// call set*id, so each of these calls gives the same answer when it is repeated.
let identitySyscalls: [Syscall] = [
  Syscall(102, "getuid") { (t, _) throws(Errno) in Int(t.process.credentials.realUser) },
  Syscall(104, "getgid") { (t, _) throws(Errno) in Int(t.process.credentials.realGroup) },
  Syscall(105, "setuid") { (t, a) throws(Errno) in
    try t.changeCredentials { (c) throws(Errno) in try c.setUser(a.uint32(0)) }
  },
  Syscall(106, "setgid") { (t, a) throws(Errno) in
    try t.changeCredentials { (c) throws(Errno) in try c.setGroup(a.uint32(0)) }
  },
  Syscall(107, "geteuid") { (t, _) throws(Errno) in Int(t.process.credentials.effectiveUser) },
  Syscall(108, "getegid") { (t, _) throws(Errno) in Int(t.process.credentials.effectiveGroup) },
  Syscall(113, "setreuid") { (t, a) throws(Errno) in
    try t.changeCredentials { (c) throws(Errno) in
      try c.setUsers(real: a.uint32(0), effective: a.uint32(1))
    }
  },
  Syscall(114, "setregid") { (t, a) throws(Errno) in
    try t.changeCredentials { (c) throws(Errno) in
      try c.setGroups(real: a.uint32(0), effective: a.uint32(1))
    }
  },
  Syscall(115, "getgroups") { (t, a) throws(Errno) in
    try t.sys_getgroups(count: a.int32(0), a[1])
  },
  Syscall(116, "setgroups") { (t, a) throws(Errno) in
    try t.sys_setgroups(count: a.int32(0), a[1])
  },
  Syscall(117, "setresuid") { (t, a) throws(Errno) in
    try t.changeCredentials { (c) throws(Errno) in
      try c.setUsers(real: a.uint32(0), effective: a.uint32(1), saved: a.uint32(2))
    }
  },
  Syscall(118, "getresuid") { (t, a) throws(Errno) in
    let c = t.process.credentials
    return try writeThree(a, c.realUser, c.effectiveUser, c.savedUser)
  },
  Syscall(119, "setresgid") { (t, a) throws(Errno) in
    try t.changeCredentials { (c) throws(Errno) in
      try c.setGroups(real: a.uint32(0), effective: a.uint32(1), saved: a.uint32(2))
    }
  },
  Syscall(120, "getresgid") { (t, a) throws(Errno) in
    let c = t.process.credentials
    return try writeThree(a, c.realGroup, c.effectiveGroup, c.savedGroup)
  },
  Syscall(122, "setfsuid") { (t, a) throws(Errno) in t.sys_setfsuid(a.uint32(0)) },
  Syscall(123, "setfsgid") { (t, a) throws(Errno) in t.sys_setfsgid(a.uint32(0)) },
  Syscall(125, "capget") { (t, a) throws(Errno) in try t.sys_capget(a[0], a[1]) },
  Syscall(126, "capset") { (t, a) throws(Errno) in try t.sys_capset(a[0], a[1]) },
]

private func writeThree(
  _ a: SyscallArguments, _ x: UInt32, _ y: UInt32, _ z: UInt32
) throws(Errno) -> Int {
  try UserMemory.write(x, to: a[0])
  try UserMemory.write(y, to: a[1])
  try UserMemory.write(z, to: a[2])
  return 0
}

extension Task {
  func changeCredentials(_ change: (inout Credentials) throws(Errno) -> Void) throws(Errno) -> Int {
    process.lock.lock()
    defer { process.lock.unlock() }
    var new = process.credentials
    try change(&new)
    process.credentials = new
    return 0
  }

  func sys_getgroups(count: Int32, _ address: UInt) throws(Errno) -> Int {
    let groups = process.credentials.groups
    guard count >= 0 else { throw .EINVAL }
    if count == 0 { return groups.count }
    guard groups.count <= Int(count) else { throw .EINVAL }
    for (i, group) in groups.enumerated() { try UserMemory.write(group, to: address + UInt(4 * i)) }
    return groups.count
  }

  func sys_setgroups(count: Int32, _ address: UInt) throws(Errno) -> Int {
    guard process.credentials.capabilities.has(CapabilitySets.CAP_SETGID) else { throw .EPERM }
    // NGROUPS_MAX
    guard count >= 0, count <= 65536 else { throw .EINVAL }
    var groups: [UInt32] = []
    for i in 0..<Int(count) {
      groups.append(try UserMemory.read(address &+ UInt(4 * i), as: UInt32.self))
    }
    groups.sort()
    return try changeCredentials { (c) throws(Errno) in c.groups = groups }
  }

  /// Returns the old one, whether it changed or not.
  func sys_setfsuid(_ id: UInt32) -> Int {
    process.lock.lock()
    defer { process.lock.unlock() }
    let c = process.credentials
    if id != .max,
      c.capabilities.has(CapabilitySets.CAP_SETUID) || id == c.realUser || id == c.effectiveUser
        || id == c.savedUser || id == c.fileSystemUser
    {
      process.credentials.fileSystemUser = id
    }
    return Int(c.fileSystemUser)
  }

  func sys_setfsgid(_ id: UInt32) -> Int {
    process.lock.lock()
    defer { process.lock.unlock() }
    let c = process.credentials
    if id != .max,
      c.capabilities.has(CapabilitySets.CAP_SETGID) || id == c.realGroup || id == c.effectiveGroup
        || id == c.savedGroup || id == c.fileSystemGroup
    {
      process.credentials.fileSystemGroup = id
    }
    return Int(c.fileSystemGroup)
  }

  // MARK: Capabilities

  /// `struct __user_cap_header_struct`: version and pid. How many 32-bit halves follow.
  private func readHeader(_ header: UInt) throws(Errno) -> (halves: Int, pid: Int32)? {
    let version = try UserMemory.read(header, as: UInt32.self)
    let pid = try UserMemory.read(header + 4, as: Int32.self)
    switch version {
    case 0x1998_0330: return (1, pid)
    case 0x2007_1026, 0x2008_0522: return (2, pid)
    default:
      // Tells the version that is spoken here.
      try UserMemory.write(UInt32(0x2008_0522), to: header)
      return nil
    }
  }

  /// `capget(cap_user_header_t hdrp, cap_user_data_t datap);`
  func sys_capget(_ header: UInt, _ data: UInt) throws(Errno) -> Int {
    guard let (halves, pid) = try readHeader(header) else {
      // A null data pointer asks for the version only.
      if data == 0 { return 0 }
      throw .EINVAL
    }
    guard pid >= 0 else { throw .EINVAL }
    guard let target = pid == 0 ? self : TaskTable.shared.task(pid) else { throw .ESRCH }
    if data == 0 { return 0 }
    let c = target.process.credentials.capabilities
    for i in 0..<halves {
      let shift = UInt64(32 * i)
      let at = data + UInt(12 * i)
      try UserMemory.write(UInt32(truncatingIfNeeded: c.effective >> shift), to: at)
      try UserMemory.write(UInt32(truncatingIfNeeded: c.permitted >> shift), to: at + 4)
      try UserMemory.write(UInt32(truncatingIfNeeded: c.inheritable >> shift), to: at + 8)
    }
    return 0
  }

  /// `capset(cap_user_header_t hdrp, const cap_user_data_t datap);`
  func sys_capset(_ header: UInt, _ data: UInt) throws(Errno) -> Int {
    guard let (halves, pid) = try readHeader(header) else { throw .EINVAL }
    guard pid == 0 || pid == tid else { throw .EPERM }
    var new = (effective: UInt64(0), permitted: UInt64(0), inheritable: UInt64(0))
    for i in 0..<halves {
      let shift = UInt64(32 * i)
      let at = data + UInt(12 * i)
      new.effective |= UInt64(try UserMemory.read(at, as: UInt32.self)) << shift
      new.permitted |= UInt64(try UserMemory.read(at + 4, as: UInt32.self)) << shift
      new.inheritable |= UInt64(try UserMemory.read(at + 8, as: UInt32.self)) << shift
    }
    return try changeCredentials { (c) throws(Errno) in
      let old = c.capabilities
      guard new.permitted & ~old.permitted == 0, new.effective & ~new.permitted == 0,
        new.inheritable & ~(old.inheritable | old.bounding) == 0
      else { throw .EPERM }
      c.capabilities.effective = new.effective
      c.capabilities.permitted = new.permitted
      c.capabilities.inheritable = new.inheritable
      c.capabilities.ambient &= new.permitted & new.inheritable
    }
  }
}
