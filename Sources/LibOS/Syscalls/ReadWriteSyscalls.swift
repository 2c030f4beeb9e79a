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
    var n = 0
    defer { transfers.countRead(n) }
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
    var n = 0
    defer { transfers.countWrite(n) }
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

  /// preadv2(2): offset -1 means the position.
  func sys_preadv2(
    _ fd: Int32, _ vector: UInt, _ count: Int32, offset: Int, flags: UInt32
  ) throws(Errno) -> Int {
    if flags == 0 { return try readVector(fd, vector, count, offset: offset == -1 ? nil : offset) }
    if offset < -1 { throw .EINVAL }
    let file = try process.files.get(fd)
    if offset != -1 { try checkPositioned(file) }
    guard file.isReadable else { throw .EBADF }
    var buffer = try readIovec(vector, count)
    if buffer.remaining == 0 { return 0 }
    _ = try ReadWriteFlags(flags, of: file, ready: .readable, isWrite: false)
    return try read(file, &buffer, at: offset == -1 ? nil : UInt64(offset))
  }

  /// pwritev2(2): RWF_APPEND writes at the end, RWF_NOAPPEND at the offset whatever O_APPEND says.
  func sys_pwritev2(
    _ fd: Int32, _ vector: UInt, _ count: Int32, offset: Int, flags: UInt32
  ) throws(Errno) -> Int {
    if flags == 0 { return try writeVector(fd, vector, count, offset: offset == -1 ? nil : offset) }
    if offset < -1 { throw .EINVAL }
    let file = try process.files.get(fd)
    if offset != -1 { try checkPositioned(file) }
    guard file.isWritable else { throw .EBADF }
    var buffer = try readIovec(vector, count)
    if buffer.remaining == 0 { return 0 }
    let flags = try ReadWriteFlags(flags, of: file, ready: .writable, isWrite: true)
    guard let regular = file as? RegularFile,
      !flags.isDisjoint(with: [.RWF_APPEND, .RWF_NOAPPEND])
    else { return try write(file, &buffer, at: offset == -1 ? nil : UInt64(offset)) }
    let n = try regular.write(
      &buffer, at: offset == -1 ? nil : UInt64(offset), append: flags.contains(.RWF_APPEND))
    if n > 0 { Inotify.modified(file.dentry) }
    return n
  }

  func sys_lseek(_ fd: Int32, _ offset: Int, _ whence: Int32) throws(Errno) -> Int {
    let file = try process.files.get(fd)
    guard whence >= 0, whence <= 4 else { throw .EINVAL }
    file.positionLock.lock()
    defer { file.positionLock.unlock() }
    return try file.seek(offset, whence)
  }
}

/// `flags` of preadv2(2) and pwritev2(2) (linux/fs.h).
struct ReadWriteFlags: OptionSet {
  var rawValue: UInt32
  static var RWF_HIPRI: ReadWriteFlags { ReadWriteFlags(rawValue: 1) }
  static var RWF_DSYNC: ReadWriteFlags { ReadWriteFlags(rawValue: 2) }
  static var RWF_SYNC: ReadWriteFlags { ReadWriteFlags(rawValue: 4) }
  static var RWF_NOWAIT: ReadWriteFlags { ReadWriteFlags(rawValue: 8) }
  static var RWF_APPEND: ReadWriteFlags { ReadWriteFlags(rawValue: 16) }
  static var RWF_NOAPPEND: ReadWriteFlags { ReadWriteFlags(rawValue: 32) }
  /// RWF_ATOMIC and RWF_DONTCACHE are known to Linux, and to no file system here.
  static var known: ReadWriteFlags { ReadWriteFlags(rawValue: 63) }

  init(rawValue: UInt32) { self.rawValue = rawValue }

  /// kiocb_set_rw_flags: EOPNOTSUPP for what is unknown, and for RWF_NOWAIT of a file that cannot promise
  /// it (tmpfs); EAGAIN when a stream is not ready.
  init(
    _ word: UInt32, of file: File, ready: PollEvents, isWrite: Bool
  ) throws(Errno) {
    let flags = ReadWriteFlags(rawValue: word)
    guard flags.isSubset(of: .known) else { throw .EOPNOTSUPP }
    // What has no read_iter knows RWF_HIPRI alone, and ignores it (do_loop_readv_writev).
    if file.inode.isDirectory && !flags.isSubset(of: .RWF_HIPRI) { throw .EOPNOTSUPP }
    if flags.isSuperset(of: [.RWF_APPEND, .RWF_NOAPPEND]) { throw .EINVAL }
    if flags.contains(.RWF_NOWAIT) {
      if file is RegularFile { throw .EOPNOTSUPP }
      if file.canPoll, file.poll().isDisjoint(with: ready) { throw .EAGAIN }
    }
    self = flags
  }
}

extension RegularFile {
  /// RWF_APPEND and RWF_NOAPPEND of pwritev2(2).
  func write(
    _ buffer: inout IOBuffer, at offset: UInt64?, append: Bool
  ) throws(Errno) -> Int {
    positionLock.lock()
    defer { positionLock.unlock() }
    regular.writeLock.lock()
    defer { regular.writeLock.unlock() }
    let start = append ? regular.size : offset ?? self.offset
    let n = try write(&buffer, start)
    if offset == nil { self.offset = start + UInt64(n) }
    return n
  }
}
