import EnclaveRuntime
import LinuxABI

/// wait4(2), waitid(2), prctl(2).
let processSyscalls: [Syscall] = [
  Syscall(61, "wait4") { (t, a) throws(Errno) in
    try t.sys_wait4(pid: a.int32(0), status: a[1], options: a.uint32(2), usage: a[3])
  },
  Syscall(157, "prctl") { (t, a) throws(Errno) in
    try t.sys_prctl(a.int32(0), a[1], a[2], a[3], a[4])
  },
]

extension Task {
  /// `wait4(pid_t pid, int *wstatus, int options, struct rusage *rusage);`
  func sys_wait4(pid: Int32, status: UInt, options: UInt32, usage: UInt) throws(Errno) -> Int {
    var options = WaitOptions(rawValue: options)
    let valid: WaitOptions = [.WNOHANG, .WUNTRACED, .WCONTINUED, .__WNOTHREAD, .__WCLONE, .__WALL]
    guard options.isSubset(of: valid) else { throw .EINVAL }
    guard pid != .min else { throw .ESRCH }
    options.insert(.WEXITED)
    let selector: ChildSelector =
      switch pid {
      case -1: .any
      case 0: .group(process.group)
      case ..<0: .group(-pid)
      default: .pid(pid)
      }
    guard let event = try process.waitForChild(selector, options) else { return 0 }
    if status != 0 { try UserMemory.write(event.waitStatus, to: status) }
    if usage != 0 { try UserMemory.write(event.usage, to: usage) }
    return Int(event.pid)
  }

  /// `prctl(int op, ...);`
  func sys_prctl(_ operation: Int32, _ a: UInt, _ b: UInt, _ c: UInt, _ d: UInt) throws(Errno) -> Int {
    switch operation {
    case 15:  // PR_SET_NAME
      name = try UserMemory.readCStringPrefix(a, limit: 15)
      return 0
    case 16:  // PR_GET_NAME
      var bytes = name
      while bytes.count < 16 { bytes.append(0) }
      try UserMemory.writeBytes(bytes, to: a)
      return 0
    default: throw .EINVAL
    }
  }
}

extension UserMemory {
  /// At most `limit` bytes of a string, which may go on.
  static func readCStringPrefix(_ address: UInt, limit: Int) throws(Errno) -> [UInt8] {
    var out: [UInt8] = []
    while out.count < limit {
      let byte = try UserMemory.read(address &+ UInt(out.count), as: UInt8.self)
      if byte == 0 { break }
      out.append(byte)
    }
    return out
  }
}
