import EnclaveRuntime
import LinuxABI

/// mmap(2) and its family: thin handlers over `AddressSpace`.
let memorySyscalls: [Syscall] = [
  Syscall(9, "mmap") {
    (t, a) throws(Errno) in
    try t.sys_mmap(
      address: a[0], length: a[1], prot: a.uint32(2), flags: a.uint32(3), fd: a.int32(4),
      offset: a[5])
  },
  Syscall(10, "mprotect") { (t, a) throws(Errno) in
    try t.sys_mprotect(address: a[0], length: a[1], prot: a.uint32(2))
  },
  Syscall(11, "munmap") { (t, a) throws(Errno) in
    try t.process.memory.unmap(a[0], a[1])
    return 0
  },
  Syscall(12, "brk") { (t, a) throws(Errno) in Int(bitPattern: t.process.memory.setBreak(a[0])) },
  Syscall(25, "mremap") { (t, a) throws(Errno) in
    try t.sys_mremap(old: a[0], oldLength: a[1], newLength: a[2], flags: a.uint32(3), new: a[4])
  },
  Syscall(26, "msync") { (t, a) throws(Errno) in
    try t.sys_msync(address: a[0], length: a[1], flags: a.uint32(2))
  },
  Syscall(27, "mincore") { (t, a) throws(Errno) in
    try t.sys_mincore(address: a[0], length: a[1], vector: a[2])
  },
  Syscall(28, "madvise", .partial("advice that only concerns speed is accepted and ignored")) {
    (t, a) throws(Errno) in
    try t.sys_madvise(address: a[0], length: a[1], advice: a.int32(2))
  },
  Syscall(149, "mlock", .partial("enclave memory is never written to a swap device in the clear")) {
    (t, a) throws(Errno) in
    try t.process.memory.forEach(a[0] & ~4095, a[1] + (a[0] & 4095)) { (_, _) in }
    return 0
  },
  Syscall(150, "munlock") { (t, a) throws(Errno) in
    try t.process.memory.forEach(a[0] & ~4095, a[1] + (a[0] & 4095)) { (_, _) in }
    return 0
  },
  Syscall(151, "mlockall", .partial("as mlock")) { (t, a) throws(Errno) in
    guard a[0] != 0, a[0] & ~7 == 0 else { throw .EINVAL }
    return 0
  },
  Syscall(152, "munlockall") { (t, a) throws(Errno) in 0 },
  Syscall(325, "mlock2", .partial("as mlock")) { (t, a) throws(Errno) in
    guard a[2] & ~1 == 0 else { throw .EINVAL }
    try t.process.memory.forEach(a[0] & ~4095, a[1] + (a[0] & 4095)) { (_, _) in }
    return 0
  },
  Syscall(329, "pkey_mprotect", .partial("only the default key -1")) { (t, a) throws(Errno) in
    guard a.int32(3) == -1 else { throw .EINVAL }
    return try t.sys_mprotect(address: a[0], length: a[1], prot: a.uint32(2))
  },
  Syscall(330, "pkey_alloc", .refused("protection keys are not part of XFRM")) {
    (t, a) throws(Errno) in throw .ENOSPC
  },
  Syscall(331, "pkey_free", .refused("protection keys are not part of XFRM")) {
    (t, a) throws(Errno) in throw .EINVAL
  },
]

extension Task {
  /// `void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);`
  func sys_mmap(
    address: UInt, length: UInt, prot: UInt32, flags: UInt32, fd: Int32, offset: UInt
  ) throws(Errno) -> Int {
    let MAP_SHARED: UInt32 = 1
    let MAP_PRIVATE: UInt32 = 2
    let MAP_FIXED: UInt32 = 0x10
    let MAP_ANONYMOUS: UInt32 = 0x20
    let MAP_GROWSDOWN: UInt32 = 0x100
    let MAP_NORESERVE: UInt32 = 0x4000
    let MAP_POPULATE: UInt32 = 0x8000
    let MAP_FIXED_NOREPLACE: UInt32 = 0x10_0000
    let type = flags & 0xF
    guard type >= 1, type <= 3, offset & 4095 == 0 else { throw .EINVAL }
    guard length > 0 else { throw .EINVAL }
    guard length <= AddressSpace.highest else { throw .ENOMEM }
    if type == 3, flags & ~UInt32(0x1F_FFFF) != 0 { throw .EOPNOTSUPP }
    var request = MappingRequest(
      length: length, protection: Protection(rawValue: UInt8(prot & 7)))
    request.address = address
    request.isShared = type != MAP_PRIVATE
    request.isFixed = flags & MAP_FIXED != 0
    request.mustNotReplace = flags & MAP_FIXED_NOREPLACE != 0
    request.growsDown = flags & MAP_GROWSDOWN != 0
    request.isNotReserved = flags & MAP_NORESERVE != 0
    request.populate = flags & MAP_POPULATE != 0
    _ = MAP_SHARED
    if flags & MAP_ANONYMOUS == 0 {
      guard UInt64(offset) < 1 << 62, length <= 1 << 62 else { throw .EOVERFLOW }
      let write = request.protection.contains(.PROT_WRITE) && request.isShared
      request.object = try mappedObject(fd: fd, isShared: request.isShared, sharedWrite: write)
      request.offset = UInt64(offset)
      let file = try process.files.get(fd)
      request.isReadOnlyFile = request.isShared && !file.isWritable
    } else if request.isShared {
      request.object = SharedMemory()
    }
    return Int(bitPattern: try process.memory.map(request))
  }

