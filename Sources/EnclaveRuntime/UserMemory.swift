import CEnclave
import LinuxABI

/// The user's memory as the kernel sees it: an address and a length, checked on every use.
///
/// A copy that meets a page which is not there asks `faultIn` (installed by the memory manager) to
/// commit it and goes on; if it may not be touched the call throws EFAULT. Nothing here can fault the
/// kernel: the assembly routines have fix-up addresses (a racing munmap is EFAULT, too).
@safe public enum UserMemory {
  /// Lowest and one past the highest address that may belong to a program.
  #if CLOISTER_ENCLAVE
    public static let lowest: UInt = 0x1_0000
    public static let end: UInt = 0xC0_0000_0000
  #else
    public static let lowest: UInt = 0x1_0000
    public static let end: UInt = 0x7FFF_FFFF_F000
  #endif

  /// Commits the page that holds `address` for reading or writing; false: EFAULT.
  nonisolated(unsafe) public static var faultIn:
    @Sendable (_ address: UInt, _ write: Bool) -> Bool = {
      _, _ in false
    }

  /// Throws EFAULT unless `address ..< address + count` lies in user space.
  @inlinable public static func check(_ address: UInt, _ count: Int) throws(Errno) {
    guard count >= 0, address >= lowest, address < end, UInt(count) <= end - address else {
      throw .EFAULT
    }
  }

  /// User to kernel. `destination` is kernel memory of at least `count` bytes.
  @unsafe public static func copyIn(
    to destination: UnsafeMutableRawPointer, from address: UInt, count: Int
  ) throws(Errno) {
    guard try unsafe copyInSome(to: destination, from: address, count: count) == count else {
      throw .EFAULT
    }
  }

  /// As `copyIn`, but a page that cannot be read ends it: the bytes before it.
  @unsafe static func copyInSome(
    to destination: UnsafeMutableRawPointer, from address: UInt, count: Int
  ) throws(Errno) -> Int {
    if count == 0 { return 0 }
    try check(address, count)
    var done = 0
    while true {
      // SAFETY: the source was checked to be user memory and the routine survives faults.
      let left = unsafe Int(
        cl_copy_user(
          destination + done, UnsafeRawPointer(bitPattern: address + UInt(done))!,
          UInt64(count - done)))
      done = count - left
      if left == 0 { return done }
      guard unsafe faultIn(address + UInt(done), false) else { return done }
    }
  }

  /// Kernel to user.
  @unsafe public static func copyOut(
    to address: UInt, from source: UnsafeRawPointer, count: Int
  ) throws(Errno) {
    guard try unsafe copyOutSome(to: address, from: source, count: count) == count else {
      throw .EFAULT
    }
  }

  /// As `copyOut`, but a page that cannot be written ends it: the bytes before it.
  @unsafe static func copyOutSome(
    to address: UInt, from source: UnsafeRawPointer, count: Int
  ) throws(Errno) -> Int {
    if count == 0 { return 0 }
    try check(address, count)
    var done = 0
    while true {
      // SAFETY: the destination was checked to be user memory and the routine survives faults.
      let left = unsafe Int(
        cl_copy_user(
          UnsafeMutableRawPointer(bitPattern: address + UInt(done))!, source + done,
          UInt64(count - done)))
      done = count - left
      if left == 0 { return done }
      guard unsafe faultIn(address + UInt(done), true) else { return done }
    }
  }

  /// Fills user memory with zeros.
  public static func zero(_ address: UInt, count: Int) throws(Errno) {
    if count == 0 { return }
    try check(address, count)
    var done = 0
    while true {
      // SAFETY: as in `copyOut`.
      let left = unsafe Int(
        cl_fill_user(
          UnsafeMutableRawPointer(bitPattern: address + UInt(done))!, UInt64(count - done), 0))
      if left == 0 { return }
      done = count - left
      guard unsafe faultIn(address + UInt(done), true) else { throw .EFAULT }
    }
  }

  /// Reads a plain structure (any alignment).
  @inlinable public static func read<T: BitwiseCopyable>(
    _ address: UInt, as type: T.Type
  ) throws(Errno) -> T {
    // SAFETY: T is bitwise copyable and all of its bytes are overwritten before the load.
    try unsafe withUnsafeTemporaryAllocation(
      byteCount: MemoryLayout<T>.size, alignment: MemoryLayout<T>.alignment
    ) { (buffer) throws(Errno) -> T in
      try unsafe copyIn(to: buffer.baseAddress!, from: address, count: MemoryLayout<T>.size)
      return unsafe buffer.load(as: T.self)
    }
  }

  /// Writes a plain structure (any alignment).
  @inlinable public static func write<T: BitwiseCopyable>(_ value: T, to address: UInt)
    throws(Errno)
  {
    var value = value
    // SAFETY: the source is a local of exactly that size.
    try unsafe withUnsafeMutablePointer(to: &value) { (p) throws(Errno) in
      try unsafe copyOut(to: address, from: UnsafeRawPointer(p), count: MemoryLayout<T>.size)
    }
  }

  /// Bytes into a kernel array. The caller bounds `count`.
  public static func readBytes(_ address: UInt, count: Int) throws(Errno) -> [UInt8] {
    guard count >= 0 else { throw .EINVAL }
    try check(address, count)
    var failure: Errno?
    // SAFETY: copyIn fills the first `count` bytes or reports failure, then nothing is kept.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      do throws(Errno) {
        if count > 0 {
          try unsafe copyIn(
            to: UnsafeMutableRawPointer(buffer.baseAddress!), from: address, count: count)
        }
        initialized = count
      } catch {
        failure = error
        initialized = 0
      }
    }
    if let failure { throw failure }
    return bytes
  }

  public static func writeBytes(_ bytes: [UInt8], to address: UInt) throws(Errno) {
    try writeBytes(bytes, from: 0, count: bytes.count, to: address)
  }

  /// Writes `bytes[from ..< from + count]`.
  public static func writeBytes(
    _ bytes: [UInt8], from: Int, count: Int, to address: UInt
  ) throws(Errno) {
    precondition(from >= 0 && count >= 0 && from <= bytes.count && count <= bytes.count - from)
    if count == 0 { return }
    var failure: Errno?
    // SAFETY: the range was checked against the array just above.
    unsafe bytes.withUnsafeBytes { (p) in
      do throws(Errno) {
        try unsafe copyOut(to: address, from: p.baseAddress! + from, count: count)
      } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// A NUL-terminated string without its NUL. `tooLong` when none is found within `limit` bytes.
  public static func readCString(
    _ address: UInt, limit: Int = 4096, tooLong: Errno = .ENAMETOOLONG
  ) throws(Errno) -> [UInt8] {
    var out: [UInt8] = []
    var at = address
    while out.count < limit {
      // Up to the end of the page, so that a string at the end of a mapping does not fault.
      let room = 4096 - Int(at & 4095)
      let chunk = try readBytes(at, count: min(room, limit - out.count, out.isEmpty ? 256 : 4096))
      for (i, byte) in chunk.enumerated() where byte == 0 {
        out.append(contentsOf: chunk[0..<i])
        return out
      }
      out.append(contentsOf: chunk)
      at += UInt(chunk.count)
    }
    throw tooLong
  }
}
