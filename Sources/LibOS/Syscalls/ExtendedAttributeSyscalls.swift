import EnclaveRuntime
import LinuxABI

let extendedAttributeSyscalls: [Syscall] = [
  Syscall(188, "setxattr", .partial("no POSIX access-control lists")) { (t, a) throws(Errno) in
    try t.checkName(a.a1)
    let d = try t.resolve(try UserPath.read(a.a0), follow: true)
    return try t.setxattr(d, a.a1, a.a2, size: a.a3, flags: a.uint32(4))
  },
  Syscall(189, "lsetxattr", .partial("no POSIX access-control lists")) { (t, a) throws(Errno) in
    try t.checkName(a.a1)
    let d = try t.resolve(try UserPath.read(a.a0), follow: false)
    return try t.setxattr(d, a.a1, a.a2, size: a.a3, flags: a.uint32(4))
  },
  Syscall(190, "fsetxattr", .partial("no POSIX access-control lists")) { (t, a) throws(Errno) in
    let d = try t.process.files.get(a.int32(0)).dentry
    return try t.setxattr(d, a.a1, a.a2, size: a.a3, flags: a.uint32(4))
  },
  Syscall(191, "getxattr") { (t, a) throws(Errno) in
    try t.checkName(a.a1)
    let d = try t.resolve(try UserPath.read(a.a0), follow: true)
    return try t.getxattr(d, a.a1, a.a2, size: a.a3)
  },
  Syscall(192, "lgetxattr") { (t, a) throws(Errno) in
    try t.checkName(a.a1)
    let d = try t.resolve(try UserPath.read(a.a0), follow: false)
    return try t.getxattr(d, a.a1, a.a2, size: a.a3)
  },
  Syscall(193, "fgetxattr") { (t, a) throws(Errno) in
    let d = try t.process.files.get(a.int32(0)).dentry
    return try t.getxattr(d, a.a1, a.a2, size: a.a3)
  },
  Syscall(194, "listxattr") { (t, a) throws(Errno) in
    let d = try t.resolve(try UserPath.read(a.a0), follow: true)
    return try t.listxattr(d, a.a1, size: a.a2)
  },
  Syscall(195, "llistxattr") { (t, a) throws(Errno) in
    let d = try t.resolve(try UserPath.read(a.a0), follow: false)
    return try t.listxattr(d, a.a1, size: a.a2)
  },
  Syscall(196, "flistxattr") { (t, a) throws(Errno) in
    let d = try t.process.files.get(a.int32(0)).dentry
    return try t.listxattr(d, a.a1, size: a.a2)
  },
  Syscall(197, "removexattr") { (t, a) throws(Errno) in
    try t.checkName(a.a1)
    let d = try t.resolve(try UserPath.read(a.a0), follow: true)
    return try t.removexattr(d, a.a1)
  },
  Syscall(198, "lremovexattr") { (t, a) throws(Errno) in
    try t.checkName(a.a1)
    let d = try t.resolve(try UserPath.read(a.a0), follow: false)
    return try t.removexattr(d, a.a1)
  },
  Syscall(199, "fremovexattr") { (t, a) throws(Errno) in
    let d = try t.process.files.get(a.int32(0)).dentry
    return try t.removexattr(d, a.a1)
  },
]

extension Task {
  private static var XATTR_CREATE: UInt32 { 1 }
  private static var XATTR_REPLACE: UInt32 { 2 }

  /// The name is looked at before the path.
  func checkName(_ address: UInt) throws(Errno) { _ = try readName(address) }

  private func readName(_ address: UInt) throws(Errno) -> [UInt8] {
    let name = try UserMemory.readCString(address, limit: 256, tooLong: .ERANGE)
    if name.isEmpty { throw .ERANGE }
    return name
  }

  func setxattr(
    _ dentry: Dentry, _ name: UInt, _ value: UInt, size: UInt, flags: UInt32
  ) throws(Errno) -> Int {
    guard flags & ~(Self.XATTR_CREATE | Self.XATTR_REPLACE) == 0 else { throw .EINVAL }
    let name = try readName(name)
    guard size <= 65536 else { throw .E2BIG }
    let value = try UserMemory.readBytes(size == 0 ? UserMemory.lowest : value, count: Int(size))
    try dentry.inode.setAttribute(
      name, value, create: flags & Self.XATTR_CREATE != 0,
      replace: flags & Self.XATTR_REPLACE != 0, fileCredentials)
    Inotify.attributesChanged(dentry)
    return 0
  }

  func getxattr(_ dentry: Dentry, _ name: UInt, _ value: UInt, size: UInt) throws(Errno) -> Int {
    let bytes = try dentry.inode.getAttribute(try readName(name), fileCredentials)
    return try answer(bytes, value, size)
  }

  func listxattr(_ dentry: Dentry, _ list: UInt, size: UInt) throws(Errno) -> Int {
    try answer(dentry.inode.listAttributes(fileCredentials), list, size)
  }

  /// Size 0 asks for the size; a buffer that is too small is ERANGE.
  private func answer(_ bytes: [UInt8], _ address: UInt, _ size: UInt) throws(Errno) -> Int {
    if size == 0 { return bytes.count }
    guard UInt(bytes.count) <= size else { throw .ERANGE }
    try UserMemory.writeBytes(bytes, to: address)
    return bytes.count
  }

  func removexattr(_ dentry: Dentry, _ name: UInt) throws(Errno) -> Int {
    try dentry.inode.removeAttribute(try readName(name), fileCredentials)
    Inotify.attributesChanged(dentry)
    return 0
  }
}
