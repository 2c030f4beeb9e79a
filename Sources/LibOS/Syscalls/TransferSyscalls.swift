import EnclaveRuntime
import LinuxABI

let transferSyscalls: [Syscall] = [
  Syscall(40, "sendfile") { (t, a) throws(Errno) in
    try t.sys_sendfile(a.int32(0), a.int32(1), offset: a.a2, count: a.a3)
  },
  Syscall(326, "copy_file_range") { (t, a) throws(Errno) in
    try t.sys_copy_file_range(a.int32(0), a.a1, a.int32(2), a.a3, a.a4, flags: a.uint32(5))
  },
  Syscall(275, "splice") { (t, a) throws(Errno) in
    try t.sys_splice(a.int32(0), a.a1, a.int32(2), a.a3, a.a4, flags: a.uint32(5))
  },
  Syscall(276, "tee") { (t, a) throws(Errno) in
    try t.sys_tee(a.int32(0), a.int32(1), a.a2, flags: a.uint32(3))
  },
  Syscall(278, "vmsplice") { (t, a) throws(Errno) in
    try t.sys_vmsplice(a.int32(0), a.a1, a.a2, flags: a.uint32(3))
  },
  Syscall(319, "memfd_create") { (t, a) throws(Errno) in
    try t.sys_memfd_create(a.a0, flags: a.uint32(1))
  },
]

extension Task {
  private static var largestTransfer: UInt { 0x7FFF_F000 }
  private static var SPLICE_F_NONBLOCK: UInt32 { 2 }

  /// Moves bytes from one file to another through a run of kernel memory.
  ///
  /// What was read but could not be written is put back where it can be: the positions say how far it got.
  private func transfer(
    _ input: File, _ from: UInt64?, _ output: File, _ to: UInt64?, _ count: UInt, once: Bool = false
  ) throws(Errno) -> Int {
    let pieceSize = Int(min(count, 64 << 10))
    if pieceSize == 0 { return 0 }
    guard let run = PageRun(pageCount: (pieceSize + 4095) >> 12) else { throw .ENOMEM }
    var done = 0
    var position = from
    var target = to
    while done < Int(count) {
      var buffer = run.buffer(0, count: min(pieceSize, Int(count) - done))
      let n: Int
      do throws(Errno) { n = try read(input, &buffer, at: position) } catch {
        if done > 0 { break }
        throw error
      }
      if n == 0 { break }
      var rest = run.buffer(0, count: n)
      let written: Int
      do throws(Errno) { written = try write(output, &rest, at: target) } catch {
        if position == nil { input.stepBack(run.bytes(0, count: n)) }
        if done > 0 { break }
        throw error
      }
      if position == nil && written < n {
        input.stepBack(run.bytes(written, count: n - written))
      }
      done += written
      position = position.map { $0 + UInt64(written) }
      target = target.map { $0 + UInt64(written) }
      // Short of the end, a file goes on: it may be growing, by this very transfer (splice_direct_to_actor).
      if written < n || once { break }
    }
    return done
  }

  private func readOffset(_ address: UInt) throws(Errno) -> UInt64? {
    guard let value = try readRawOffset(address) else { return nil }
    guard value >= 0 else { throw .EINVAL }
    return UInt64(value)
  }

  private func readRawOffset(_ address: UInt) throws(Errno) -> Int64? {
    address == 0 ? nil : try UserMemory.read(address, as: Int64.self)
  }

  /// sendfile(2): the input must have pages (a regular file or a device like /dev/zero).
  func sys_sendfile(
    _ output: Int32, _ input: Int32, offset: UInt, count: UInt
  ) throws(Errno) -> Int {
    let asked = try readRawOffset(offset)
    let from = try process.files.get(input)
    guard from.isReadable else { throw .EBADF }
    if let asked, asked < 0 { throw .EINVAL }
    let start = asked.map { UInt64($0) }
    let to = try process.files.get(output)
    guard to.isWritable else { throw .EBADF }
    // Into a pipe nothing is checked when nothing is asked for (splice_file_to_pipe).
    if count == 0, to is PipeEnd { return 0 }
    // Seekable input only, so that nothing read is lost (splice_direct_to_actor).
    guard from.hasPosition || from is DeviceFile || from.inode.isDirectory else {
      throw start != nil && from.inode.type == FileMode.S_IFIFO ? .ESPIPE : .EINVAL
    }
    if to.statusFlags.contains(.O_APPEND) && !(to is PipeEnd) { throw .EINVAL }
    if count == 0 { return 0 }
    if from.inode.isDirectory { throw .EINVAL }
    let limit = min(count, Self.largestTransfer)
    // Both positions are looked at before anything moves: the files may be one and the same.
    let first = start ?? from.offset
    let second = to.hasPosition ? to.offset : nil
    let n = try transfer(from, first, to, second, limit)
    if let start {
      try UserMemory.write(start + UInt64(n), to: offset)
    } else if from.hasPosition {
      from.offset = first + UInt64(n)
    }
    if let second { to.offset = second + UInt64(n) }
    return n
  }

