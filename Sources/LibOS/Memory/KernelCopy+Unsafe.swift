import EnclaveRuntime

/// Direct writes to user pages that the memory manager has just committed and holds the lock for.
enum KernelCopy {
  static func toCommitted(_ address: UInt, _ content: PageRun, from: Int = 0, count: Int) {
    precondition(from >= 0 && count >= 0 && count <= content.byteCount - from)
    // SAFETY: the pages are committed read-write and nobody else may touch the map meanwhile.
    unsafe UnsafeMutableRawPointer(bitPattern: address)!.copyMemory(
      from: UnsafeRawPointer(bitPattern: content.address)! + from, byteCount: count)
  }

  static func store(_ address: UInt, _ bytes: [UInt8], from: Int, count: Int) {
    precondition(from >= 0 && count >= 0 && from + count <= bytes.count)
    for i in 0..<count {
      // SAFETY: as above.
      unsafe UnsafeMutablePointer<UInt8>(bitPattern: address + UInt(i))!.pointee = bytes[from + i]
    }
  }

  /// The bytes of a committed, readable page.
  static func load(_ address: UInt, count: Int) -> [UInt8] {
    // SAFETY: as above.
    unsafe [UInt8](
      UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address)!, count: count))
  }

  /// Copies between committed pages (mremap).
  static func move(to: UInt, from: UInt, count: Int) {
    // SAFETY: both ranges are committed; the caller holds the lock and made them accessible.
    unsafe UnsafeMutableRawPointer(bitPattern: to)!.copyMemory(
      from: UnsafeRawPointer(bitPattern: from)!, byteCount: count)
  }
}

extension KernelCopy {
  /// A readable page holds only zeros.
  static func isZero(_ page: UInt) -> Bool {
    // SAFETY: as above.
    let words = unsafe UnsafePointer<UInt64>(bitPattern: page)!
    for i in 0..<512 where unsafe words[i] != 0 { return false }
    return true
  }
}
