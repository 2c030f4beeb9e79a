import CEnclave
import LinuxABI

#if !CLOISTER_ENCLAVE
  import Glibc
#endif

/// A run of zeroed pages of kernel memory: what file data, pipe buffers and other bulk data live in.
/// Owned by one object, which says which of its locks guards the content.
@safe public final class PageRun: @unchecked Sendable {
  public let pageCount: Int
  @usableFromInline let base: UnsafeMutableRawPointer
  public var byteCount: Int { pageCount << 12 }

  /// nil: out of memory (the caller answers ENOMEM or ENOSPC).
  /// `isZeroed` false: the caller overwrites everything before it reads.
  public init?(pageCount: Int, isZeroed: Bool = true) {
    guard pageCount > 0, pageCount <= 1 << 26, let p = unsafe Self.allocate(pageCount, isZeroed)
    else {
      return nil
    }
    self.pageCount = pageCount
    unsafe base = p
  }
  deinit { unsafe Self.release(base, pageCount) }

  private static func allocate(_ pageCount: Int, _ isZeroed: Bool) -> UnsafeMutableRawPointer? {
    #if CLOISTER_ENCLAVE
      return unsafe isZeroed
        ? KernelHeap.allocatePages(pageCount)
        : KernelHeap.allocate(pageCount << 12, alignment: 4096)
    #else
      var p: UnsafeMutableRawPointer?
      guard unsafe posix_memalign(&p, 4096, pageCount << 12) == 0 else { return nil }
      unsafe memset(p!, 0, pageCount << 12)
      return unsafe p
    #endif
  }

  private static func release(_ p: UnsafeMutableRawPointer, _ pageCount: Int) {
    #if CLOISTER_ENCLAVE
      unsafe KernelHeap.freePages(p, pageCount)
    #else
      unsafe free(p)
    #endif
  }

  @inlinable func checkRange(_ offset: Int, _ count: Int) {
    precondition(offset >= 0 && count >= 0 && offset <= byteCount && count <= byteCount - offset)
  }

  /// Page content to a reader. Returns the bytes moved, at most `count`.
  public func copyOut(_ offset: Int, count: Int, to buffer: inout IOBuffer) throws(Errno) -> Int {
    checkRange(offset, count)
    // SAFETY: range checked against the run.
    return try unsafe buffer.write(from: base + offset, count: count)
  }

  /// A writer's bytes into the pages.
  public func copyIn(_ offset: Int, count: Int, from buffer: inout IOBuffer) throws(Errno) -> Int {
    checkRange(offset, count)
    // SAFETY: range checked against the run.
    return try unsafe buffer.read(into: base + offset, count: count)
  }

  /// A buffer over a part of the run, for code that fills through `IOBuffer`. Valid while the run lives.
  public func buffer(_ offset: Int, count: Int) -> IOBuffer {
    checkRange(offset, count)
    return unsafe IOBuffer(kernel: base + offset, count: count)
  }

  public func zero(_ offset: Int, count: Int) {
    checkRange(offset, count)
    unsafe (base + offset).initializeMemory(as: UInt8.self, repeating: 0, count: count)
  }

  /// Copies within or between runs.
  public func copy(_ offset: Int, from other: PageRun, _ otherOffset: Int, count: Int) {
    checkRange(offset, count)
    other.checkRange(otherOffset, count)
    unsafe (base + offset).copyMemory(from: other.base + otherOffset, byteCount: count)
  }

  public subscript(_ offset: Int) -> UInt8 {
    get {
      checkRange(offset, 1)
      return unsafe base.load(fromByteOffset: offset, as: UInt8.self)
    }
    set {
      checkRange(offset, 1)
      unsafe base.storeBytes(of: newValue, toByteOffset: offset, as: UInt8.self)
    }
  }

  /// The bytes in place, for hashing and ciphers.
  public func withSpan<R>(_ offset: Int, count: Int, _ body: (Span<UInt8>) -> R) -> R {
    checkRange(offset, count)
    let start = unsafe (base + offset).assumingMemoryBound(to: UInt8.self)
    // SAFETY: the range was checked, and the run outlives the call.
    return unsafe body(UnsafeBufferPointer(start: start, count: count).span)
  }

  /// A little-endian word; `offset` is a multiple of 4.
  public func load32(_ offset: Int) -> UInt32 {
    checkRange(offset, 4)
    return unsafe base.load(fromByteOffset: offset, as: UInt32.self)
  }

  /// Whether 64 bytes all have the bits of `word`; `offset` is a multiple of 8.
  public func isFilled64(_ offset: Int, with word: UInt64) -> Bool {
    checkRange(offset, 64)
    var difference: UInt64 = 0
    for i in 0..<8 {
      difference |= unsafe base.load(fromByteOffset: offset + 8 * i, as: UInt64.self) ^ word
    }
    return difference == 0
  }

  public func bytes(_ offset: Int, count: Int) -> [UInt8] {
    checkRange(offset, count)
    return unsafe [UInt8](UnsafeRawBufferPointer(start: base + offset, count: count))
  }

  /// Kernel address of the run, for mappings.
  public var address: UInt { unsafe UInt(bitPattern: base) }
}