  /// copy_file_range(2): between regular files.
  func sys_copy_file_range(
    _ input: Int32, _ inOffset: UInt, _ output: Int32, _ outOffset: UInt, _ count: UInt,
    flags: UInt32
  ) throws(Errno) -> Int {
    guard flags == 0 else { throw .EINVAL }
    let from = try process.files.get(input)
    let to = try process.files.get(output)
    let start = try readOffset(inOffset)
    let target = try readOffset(outOffset)
    if from.inode.isDirectory || to.inode.isDirectory { throw .EISDIR }
    // A standard stream that is a file outside has no position we could set: not a regular file here.
    guard from.inode is RegularInode, to.inode is RegularInode else { throw .EINVAL }
    guard from.isReadable, to.isWritable, !to.statusFlags.contains(.O_APPEND) else { throw .EBADF }
    let limit = UInt64(min(count, Self.largestTransfer))
    let first = start ?? from.offset
    let second = target ?? to.offset
    let size = from.inode.size
    let length = min(limit, size > first ? size - first : 0)
    guard second < UInt64(Int64.max) else { throw .EFBIG }
    if from.inode === to.inode, first < second + length, second < first + length { throw .EINVAL }
    let n = try transfer(from, first, to, second, UInt(length))
    if n == 0 { return 0 }
    if start == nil {
      from.offset = first + UInt64(n)
    } else {
      try UserMemory.write(first + UInt64(n), to: inOffset)
    }
    if target == nil {
      to.offset = second + UInt64(n)
    } else {
      try UserMemory.write(second + UInt64(n), to: outOffset)
    }
    return n
  }

  /// splice(2): one side at least is a pipe.
  func sys_splice(
    _ input: Int32, _ inOffset: UInt, _ output: Int32, _ outOffset: UInt, _ count: UInt,
    flags: UInt32
  ) throws(Errno) -> Int {
    guard flags & ~15 == 0 else { throw .EINVAL }
    if count == 0 { return 0 }
    let from = try process.files.get(input)
    let to = try process.files.get(output)
    guard from.isReadable, to.isWritable else { throw .EBADF }
    let source = from as? PipeEnd
    let sink = to as? PipeEnd
    if source != nil && inOffset != 0 { throw .ESPIPE }
    if sink != nil && outOffset != 0 { throw .ESPIPE }
    guard source != nil || sink != nil else { throw .EINVAL }
    if let source, let sink, source.pipe === sink.pipe { throw .EINVAL }
    if to.statusFlags.contains(.O_APPEND) && sink == nil { throw .EINVAL }
    let start = try readOffset(inOffset)
    let target = try readOffset(outOffset)
    if start != nil && !from.hasPosition { throw .EINVAL }
    if target != nil && !to.hasPosition { throw .EINVAL }
    let nonblocking = flags & Self.SPLICE_F_NONBLOCK != 0
    if nonblocking {
      if let source, source.pipe.byteCount == 0, source.pipe.hasWriters { throw .EAGAIN }
      if let sink, sink.poll().isDisjoint(with: [.POLLOUT, .POLLERR]) { throw .EAGAIN }
    }
    // One piece: a pipe is read once, so that nothing waits for more than there is.
    var limit = min(count, 64 << 10)
    if let sink, nonblocking || sink.isNonblocking {
      limit = min(limit, UInt(max(1, sink.pipe.size - sink.pipe.byteCount)))
    }
    let n = try transfer(from, start, to, target, limit, once: true)
    if let start { try UserMemory.write(start + UInt64(n), to: inOffset) }
    if let target { try UserMemory.write(target + UInt64(n), to: outOffset) }
    return n
  }

