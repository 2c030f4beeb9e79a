import EnclaveRuntime
import LinuxABI

private let lockNote: StaticString =
  "the pages are there and stay; where the host keeps them, encrypted, is its own affair"

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
  Syscall(149, "mlock", .partial(lockNote)) { (t, a) throws(Errno) in
    try t.process.memory.lockMemory(a[0], a[1], onFault: false)
    return 0
  },
  Syscall(150, "munlock") { (t, a) throws(Errno) in
    try t.process.memory.unlockMemory(a[0], a[1])
    return 0
  },
  Syscall(151, "mlockall", .partial(lockNote)) { (t, a) throws(Errno) in
    try t.process.memory.lockAll(a[0])
    return 0
  },
  Syscall(152, "munlockall") { (t, a) throws(Errno) in
    t.process.memory.unlockAll()
    return 0
  },
  Syscall(310, "process_vm_readv", .partial("the caller's own process; others: EPERM")) {
    (t, a) throws(Errno) in try t.transferOwnMemory(a, write: false)
  },
  Syscall(311, "process_vm_writev", .partial("the caller's own process; others: EPERM")) {
    (t, a) throws(Errno) in try t.transferOwnMemory(a, write: true)
  },
  Syscall(325, "mlock2", .partial(lockNote)) { (t, a) throws(Errno) in
    guard a.uint32(2) & ~1 == 0 else { throw .EINVAL }
    try t.process.memory.lockMemory(a[0], a[1], onFault: a[2] & 1 != 0)
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
    guard offset & 4095 == 0 else { throw .EINVAL }
    let flags = MapFlags(rawValue: flags)
    let type = flags.rawValue & MapFlags.typeMask
    // The order of do_mmap() in Linux: descriptor, length, address, and only then what the flags may be.
    let file = flags.contains(.MAP_ANONYMOUS) ? nil : try process.files.get(fd)
    if flags.contains(.MAP_HUGETLB) {
      // As on a machine that has set no huge pages aside.
      throw file == nil ? .ENOMEM : .EINVAL
    }
    guard length > 0 else { throw .EINVAL }
    guard length <= AddressSpace.highest else { throw .ENOMEM }
    var request = MappingRequest(
      length: length, protection: Protection(rawValue: UInt8(prot & 7)))
    request.address = address
    request.isFixed = flags.contains(.MAP_FIXED)
    request.mustNotReplace = flags.contains(.MAP_FIXED_NOREPLACE)
    request.growsDown = flags.contains(.MAP_GROWSDOWN)
    request.isNotReserved = flags.contains(.MAP_NORESERVE)
    request.populate = flags.contains(.MAP_POPULATE) && !flags.contains(.MAP_NONBLOCK)
    try process.memory.checkPlace(request)
    if flags.contains(.MAP_LOCKED) {
      guard process.memory.limits.locked > 0 else { throw .EPERM }
      request.isLocked = true
    }
    if let file {
      guard UInt64(offset) < 1 << 62, length <= 1 << 62 else { throw .EOVERFLOW }
      switch type {
      case MapFlags.MAP_SHARED: request.isShared = true
      case MapFlags.MAP_SHARED_VALIDATE:
        guard flags.isSubset(of: .known) else { throw .EOPNOTSUPP }
        request.isShared = true
      case MapFlags.MAP_PRIVATE: break
      default: throw .EINVAL
      }
      let write = request.protection.contains(.PROT_WRITE) && request.isShared
      try checkAccess(file, sharedWrite: write)
      // (A file that cannot be mapped is ENODEV first.)
      if request.growsDown { _ = try isMappable(file) }
      guard !request.growsDown else { throw .EINVAL }
      request.object = try mappedObject(
        file, isShared: request.isShared, sharedWrite: write, length: length)
      request.offset = UInt64(offset)
      request.isReadOnlyFile = request.isShared && (!file.isWritable || isSealed(file))
    } else {
      switch type {
      case MapFlags.MAP_SHARED:
        guard !request.growsDown else { throw .EINVAL }
        request.isShared = true
        request.object = SharedMemory(length: length)
      case MapFlags.MAP_PRIVATE: break
      default: throw .EINVAL
      }
    }
    return Int(bitPattern: try process.memory.map(request))
  }

  func sys_mprotect(address: UInt, length: UInt, prot: UInt32) throws(Errno) -> Int {
    let PROT_SEM: UInt32 = 8
    let PROT_GROWSDOWN: UInt32 = 0x0100_0000
    let PROT_GROWSUP: UInt32 = 0x0200_0000
    let grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP)
    guard grows != PROT_GROWSDOWN | PROT_GROWSUP, address & 4095 == 0 else { throw .EINVAL }
    if length == 0 { return 0 }
    guard address <= AddressSpace.highest, length <= AddressSpace.highest - address else {
      throw .ENOMEM
    }
    guard prot & ~(7 | PROT_SEM | grows) == 0 else { throw .EINVAL }
    var start = address
    if grows != 0 { start = try process.memory.startOfGrowing(address, length, grows) }
    try process.memory.protect(
      start, length + (address - start), Protection(rawValue: UInt8(prot & 7)))
    return 0
  }

  func sys_mremap(
    old: UInt, oldLength: UInt, newLength: UInt, flags: UInt32, new: UInt
  ) throws(Errno) -> Int {
    let MREMAP_MAYMOVE: UInt32 = 1
    let MREMAP_FIXED: UInt32 = 2
    let MREMAP_DONTUNMAP: UInt32 = 4
    guard flags & ~7 == 0, flags & 6 == 0 || flags & MREMAP_MAYMOVE != 0 else { throw .EINVAL }
    guard oldLength <= UInt.max - 4095, newLength <= UInt.max - 4095 else { throw .EINVAL }
    let keepOld = flags & MREMAP_DONTUNMAP != 0
    if keepOld, (oldLength + 4095) & ~4095 != (newLength + 4095) & ~4095 || oldLength == 0 {
      throw .EINVAL
    }
    return Int(
      bitPattern: try process.memory.remap(
        old, oldLength, newLength, mayMove: flags & MREMAP_MAYMOVE != 0,
        fixed: flags & MREMAP_FIXED != 0 ? new : nil, keepOld: keepOld))
  }

  func sys_msync(address: UInt, length: UInt, flags: UInt32) throws(Errno) -> Int {
    guard address & 4095 == 0, flags & ~7 == 0, flags & 5 != 5 else { throw .EINVAL }
    guard AddressSpace.endOfRange(address, length) != nil else { throw .ENOMEM }
    let MS_INVALIDATE: UInt32 = 2
    let MS_SYNC: UInt32 = 4
    // Without the map's lock, and what is mapped also when there is a hole: ENOMEM is said afterwards.
    var written: [FileSystem] = []
    var failure: Errno?
    do throws(Errno) {
      try process.memory.forEachMapping(address, length) { (vma, _, _) throws(Errno) in
        if vma.isLocked, flags & MS_INVALIDATE != 0 { throw .EBUSY }
        guard flags & MS_SYNC != 0, vma.isShared else { return }
        guard let place = vma.object?.persistentFileSystem else { return }
        if !written.contains(where: { $0 === place }) { written.append(place) }
      }
    } catch { failure = error }
    for place in written { try place.commit() }
    if let failure { throw failure }
    return 0
  }

  func sys_mincore(address: UInt, length: UInt, vector: UInt) throws(Errno) -> Int {
    guard address & 4095 == 0 else { throw .EINVAL }
    guard address <= AddressSpace.highest, length <= AddressSpace.highest - address else {
      throw .ENOMEM
    }
    let end = address + ((length + 4095) & ~4095)
    if vector > AddressSpace.highest { throw .EFAULT }
    try process.memory.forEach(address, length) { (_, _) in }
    var bytes: [UInt8] = []
    var at = address
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
    guard let advice = MemoryAdvice(rawValue: advice), address & 4095 == 0,
      let end = AddressSpace.endOfRange(address, length)
    else { throw .EINVAL }
    if length == 0 { return 0 }
    let memory = process.memory
    switch advice {
    case .MADV_DONTNEED, .MADV_DONTNEED_LOCKED:
      try memory.discard(address, length, evenLocked: advice == .MADV_DONTNEED_LOCKED)
    case .MADV_COLD, .MADV_PAGEOUT:
      try memory.forEachMapping(address, length) { (vma, _, _) throws(Errno) in
        if vma.isLocked { throw .EINVAL }
      }
    case .MADV_FREE:
      // The pages may keep their content.
      try memory.forEachMapping(address, length) { (vma, _, _) throws(Errno) in
        if vma.object != nil { throw .EINVAL }
      }
    case .MADV_REMOVE:
      try memory.punch(address, length)
    case .MADV_DONTFORK, .MADV_DOFORK, .MADV_WIPEONFORK, .MADV_KEEPONFORK:
      try memory.advise(address, length, onFork: advice)
    case .MADV_POPULATE_READ, .MADV_POPULATE_WRITE:
      let access: Protection = advice == .MADV_POPULATE_READ ? .PROT_READ : .PROT_WRITE
      guard end <= AddressSpace.highest else { throw .ENOMEM }
      let stop = memory.firstRefusing(access, address, end)
      switch memory.populate(address, stop, access: access, isStrict: true) {
      case .resolved: if stop < end { throw .EINVAL }
      case .notMapped, .outOfMemory: throw .ENOMEM
      case .notAllowed: throw .EINVAL
      case .beyondFile: throw .EFAULT
      }
    default:
      try memory.forEach(address, length) { (_, _) in }
    }
    return 0
  }
}
