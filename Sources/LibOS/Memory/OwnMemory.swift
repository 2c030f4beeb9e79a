import EnclaveRuntime
import LinuxABI

/// A process that looks at its own memory through the kernel: process_vm_readv(2), process_vm_writev(2), /proc/self/mem.
/// Runtimes and crash handlers probe addresses so, because what cannot be touched is an error and no signal.
///
/// Other processes' memory stays theirs: EPERM, as for somebody without CAP_SYS_PTRACE.
extension Task {
  /// `ssize_t process_vm_readv(pid_t pid, const struct iovec *local_iov, unsigned long liovcnt, const struct iovec
  /// *remote_iov, unsigned long riovcnt, unsigned long flags);`
  ///
  /// Bytes moved; a page that cannot be touched ends it, and is EFAULT when it is the first.
  func transferOwnMemory(_ a: SyscallArguments, write: Bool) throws(Errno) -> Int {
    guard a[5] == 0 else { throw .EINVAL }
    guard a[2] <= 1024, a[4] <= 1024 else { throw .EINVAL }
    var local = try readIovec(a[1], Int32(a[2]))
    if local.remaining == 0 { return 0 }
    let remote = try remoteIovec(a[3], Int(a[4]))
    guard
      let target = TaskTable.shared.task(a.int32(0))?.process
        ?? TaskTable.shared.process(a.int32(0))
    else { throw .ESRCH }
    guard target.memory === process.memory else { throw .EPERM }
    var done = 0
    for piece in remote {
      var at = piece.address
      var left = piece.count
      while left > 0, local.remaining > 0 {
        let count = min(left, Int(4096 - at & 4095), local.remaining)
        do throws(Errno) {
          if write {
            try UserMemory.writeBytes(try local.read(count: count), to: at)
          } else {
            _ = try local.write(try UserMemory.readBytes(at, count: count), from: 0)
          }
        } catch {
          if done > 0 { return done }
          throw .EFAULT
        }
        done += count
        at += UInt(count)
        left -= count
      }
    }
    return done
  }

  /// Addresses of the other side are looked at when they are used.
  private func remoteIovec(_ address: UInt, _ count: Int) throws(Errno) -> [IOBuffer.Segment] {
    if count == 0 { return [] }
    let bytes = try UserMemory.readBytes(address, count: count * 16)
    var segments: [IOBuffer.Segment] = []
    for i in 0..<count {
      let base = UInt(bytes.loadLittleEndian64(i * 16))
      let length = UInt(bytes.loadLittleEndian64(i * 16 + 8))
      guard Int(bitPattern: length) >= 0 else { throw .EINVAL }
      guard length <= UserMemory.end, base <= UserMemory.end - length else { throw .EFAULT }
      segments.append(IOBuffer.Segment(address: base, count: Int(length)))
    }
    return segments
  }
}

extension AddressSpace {
  /// Reads or writes within one page whatever its mapping allows (FOLL_FORCE): a private page that is not writable
  /// is written all the same, one without any permission read. Nil: EIO.
  func force(_ address: UInt, count: Int, writing bytes: [UInt8]?) -> [UInt8]? {
    let page = address & ~4095
    precondition(count >= 0 && address + UInt(count) <= page + 4096)
    for _ in 0..<2 {
      lock.lock()
      guard let i = find(address), !vmas[i].isShared else {
        lock.unlock()
        return nil
      }
      if CommittedPages.contains(page) {
        defer { lock.unlock() }
        let now = vmas[i].effective
        let open = now.union([.PROT_READ, .PROT_WRITE])
        PageChange.protect(page, 4096, from: now, to: open)
        defer { PageChange.protect(page, 4096, from: open, to: now) }
        guard let bytes else { return KernelCopy.load(address, count: count) }
        KernelCopy.store(address, bytes, from: 0, count: count)
        return bytes
      }
      let isHidden = vmas[i].protection.isEmpty
      let isAnonymous = vmas[i].object == nil
      lock.unlock()
      if isHidden {
        // Never touched: zeros to a reader. There is no page that could keep what is written.
        return bytes == nil && isAnonymous ? [UInt8](repeating: 0, count: count) : nil
      }
      guard case .resolved = fault(address, access: .PROT_READ) else { return nil }
    }
    return nil
  }
}

/// /proc/PID/mem of the caller's own process (proc_pid_mem(5)).
final class OwnMemoryInode: Inode, @unchecked Sendable {
  private let process: Process

  init(_ fileSystem: FileSystem, _ process: Process, uid: UInt32, gid: UInt32) {
    self.process = process
    super.init(fileSystem, mode: FileMode.S_IFREG | 0o600, uid: uid, gid: gid)
  }

  override func open(_ dentry: Dentry, flags: OpenFlags) throws(Errno) -> File {
    guard Task.current.process === process else { throw .EACCES }
    return OwnMemoryFile(dentry, process.memory, flags: flags)
  }
  override func truncate(to size: UInt64) throws(Errno) {}
}

/// The position is an address. The file stays with the memory that the process had when it was opened.
final class OwnMemoryFile: File, @unchecked Sendable {
  private let memory: AddressSpace

  init(_ dentry: Dentry, _ memory: AddressSpace, flags: OpenFlags) {
    self.memory = memory
    super.init(dentry, flags: flags)
  }

  override var hasPosition: Bool { true }

  override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    try move(&buffer, at: offset) { (address, count, buffer) throws(Errno) in
      var bytes: [UInt8]?
      do throws(Errno) { bytes = try UserMemory.readBytes(address, count: count) } catch {
        bytes = self.memory.force(address, count: count, writing: nil)
      }
      guard let bytes else { throw .EIO }
      _ = try buffer.write(bytes, from: 0)
    }
  }

  override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    try move(&buffer, at: offset) { (address, count, buffer) throws(Errno) in
      let bytes = try buffer.read(count: count)
      do throws(Errno) { try UserMemory.writeBytes(bytes, to: address) } catch {
        guard self.memory.force(address, count: count, writing: bytes) != nil else { throw .EIO }
      }
    }
  }

  /// Page by page; what fails after the first is the end.
  private func move(
    _ buffer: inout IOBuffer, at offset: UInt64?,
    _ body: (UInt, Int, inout IOBuffer) throws(Errno) -> Void
  ) throws(Errno) -> Int {
    // Another process, after fork(2), has other memory at these addresses; one that ended has none.
    guard Task.current.process.memory === memory else { return 0 }
    let start = offset ?? self.offset
    var done = 0
    while buffer.remaining > 0 {
      let (address, wraps) = UInt(start).addingReportingOverflow(UInt(done))
      if wraps || address >= UserMemory.end { break }
      let count = min(buffer.remaining, Int(4096 - address & 4095))
      do throws(Errno) { try body(address, count, &buffer) } catch {
        if done == 0 { throw error }
        break
      }
      done += count
    }
    if done == 0, buffer.remaining > 0 { throw .EIO }
    if offset == nil { self.offset = start + UInt64(done) }
    return done
  }

  override func seek(_ offset: Int, _ whence: Int32) throws(Errno) -> Int {
    switch whence {
    case 0: self.offset = UInt64(bitPattern: Int64(offset))
    case 1: self.offset = self.offset &+ UInt64(bitPattern: Int64(offset))
    default: throw .EINVAL
    }
    return Int(Int64(bitPattern: self.offset))
  }
}
