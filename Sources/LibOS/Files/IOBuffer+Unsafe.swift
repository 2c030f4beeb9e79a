import EnclaveRuntime

extension IOBuffer {
  /// Memory of the kernel's choosing (pages just committed for a program, a kernel run): not checked
  /// against the user range. The caller owns `address ..< address + count` until the transfer is over.
  static func kernel(address: UInt, count: Int) -> IOBuffer {
    guard count > 0, let p = unsafe UnsafeMutableRawPointer(bitPattern: address) else {
      return IOBuffer(user: [])
    }
    // SAFETY: the caller owns the range, see above.
    return unsafe IOBuffer(kernel: p, count: count)
  }
}