  func sys_mprotect(address: UInt, length: UInt, prot: UInt32) throws(Errno) -> Int {
    guard prot & ~UInt32(0x0300_000F) == 0 else { throw .EINVAL }
    try process.memory.protect(address, length, Protection(rawValue: UInt8(prot & 7)))
    return 0
  }

  func sys_mremap(
    old: UInt, oldLength: UInt, newLength: UInt, flags: UInt32, new: UInt
  ) throws(Errno) -> Int {
    let MREMAP_MAYMOVE: UInt32 = 1
    let MREMAP_FIXED: UInt32 = 2
    let MREMAP_DONTUNMAP: UInt32 = 4
    guard flags & ~7 == 0, flags & 6 == 0 || flags & MREMAP_MAYMOVE != 0 else { throw .EINVAL }
    let keepOld = flags & MREMAP_DONTUNMAP != 0
    if keepOld, oldLength != newLength || oldLength == 0 { throw .EINVAL }
    return Int(
      bitPattern: try process.memory.remap(
        old, oldLength, newLength, mayMove: flags & MREMAP_MAYMOVE != 0,
        fixed: flags & MREMAP_FIXED != 0 ? new : nil, keepOld: keepOld))
  }

  func sys_msync(address: UInt, length: UInt, flags: UInt32) throws(Errno) -> Int {
    guard address & 4095 == 0, flags & ~7 == 0, flags & 5 != 5 else { throw .EINVAL }
    try process.memory.forEach(address, length) { (_, _) in }
    return 0
  }

  func sys_mincore(address: UInt, length: UInt, vector: UInt) throws(Errno) -> Int {
    guard address & 4095 == 0 else { throw .EINVAL }
    guard address <= AddressSpace.highest, length <= AddressSpace.highest - address else {
      throw .ENOMEM
    }
    try process.memory.forEach(address, length) { (_, _) in }
    var bytes: [UInt8] = []
    var at = address
    let end = address + ((length + 4095) & ~4095)
    var out = vector
    while at < end {
      bytes.append(process.memory.isResident(at) ? 1 : 0)
      at += 4096
      if bytes.count == 4096 || at >= end {
        try UserMemory.writeBytes(bytes, to: out)
        out += UInt(bytes.count)
        bytes.removeAll(keepingCapacity: true)
      }
    }
    return 0
  }

  func sys_madvise(address: UInt, length: UInt, advice: Int32) throws(Errno) -> Int {
    guard address & 4095 == 0 else { throw .EINVAL }
    if length == 0 { return 0 }
    switch advice {
    case 4:  // MADV_DONTNEED
      try process.memory.discard(address, length)
    case 8:  // MADV_FREE: the pages may keep their content
      try process.memory.forEach(address, length) { (_, _) in }
    case 9:  // MADV_REMOVE
      try process.memory.punch(address, length)
    case 10, 11, 18, 19:  // MADV_DONTFORK, DOFORK, WIPEONFORK, KEEPONFORK
      try process.memory.advise(address, length, onFork: advice)
    case 0, 1, 2, 3, 12, 13, 14, 15, 16, 17, 20, 21:
      // NORMAL ... WILLNEED, (UN)MERGEABLE, (NO)HUGEPAGE, (DO)DUMP, COLD, PAGEOUT
      try process.memory.forEach(address, length) { (_, _) in }
    case 22, 23:  // MADV_POPULATE_READ, MADV_POPULATE_WRITE
      let access: Protection = advice == 22 ? .PROT_READ : .PROT_WRITE
      switch process.memory.populate(address, address + ((length + 4095) & ~4095), access: access) {
      case .resolved: break
      case .notMapped: throw .ENOMEM
      case .notAllowed, .beyondFile: throw .EFAULT
      case .outOfMemory: throw .ENOMEM
      }
    default: throw .EINVAL
    }
    return 0
  }
}
