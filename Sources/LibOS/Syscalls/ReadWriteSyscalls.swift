import EnclaveRuntime
import LinuxABI

let readWriteSyscalls: [Syscall] = [
  Syscall(0, "read") { (t, a) throws(Errno) in try t.sys_read(a.int32(0), a.a1, a.a2) },
  Syscall(1, "write") { (t, a) throws(Errno) in try t.sys_write(a.int32(0), a.a1, a.a2) },
  Syscall(17, "pread64") { (t, a) throws(Errno) in
    try t.sys_pread64(a.int32(0), a.a1, a.a2, offset: a.int(3))
  },
  Syscall(18, "pwrite64") { (t, a) throws(Errno) in
    try t.sys_pwrite64(a.int32(0), a.a1, a.a2, offset: a.int(3))
  },
  Syscall(19, "readv") { (t, a) throws(Errno) in
    try t.readVector(a.int32(0), a.a1, a.int32(2), offset: nil)
  },
  Syscall(20, "writev") { (t, a) throws(Errno) in
    try t.writeVector(a.int32(0), a.a1, a.int32(2), offset: nil)
  },
  Syscall(295, "preadv") { (t, a) throws(Errno) in
    try t.readVector(a.int32(0), a.a1, a.int32(2), offset: a.int(3))
  },
  Syscall(296, "pwritev") { (t, a) throws(Errno) in
    try t.writeVector(a.int32(0), a.a1, a.int32(2), offset: a.int(3))
  },
  Syscall(327, "preadv2") { (t, a) throws(Errno) in
    try t.sys_preadv2(a.int32(0), a.a1, a.int32(2), offset: a.int(3), flags: a.uint32(5))
  },
  Syscall(328, "pwritev2") { (t, a) throws(Errno) in
    try t.sys_pwritev2(a.int32(0), a.a1, a.int32(2), offset: a.int(3), flags: a.uint32(5))
  },
  Syscall(8, "lseek") { (t, a) throws(Errno) in
    try t.sys_lseek(a.int32(0), a.int(1), a.int32(2))
  },
]

/// MAX_RW_COUNT: Linux moves at most this many bytes in one call (read(2), NOTES).
private let largestCount: UInt = 0x7FFF_F000

extension Task {
  /// Reads through a description, with its position locked if it has one.
  func read(_ file: File, _ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard file.isReadable else { throw .EBADF }
    let n: Int
    if offset != nil || !file.hasPosition {
      n = try file.read(&buffer, at: offset)
    } else {
      file.positionLock.lock()
      defer { file.positionLock.unlock() }
      n = try file.read(&buffer, at: nil)
    }
    if n > 0 { Inotify.accessed(file.dentry) }
    return n
  }

  func write(_ file: File, _ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard file.isWritable else { throw .EBADF }
    let n: Int
    if offset != nil || !file.hasPosition {
      n = try file.write(&buffer, at: offset)
    } else {
      file.positionLock.lock()
      defer { file.positionLock.unlock() }
      n = try file.write(&buffer, at: nil)
    }
    if n > 0 { Inotify.modified(file.dentry) }
    return n
  }

  func sys_read(_ fd: Int32, _ address: UInt, _ count: UInt) throws(Errno) -> Int {
    let file = try process.files.get(fd)
    guard file.isReadable else { throw .EBADF }
    var buffer = try userBuffer(address, count)
    return try read(file, &buffer, at: nil)
  }

  func sys_write(_ fd: Int32, _ address: UInt, _ count: UInt) throws(Errno) -> Int {
    let file = try process.files.get(fd)
    guard file.isWritable else { throw .EBADF }
    var buffer = try userBuffer(address, count)
    return try write(file, &buffer, at: nil)
  }

  func sys_pread64(
    _ fd: Int32, _ address: UInt, _ count: UInt, offset: Int
  ) throws(Errno) -> Int {
    guard offset >= 0 else { throw .EINVAL }
    let file = try process.files.get(fd)
    try checkPositioned(file)
    guard file.isReadable else { throw .EBADF }
    var buffer = try userBuffer(address, count)
    return try read(file, &buffer, at: UInt64(offset))
  }

  func sys_pwrite64(
    _ fd: Int32, _ address: UInt, _ count: UInt, offset: Int
  ) throws(Errno) -> Int {
    guard offset >= 0 else { throw .EINVAL }
    let file = try process.files.get(fd)
    try checkPositioned(file)
    guard file.isWritable else { throw .EBADF }
    var buffer = try userBuffer(address, count)
    return try write(file, &buffer, at: UInt64(offset))
  }

  /// FMODE_PREAD: pipes and sockets have no positions at all, which is looked at first.
  private func checkPositioned(_ file: File) throws(Errno) {
    let type = file.inode.type
    if type == FileMode.S_IFIFO || type == FileMode.S_IFSOCK { throw .ESPIPE }
  }

  /// access_ok, as Linux checks it before anything moves.
  private func userBuffer(_ address: UInt, _ count: UInt) throws(Errno) -> IOBuffer {
    if count > 0 {
      guard count <= UserMemory.end, address <= UserMemory.end - count else { throw .EFAULT }
    }
    return IOBuffer(user: address, count: Int(min(count, largestCount)))
  }

