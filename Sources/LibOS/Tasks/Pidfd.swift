import EnclaveRuntime
import LinuxABI

/// A descriptor that refers to a process (pidfd_open(2)): it stays with that process, whoever gets its number later.
final class Pidfd: File, @unchecked Sendable {
  let process: Process

  init(_ process: Process, nonblocking: Bool) {
    self.process = process
    let inode = Inode(Namespace.anonymousFileSystem, mode: 0o600)
    super.init(
      Dentry(inode, name: [UInt8](staticString: "anon_inode:[pidfd]"), parent: nil),
      flags: nonblocking ? [.O_RDWR, .O_NONBLOCK] : .O_RDWR)
  }

  /// Readable when the process has ended; POLLHUP when somebody has waited for it, too.
  override func poll() -> PollEvents {
    let table = TaskTable.shared
    table.lock.lock()
    defer { table.lock.unlock() }
    if table.processLocked(process.pid) !== process {
      return [.POLLIN, .POLLRDNORM, .POLLHUP]
    }
    return process.zombieStatus == nil ? [] : [.POLLIN, .POLLRDNORM]
  }

  override var waitQueue: WaitQueue? { process.endQueue }

  override func describe(_ out: inout [UInt8]) {
    let isThere = TaskTable.shared.process(process.pid) === process
    for name in ["Pid:\t", "\nNSpid:\t"] as [StaticString] {
      out.append(name)
      out.append(decimal: isThere ? Int(process.pid) : -1)
    }
    out.append(0x0A)
  }
}

extension Task {
  /// The process of a pidfd. EBADF for other files.
  func pidfd(_ fd: Int32) throws(Errno) -> Pidfd {
    guard let file = try process.files.get(fd) as? Pidfd else { throw .EBADF }
    return file
  }

  /// As `pidfd`, and what open("/proc/PID") gives.
  func processOfDescriptor(_ fd: Int32) throws(Errno) -> Process {
    let file = try process.files.get(fd, path: true)
    if let file = file as? Pidfd { return file.process }
    guard let directory = file.inode as? ProcPid, directory.task == nil else { throw .EBADF }
    return directory.process
  }
}
