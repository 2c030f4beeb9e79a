import EnclaveRuntime
import LinuxABI

extension IOBuffer {
  /// Stores a plain structure.
  mutating func write<T: BitwiseCopyable>(_ value: T) throws(Errno) -> Int {
    var value = value
    var n = 0
    // SAFETY: the source is a local of exactly that size.
    try unsafe withUnsafePointer(to: &value) { (p) throws(Errno) in
      n = try unsafe write(from: UnsafeRawPointer(p), count: MemoryLayout<T>.size)
    }
    return n
  }

  /// Takes an 8-byte number. EFAULT if it cannot be read whole.
  mutating func read(as type: UInt64.Type) throws(Errno) -> UInt64 {
    var value: UInt64 = 0
    var n = 0
    // SAFETY: the destination is a local of exactly that size.
    try unsafe withUnsafeMutablePointer(to: &value) { (p) throws(Errno) in
      n = try unsafe read(into: UnsafeMutableRawPointer(p), count: 8)
    }
    guard n == 8 else { throw .EFAULT }
    return value
  }
}
