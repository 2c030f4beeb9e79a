import EnclaveRuntime
import LinuxABI

/// Sending and receiving on sockets (send(2), recv(2), sendmmsg(2), recvmmsg(2)).
let messageSyscalls: [Syscall] = [
  Syscall(44, "sendto") { (t, a) throws(Errno) in
    try t.sys_sendto(a.int32(0), a[1], a[2], flags: a.uint32(3), a[4], a.int32(5))
  },
  Syscall(45, "recvfrom") { (t, a) throws(Errno) in
    try t.sys_recvfrom(a.int32(0), a[1], a[2], flags: a.uint32(3), a[4], a[5])
  },
  Syscall(46, "sendmsg") { (t, a) throws(Errno) in
    try t.sendMessage(try t.socket(a.int32(0)), a[1], MessageFlags(rawValue: a.uint32(2)))
  },
  Syscall(47, "recvmsg") { (t, a) throws(Errno) in
    try t.receiveMessage(try t.socket(a.int32(0)), a[1], MessageFlags(rawValue: a.uint32(2)))
  },
  Syscall(307, "sendmmsg") { (t, a) throws(Errno) in
    try t.sys_sendmmsg(a.int32(0), a[1], count: a.uint32(2), flags: a.uint32(3))
  },
  Syscall(299, "recvmmsg") { (t, a) throws(Errno) in
    try t.sys_recvmmsg(a.int32(0), a[1], count: a.uint32(2), flags: a.uint32(3), timeout: a[4])
  },
]

extension Task {
  private func messageBuffer(_ address: UInt, _ count: UInt) throws(Errno) -> IOBuffer {
    if count > 0 {
      guard count <= UserMemory.end, address <= UserMemory.end - count else { throw .EFAULT }
    }
    return IOBuffer(user: address, count: Int(min(count, 0x7FFF_F000)))
  }

  private func isNonblocking(_ file: SocketFile, _ flags: MessageFlags) -> Bool {
    flags.contains(.MSG_DONTWAIT) || file.isNonblocking
  }

  func sys_sendto(
    _ fd: Int32, _ address: UInt, _ count: UInt, flags: UInt32, _ name: UInt, _ nameLength: Int32
  ) throws(Errno) -> Int {
    let flags = MessageFlags(rawValue: flags)
    var buffer = try messageBuffer(address, count)
    let file = try socket(fd)
    let to = name == 0 ? nil : try readName(name, nameLength)
    return try file.socket.send(
      &buffer, to: to, flags: flags, nonblocking: isNonblocking(file, flags), ancillary: nil)
  }

  func sys_recvfrom(
    _ fd: Int32, _ address: UInt, _ count: UInt, flags: UInt32, _ name: UInt, _ nameLength: UInt
  ) throws(Errno) -> Int {
    let flags = MessageFlags(rawValue: flags)
    var buffer = try messageBuffer(address, count)
    let file = try socket(fd)
    let received = try file.socket.receive(
      &buffer, flags: flags, nonblocking: isNonblocking(file, flags))
    if name != 0 { try writeName(received.name ?? [], name, nameLength) }
    return received.count
  }

  // MARK: sendmsg

  func sendMessage(
    _ file: SocketFile, _ address: UInt, _ flags: MessageFlags
  ) throws(Errno) -> Int {
    let header = try UserMemory.read(address, as: MessageHeader.self)
    let name: [UInt8]?
    if header.name != 0, header.nameLength != 0 {
      guard header.nameLength > 0 else { throw .EINVAL }
      name = try readName(header.name, min(header.nameLength, 128))
    } else {
      name = nil
    }
    guard header.vectorCount <= 1024 else { throw .EMSGSIZE }
    var buffer = try readIovec(header.vector, Int32(header.vectorCount))
    let ancillary =
      header.control != 0 && header.controlLength > 0
      ? try ControlMessages.read(self, file.socket, header.control, header.controlLength) : nil
    return try file.socket.send(
      &buffer, to: name, flags: flags, nonblocking: isNonblocking(file, flags),
      ancillary: ancillary)
  }

  func sys_sendmmsg(
    _ fd: Int32, _ address: UInt, count: UInt32, flags: UInt32
  ) throws(Errno) -> Int {
    let file = try socket(fd)
    var done = 0
    for i in 0..<Int(min(count, 1024)) {
      let at = address &+ UInt(i * MessageHeader.vectorSize)
      do throws(Errno) {
        let n = try sendMessage(file, at, MessageFlags(rawValue: flags))
        try UserMemory.write(UInt32(truncatingIfNeeded: n), to: at &+ UInt(MessageHeader.size))
      } catch {
        if done > 0 { return done }
        throw error
      }
      done += 1
    }
    return done
  }

  // MARK: recvmsg

  func receiveMessage(
    _ file: SocketFile, _ address: UInt, _ flags: MessageFlags
  ) throws(Errno) -> Int {
    let header = try UserMemory.read(address, as: MessageHeader.self)
    guard header.nameLength >= 0 || header.name == 0 else { throw .EINVAL }
    guard header.vectorCount <= 1024 else { throw .EMSGSIZE }
    var buffer = try readIovec(header.vector, Int32(header.vectorCount))
    let received = try file.socket.receive(
      &buffer, flags: flags, nonblocking: isNonblocking(file, flags))
    var out = received.flags
    if header.name != 0 {
      let name = received.name ?? []
      try UserMemory.writeBytes(
        name, from: 0, count: min(name.count, Int(header.nameLength)), to: header.name)
      try UserMemory.write(Int32(name.count), to: address &+ 8)
    }
    let used = try ControlMessages.write(
      self, file.socket, received, header.control, header.controlLength,
      closeOnExec: flags.contains(.MSG_CMSG_CLOEXEC), &out)
    if flags.contains(.MSG_CMSG_CLOEXEC) { out.insert(.MSG_CMSG_CLOEXEC) }
    try UserMemory.write(used, to: address &+ 40)
    try UserMemory.write(out.rawValue, to: address &+ 48)
    return received.count
  }

  /// The timeout is looked at after each message only (recvmmsg(2), BUGS).
  func sys_recvmmsg(
    _ fd: Int32, _ address: UInt, count: UInt32, flags: UInt32, timeout: UInt
  ) throws(Errno) -> Int {
    let deadline = try deadline(timespec: timeout)
    let file = try socket(fd)
    var flags = MessageFlags(rawValue: flags)
    let waitsForOne = flags.contains(.MSG_WAITFORONE)
    flags.remove(.MSG_WAITFORONE)
    var done = 0
    for i in 0..<Int(min(count, 1024)) {
      let at = address &+ UInt(i * MessageHeader.vectorSize)
      do throws(Errno) {
        let n = try receiveMessage(file, at, flags)
        try UserMemory.write(UInt32(truncatingIfNeeded: n), to: at &+ UInt(MessageHeader.size))
      } catch {
        if done > 0 { break }
        throw error
      }
      done += 1
      if waitsForOne { flags.insert(.MSG_DONTWAIT) }
      if let deadline, Clock.monotonicNs() >= deadline { break }
    }
    return done
  }
}
