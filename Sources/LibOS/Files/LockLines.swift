import EnclaveRuntime
import LinuxABI
import Synchronization

extension FileLocks {
  /// `lock` lines of /proc/PID/fdinfo: what the process and the description hold (proc_pid_fdinfo(5)).
  static func describe(_ file: File, in process: Process, _ out: inout [UInt8]) {
    let inode = file.inode
    guard inode.hasLocks.load(ordering: .acquiring) else { return }
    let table = of(inode)
    let description = UInt(bitPattern: ObjectIdentifier(file))
    let owners = [UInt(bitPattern: ObjectIdentifier(process.files)), description]
    lock.lock()
    defer { lock.unlock() }
    var number = 0
    func line(_ kind: StaticString, isWrite: Bool, pid: Int, _ start: UInt64, _ end: UInt64) {
      number += 1
      out.append("lock:\t")
      out.append(decimal: number)
      out.append(": ")
      out.append(kind)
      out.append(isWrite ? "WRITE " : "READ  ")
      out.append(decimal: pid)
      out.append(0x20)
      out.append(hex: UInt(DeviceNumber.major(inode.fileSystem.device)), width: 2)
      out.append(0x3A)
      out.append(hex: UInt(DeviceNumber.minor(inode.fileSystem.device)), width: 2)
      out.append(0x3A)
      out.append(decimal: UInt(inode.number))
      out.append(0x20)
      out.append(decimal: UInt(start))
      if end >= UInt64(Int64.max) {
        out.append(" EOF\n")
      } else {
        out.append(0x20)
        out.append(decimal: UInt(end))
        out.append(0x0A)
      }
    }
    for l in table.wholeFile where l.owner == description {
      line("FLOCK  ADVISORY  ", isWrite: l.isExclusive, pid: Int(process.pid), 0, .max)
    }
    for r in table.records where r.file == description && owners.contains(r.owner) {
      line(
        r.pid < 0 ? "OFDLCK ADVISORY  " : "POSIX  ADVISORY  ", isWrite: r.isWrite, pid: Int(r.pid),
        r.start, r.end)
    }
  }
}
