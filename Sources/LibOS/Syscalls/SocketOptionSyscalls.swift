import EnclaveRuntime
import LinuxABI

/// getsockopt(2), setsockopt(2) (socket(7), ip(7), ipv6(7), tcp(7)).
let socketOptionSyscalls: [Syscall] = [
  Syscall(
    54, "setsockopt", .partial("no multicast membership, filters, timestamps or device binding")
  ) {
    (t, a) throws(Errno) in
    try t.sys_setsockopt(a.int32(0), level: a.int32(1), name: a.int32(2), a[3], a.int32(4))
  },
  Syscall(55, "getsockopt", .partial("no TCP_INFO")) { (t, a) throws(Errno) in
    try t.sys_getsockopt(a.int32(0), level: a.int32(1), name: a.int32(2), a[3], a[4])
  },
]

extension Task {
  func sys_setsockopt(
    _ fd: Int32, level: Int32, name: Int32, _ address: UInt, _ length: Int32
  ) throws(Errno) -> Int {
    let socket = try socket(fd).socket
    guard length >= 0 else { throw .EINVAL }
    if level == SocketOption.SOL_SOCKET {
      try SocketLevelOptions.set(socket, name, address, length)
      return 0
    }
    guard socket.acceptsOption(level, name) else {
      throw socket.family == AF.UNIX ? .EOPNOTSUPP : .ENOPROTOOPT
    }
    let value: Int32
    if length >= 4 {
      value = try UserMemory.read(address, as: Int32.self)
    } else if length >= 1, level == SocketOption.SOL_IP {
      // ip(7): a byte will do for the small ones.
      value = Int32(try UserMemory.read(address, as: UInt8.self))
    } else {
      throw .EINVAL
    }
    try socket.checkOption(level, name, value)
    let kept = socket.isSwitch(level, name) && value != 0 ? 1 : value
    socket.lock.withLock { socket.options.set(level, name, kept) }
    try socket.optionChanged(level, name, UInt64(UInt32(bitPattern: kept)))
    return 0
  }

  func sys_getsockopt(
    _ fd: Int32, level: Int32, name: Int32, _ address: UInt, _ length: UInt
  ) throws(Errno) -> Int {
    let socket = try socket(fd).socket
    let room = try UserMemory.read(length, as: Int32.self)
    guard room >= 0 else { throw .EINVAL }
    let answer: [UInt8]
    if level == SocketOption.SOL_SOCKET {
      answer = try SocketLevelOptions.get(socket, name)
    } else {
      let value = socket.lock.withLock { socket.options.value(level, name) }
      guard let value = value ?? socket.defaultOption(level, name) else {
        throw socket.family == AF.UNIX ? .EOPNOTSUPP : .ENOPROTOOPT
      }
      var bytes: [UInt8] = []
      for i in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value >> Int32(8 * i))) }
      answer = bytes
    }
    let count = min(answer.count, Int(room))
    try UserMemory.writeBytes(answer, from: 0, count: count, to: address)
    try UserMemory.write(Int32(count), to: length)
    return 0
  }
}