  /// tee(2): copies from pipe to pipe without consuming.
  func sys_tee(_ input: Int32, _ output: Int32, _ count: UInt, flags: UInt32) throws(Errno) -> Int {
    guard flags & ~15 == 0 else { throw .EINVAL }
    if count == 0 { return 0 }
    let from = try process.files.get(input)
    let to = try process.files.get(output)
    guard from.isReadable, to.isWritable else { throw .EBADF }
    guard let source = from as? PipeEnd, let sink = to as? PipeEnd, source.pipe !== sink.pipe
    else { throw .EINVAL }
    let nonblocking = flags & Self.SPLICE_F_NONBLOCK != 0 || source.isNonblocking
    let pipe = source.pipe
    let hasData = try pipe.readQueue.wait { () throws(Errno) -> Bool? in
      if pipe.byteCount > 0 { return true }
      if !pipe.hasWriters { return false }
      if nonblocking { throw .EAGAIN }
      return nil
    }
    if !hasData { return 0 }
    let bytes = pipe.peek(Int(min(count, 64 << 10)))
    guard let run = PageRun(pageCount: max(1, (bytes.count + 4095) >> 12)) else { throw .ENOMEM }
    var fill = run.buffer(0, count: bytes.count)
    _ = try fill.write(bytes)
    var buffer = run.buffer(0, count: bytes.count)
    return try sink.pipe.write(
      &buffer, nonblocking: flags & Self.SPLICE_F_NONBLOCK != 0 || sink.isNonblocking, packet: false
    )
  }

  /// vmsplice(2): user memory to a pipe, or the other way; pages are copied, never given away.
  func sys_vmsplice(
    _ fd: Int32, _ vector: UInt, _ count: UInt, flags: UInt32
  ) throws(Errno) -> Int {
    guard flags & ~15 == 0 else { throw .EINVAL }
    guard let end = try process.files.get(fd) as? PipeEnd else { throw .EBADF }
    guard count <= 1024 else { throw .EINVAL }
    var buffer = try readIovec(vector, Int32(count))
    let nonblocking = flags & Self.SPLICE_F_NONBLOCK != 0 || end.isNonblocking
    if end.isWritable {
      return try end.pipe.write(&buffer, nonblocking: nonblocking, packet: false)
    }
    return try end.pipe.read(&buffer, nonblocking: nonblocking)
  }

  /// memfd_create(2): a file without a name, its pages in the enclave.
  func sys_memfd_create(_ name: UInt, flags: UInt32) throws(Errno) -> Int {
    let MFD_CLOEXEC: UInt32 = 1
    let MFD_ALLOW_SEALING: UInt32 = 2
    let MFD_HUGETLB: UInt32 = 4
    let MFD_NOEXEC_SEAL: UInt32 = 8
    let MFD_EXEC: UInt32 = 16
    var known = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC
    if flags & MFD_HUGETLB != 0 { known |= MFD_HUGETLB | 0x3F << 26 }
    guard flags & ~known == 0, flags & (MFD_NOEXEC_SEAL | MFD_EXEC) != MFD_NOEXEC_SEAL | MFD_EXEC
    else { throw .EINVAL }
    let bytes = try UserMemory.readCString(name, limit: 250, tooLong: .EINVAL)
    let credentials = fileCredentials
    let noexec = flags & MFD_NOEXEC_SEAL != 0
    let inode = RegularInode(
      Namespace.memoryFileSystem, mode: noexec ? 0o666 : 0o777, uid: credentials.fsuid,
      gid: credentials.fsgid)
    inode.nlink = 0
    if noexec {
      inode.seals = Seals.F_SEAL_EXEC
    } else {
      inode.seals = flags & MFD_ALLOW_SEALING != 0 ? 0 : Seals.F_SEAL_SEAL
    }
    var text = [UInt8](staticString: "/memfd:")
    text.append(contentsOf: bytes)
    let dentry = Dentry(inode, name: text, parent: nil)
    dentry.markDeleted()
    let file = try inode.open(dentry, flags: [.O_RDWR, .O_LARGEFILE])
    return Int(try process.files.insert(file, closeOnExec: flags & MFD_CLOEXEC != 0))
  }
}

extension File {
  /// Gives back what was read and could not be passed on.
  func stepBack(_ bytes: [UInt8]) {
    if let end = self as? PipeEnd {
      end.pipe.putBack(bytes)
      return
    }
    guard hasPosition else { return }
    positionLock.lock()
    offset -= min(offset, UInt64(bytes.count))
    positionLock.unlock()
  }
}