  /// `struct iovec[count]` (readv(2)): EINVAL for more than IOV_MAX or a negative length.
  func readIovec(_ address: UInt, _ count: Int32) throws(Errno) -> IOBuffer {
    guard count >= 0, count <= 1024 else { throw .EINVAL }
    if count == 0 { return IOBuffer(user: 0, count: 0) }
    let bytes = try UserMemory.readBytes(address, count: Int(count) * 16)
    var segments: [IOBuffer.Segment] = []
    segments.reserveCapacity(Int(count))
    var total: UInt = 0
    for i in 0..<Int(count) {
      let base = UInt(bytes.loadLittleEndian64(i * 16))
      let length = UInt(bytes.loadLittleEndian64(i * 16 + 8))
      guard Int(bitPattern: length) >= 0 else { throw .EINVAL }
      guard length <= UserMemory.end, base <= UserMemory.end - length else { throw .EFAULT }
      let n = min(length, largestCount - total)
      total += n
      if n > 0 { segments.append(IOBuffer.Segment(address: base, count: Int(n))) }
    }
    if segments.count == 1 {
      return IOBuffer(user: segments[0].address, count: segments[0].count)
    }
    return IOBuffer(user: segments)
  }

  func readVector(
    _ fd: Int32, _ vector: UInt, _ count: Int32, offset: Int?
  ) throws(Errno) -> Int {
    if let offset, offset < 0 { throw .EINVAL }
    let file = try process.files.get(fd)
    if offset != nil { try checkPositioned(file) }
    guard file.isReadable else { throw .EBADF }
    var buffer = try readIovec(vector, count)
    return try read(file, &buffer, at: offset.map { UInt64($0) })
  }

  func writeVector(
    _ fd: Int32, _ vector: UInt, _ count: Int32, offset: Int?
  ) throws(Errno) -> Int {
    if let offset, offset < 0 { throw .EINVAL }
    let file = try process.files.get(fd)
    if offset != nil { try checkPositioned(file) }
    guard file.isWritable else { throw .EBADF }
    var buffer = try readIovec(vector, count)
    return try write(file, &buffer, at: offset.map { UInt64($0) })
  }

  private static var RWF_HIPRI: UInt32 { 1 }
  private static var RWF_DSYNC: UInt32 { 2 }
  private static var RWF_SYNC: UInt32 { 4 }
  private static var RWF_NOWAIT: UInt32 { 8 }
  private static var RWF_APPEND: UInt32 { 16 }
  private static var RWF_NOAPPEND: UInt32 { 32 }

  /// preadv2(2): offset -1 means the position. RWF_NOWAIT: EAGAIN instead of sleeping.
  func sys_preadv2(
    _ fd: Int32, _ vector: UInt, _ count: Int32, offset: Int, flags: UInt32
  ) throws(Errno) -> Int {
    let known = Self.RWF_HIPRI | Self.RWF_DSYNC | Self.RWF_SYNC | Self.RWF_NOWAIT
    let file = try process.files.get(fd)
    guard flags & ~known == 0 else { throw .EOPNOTSUPP }
    if flags & Self.RWF_NOWAIT != 0, file.canPoll, file.poll().isDisjoint(with: .readable) {
      throw .EAGAIN
    }
    return try readVector(fd, vector, count, offset: offset == -1 ? nil : offset)
  }

  func sys_pwritev2(
    _ fd: Int32, _ vector: UInt, _ count: Int32, offset: Int, flags: UInt32
  ) throws(Errno) -> Int {
    let known =
      Self.RWF_HIPRI | Self.RWF_DSYNC | Self.RWF_SYNC | Self.RWF_NOWAIT | Self.RWF_APPEND
      | Self.RWF_NOAPPEND
    let file = try process.files.get(fd)
    guard flags & ~known == 0 else { throw .EOPNOTSUPP }
    if flags & Self.RWF_NOWAIT != 0, file.canPoll, file.poll().isDisjoint(with: .writable) {
      throw .EAGAIN
    }
    if flags & Self.RWF_APPEND != 0, let regular = file as? RegularFile {
      guard file.isWritable else { throw .EBADF }
      var buffer = try readIovec(vector, count)
      return try regular.append(&buffer, movePosition: offset == -1)
    }
    return try writeVector(fd, vector, count, offset: offset == -1 ? nil : offset)
  }

  func sys_lseek(_ fd: Int32, _ offset: Int, _ whence: Int32) throws(Errno) -> Int {
    let file = try process.files.get(fd)
    guard whence >= 0, whence <= 4 else { throw .EINVAL }
    file.positionLock.lock()
    defer { file.positionLock.unlock() }
    return try file.seek(offset, whence)
  }
}

extension RegularFile {
  /// RWF_APPEND of pwritev2(2).
  func append(_ buffer: inout IOBuffer, movePosition: Bool) throws(Errno) -> Int {
    if buffer.remaining == 0 { return 0 }
    positionLock.lock()
    defer { positionLock.unlock() }
    regular.writeLock.lock()
    defer { regular.writeLock.unlock() }
    let start = regular.size
    let n = try write(&buffer, start)
    if movePosition { offset = start + UInt64(n) }
    return n
  }
}
