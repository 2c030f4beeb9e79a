import EnclaveRuntime
import LinuxABI

/// Paths out of the program's memory: one copy, one array of the right size.
enum UserPath {
  /// PATH_MAX, the terminating NUL included.
  static var PATH_MAX: Int { 4096 }

  /// Throws EFAULT, or ENAMETOOLONG when there is no NUL within PATH_MAX bytes. May be empty.
  static func read(_ address: UInt) throws(Errno) -> [UInt8] {
    try UserMemory.check(address, 1)
    // A first piece that does not cross a page: nearly every path is in it.
    let room = min(256, 4096 - Int(address & 4095))
    // SAFETY: only bytes that copyIn has filled are looked at.
    let short = unsafe try withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) {
      (buffer) throws(Errno) -> [UInt8]? in
      let base = buffer.baseAddress!
      try unsafe UserMemory.copyIn(to: base, from: address, count: room)
      var n = 0
      while n < room, unsafe base.load(fromByteOffset: n, as: UInt8.self) != 0 { n += 1 }
      if n == room { return nil }
      return unsafe [UInt8](UnsafeRawBufferPointer(start: base, count: n))
    }
    if let short { return short }
    return try UserMemory.readCString(address, limit: PATH_MAX)
  }
}
