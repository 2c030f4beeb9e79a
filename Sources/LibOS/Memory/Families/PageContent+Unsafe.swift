import EnclaveRuntime

/// Content of user pages against saved content. The pages are committed, readable (and writable where written), and
/// nobody else may touch them meanwhile: their processes are not resident.
enum PageContent {
  /// Copies user pages to kernel memory.
  static func save(_ address: UInt, count: Int, to run: PageRun, _ offset: Int) {
    precondition(offset >= 0 && count >= 0 && offset + count <= run.byteCount)
    // SAFETY: the range was checked against the run; the user pages are committed (see above).
    unsafe UnsafeMutableRawPointer(bitPattern: run.address + UInt(offset))!.copyMemory(
      from: UnsafeRawPointer(bitPattern: address)!, byteCount: count)
  }

  /// Copies kernel memory to user pages where they differ. Returns the bytes written.
  static func load(_ address: UInt, count: Int, from run: PageRun, _ offset: Int) -> Int {
    precondition(offset >= 0 && count >= 0 && offset + count <= run.byteCount)
    var written = 0
    var at = 0
    while at < count {
      // SAFETY: as above.
      unsafe written += loadPage(
        UnsafeMutablePointer<UInt64>(bitPattern: address + UInt(at))!,
        UnsafePointer<UInt64>(bitPattern: run.address + UInt(offset + at))!)
      at += 4096
    }
    return written
  }

  private static func loadPage(_ to: UnsafeMutablePointer<UInt64>, _ from: UnsafePointer<UInt64>)
    -> Int
  {
    for i in 0..<512 as Range<Int> where unsafe to[i] != from[i] {
      unsafe UnsafeMutableRawPointer(to).copyMemory(from: from, byteCount: 4096)
      return 4096
    }
    return 0
  }

  /// Exchanges user pages and kernel memory where they differ. Returns the bytes written to user pages.
  static func exchange(_ address: UInt, count: Int, with run: PageRun, _ offset: Int) -> Int {
    precondition(offset >= 0 && count >= 0 && offset + count <= run.byteCount)
    var written = 0
    var at = 0
    while at < count {
      // SAFETY: as above.
      let user = unsafe UnsafeMutablePointer<UInt64>(bitPattern: address + UInt(at))!
      let kernel = unsafe UnsafeMutablePointer<UInt64>(bitPattern: run.address + UInt(offset + at))!
      for i in 0..<512 as Range<Int> where unsafe user[i] != kernel[i] {
        for j in i..<512 {
          let value = unsafe user[j]
          unsafe user[j] = kernel[j]
          unsafe kernel[j] = value
        }
        written += 4096
        break
      }
      at += 4096
    }
    return written
  }

  static func zero(_ address: UInt, count: Int) {
    // SAFETY: as above.
    unsafe UnsafeMutableRawPointer(bitPattern: address)!.initializeMemory(
      as: UInt8.self, repeating: 0, count: count)
  }
}
