import EnclaveRuntime
import LinuxABI
import Synchronization

let lockSyscalls: [Syscall] = [
  Syscall(73, "flock") { (t, a) throws(Errno) in
    try t.sys_flock(a.int32(0), operation: a.uint32(1))
  }
]

/// `struct flock`.
private struct Flock: BitwiseCopyable {
  var type: Int16
  var whence: Int16
  var pad: Int32 = 0
  var start: Int64
  var length: Int64
  var pid: Int32
  var pad2: Int32 = 0
}

extension Task {
  private static var F_RDLCK: Int16 { 0 }
  private static var F_WRLCK: Int16 { 1 }
  private static var F_UNLCK: Int16 { 2 }

  /// flock(2).
  func sys_flock(_ fd: Int32, operation: UInt32) throws(Errno) -> Int {
    let LOCK_NB: UInt32 = 4
    // The mandatory locks of old (LOCK_MAND) are taken for nothing at all, since Linux 5.18.
    if operation & 32 != 0 { return 0 }
    guard [1, 2, 8].contains(operation & ~LOCK_NB) else { throw .EINVAL }
    let file = try process.files.get(fd)
    let owner = UInt(bitPattern: ObjectIdentifier(file))
    switch operation & ~LOCK_NB {
    case 1, 2:
      file.mayHoldLocks.store(true, ordering: .relaxed)
      try FileLocks.of(file.inode).setWhole(
        owner: owner, exclusive: operation & ~LOCK_NB == 2, wait: operation & LOCK_NB == 0)
    case 8: FileLocks.of(file.inode).unsetWhole(owner: owner)
    default: throw .EINVAL
    }
    return 0
  }

  /// F_GETLK, F_SETLK, F_SETLKW and their F_OFD_ twins.
  func recordLock(
    _ file: File, _ fd: Int32, _ command: UInt32, _ address: UInt
  ) throws(Errno) -> Int {
    var request = try UserMemory.read(address, as: Flock.self)
    let isOFD =
      command == Fcntl.F_OFD_GETLK || command == Fcntl.F_OFD_SETLK || command == Fcntl.F_OFD_SETLKW
    guard request.type >= 0, request.type <= 2 else { throw .EINVAL }
    if isOFD && request.pid != 0 { throw .EINVAL }
    let (start, end) = try range(file, request)
    let owner = UInt(
      bitPattern: isOFD ? ObjectIdentifier(file) : ObjectIdentifier(process.files))
    let record = FileLocks.Record(
      start: start, end: end, isWrite: request.type == Self.F_WRLCK, owner: owner,
      file: UInt(bitPattern: ObjectIdentifier(file)), pid: isOFD ? -1 : process.pid)
    let table = FileLocks.of(file.inode)
    if command == Fcntl.F_GETLK || command == Fcntl.F_OFD_GETLK {
      // F_OFD_GETLK may ask with F_UNLCK for the caller's own locks (Linux 6.9); F_GETLK may not.
      let asksForOwn = request.type == Self.F_UNLCK
      if asksForOwn && !isOFD { throw .EINVAL }
      if let found = asksForOwn ? table.own(record) : table.test(record) {
        request.type = found.isWrite ? Self.F_WRLCK : Self.F_RDLCK
        request.whence = 0
        request.start = Int64(found.start)
        request.length = found.end == .max ? 0 : Int64(found.end - found.start + 1)
        request.pid = found.pid
      } else {
        request.type = Self.F_UNLCK
      }
      try UserMemory.write(request, to: address)
      return 0
    }
    if request.type == Self.F_RDLCK && !file.isReadable { throw .EBADF }
    if request.type == Self.F_WRLCK && !file.isWritable { throw .EBADF }
    if request.type == Self.F_UNLCK {
      table.unset(record)
      return 0
    }
    if isOFD { file.mayHoldLocks.store(true, ordering: .relaxed) }
    try table.set(
      record, wait: command == Fcntl.F_SETLKW || command == Fcntl.F_OFD_SETLKW,
      detectDeadlock: !isOFD)
    // Another thread may have closed the descriptor before the lock was there to be dropped (Linux: fcntl_setlk).
    if !isOFD, !process.files.has(file, at: fd) {
      table.unset(record)
      throw .EBADF
    }
    return 0
  }

  /// The bytes that a `struct flock` means (flock_to_posix_lock): a negative length counts backwards.
  private func range(_ file: File, _ request: Flock) throws(Errno) -> (UInt64, UInt64) {
    let base: Int64
    switch request.whence {
    case 0: base = 0
    case 1: base = Int64(bitPattern: file.offset)
    case 2: base = Int64(bitPattern: file.inode.size)
    default: throw .EINVAL
    }
    let (start, overflow) = base.addingReportingOverflow(request.start)
    if overflow { throw .EOVERFLOW }
    guard start >= 0 else { throw .EINVAL }
    if request.length == 0 { return (UInt64(start), .max) }
    if request.length > 0 {
      let (end, overflow) = start.addingReportingOverflow(request.length - 1)
      if overflow { throw .EOVERFLOW }
      return (UInt64(start), UInt64(end))
    }
    let first = start + request.length
    guard first >= 0 else { throw .EINVAL }
    return (UInt64(first), UInt64(start - 1))
  }
}
