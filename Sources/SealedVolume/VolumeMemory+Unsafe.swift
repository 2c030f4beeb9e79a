/// A stretch of memory that somebody else owns and keeps alive during the call it is passed to. Every access is
/// checked against its length.
@safe public struct VolumeMemory {
  public let count: Int
  let base: UnsafeMutableRawPointer

  /// The caller keeps the memory alive and lets nobody else write to it while the volume uses it.
  @unsafe public init(_ base: UnsafeMutableRawPointer, count: Int) {
    unsafe self.base = base
    self.count = count
  }

  @inline(__always) func check(_ offset: Int, _ n: Int) {
    precondition(offset >= 0 && n >= 0 && offset <= count && n <= count - offset)
  }

  public func slice(_ offset: Int, _ n: Int) -> VolumeMemory {
    check(offset, n)
    // SAFETY: checked; the owner of the whole keeps the part alive.
    return unsafe VolumeMemory(base + offset, count: n)
  }
  public func zero() {
    // SAFETY: the memory's own length.
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: count)
  }
  public func copy(from other: VolumeMemory) {
    precondition(other.count <= count)
    // SAFETY: checked.
    unsafe base.copyMemory(from: other.base, byteCount: other.count)
  }
  public func copy(from bytes: [UInt8]) {
    precondition(bytes.count <= count)
    unsafe bytes.withUnsafeBytes { (b) in
      // SAFETY: checked.
      if let p = b.baseAddress { unsafe base.copyMemory(from: p, byteCount: b.count) }
    }
  }
  public var bytes: [UInt8] { unsafe [UInt8](UnsafeRawBufferPointer(start: base, count: count)) }

  public var isZero: Bool {
    var i = 0
    // SAFETY: within the length.
    while i + 8 <= count {
      if unsafe base.loadUnaligned(fromByteOffset: i, as: UInt64.self) != 0 { return false }
      i += 8
    }
    while i < count {
      if unsafe base.load(fromByteOffset: i, as: UInt8.self) != 0 { return false }
      i += 1
    }
    return true
  }

  subscript(_ i: Int) -> UInt8 {
    get {
      check(i, 1)
      return unsafe base.load(fromByteOffset: i, as: UInt8.self)
    }
    nonmutating set {
      check(i, 1)
      unsafe base.storeBytes(of: newValue, toByteOffset: i, as: UInt8.self)
    }
  }
  /// Little-endian integers at any offset.
  @inline(__always) func load<T: FixedWidthInteger & BitwiseCopyable>(_ at: Int, as: T.Type) -> T {
    check(at, MemoryLayout<T>.size)
    return unsafe T(littleEndian: base.loadUnaligned(fromByteOffset: at, as: T.self))
  }
  @inline(__always) func store<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, _ at: Int) {
    check(at, MemoryLayout<T>.size)
    unsafe base.storeBytes(of: value.littleEndian, toByteOffset: at, as: T.self)
  }

  /// For the storage and for the cipher: an address within the volume's code.
  @unsafe public var address: UnsafeMutableRawPointer { unsafe base }
}

/// Memory of the volume's own, zeroed.
@safe public final class VolumeBuffer {
  public let memory: VolumeMemory
  public init(count: Int) {
    let p = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
    unsafe p.initializeMemory(as: UInt8.self, repeating: 0, count: count)
    memory = unsafe VolumeMemory(p, count: count)
  }
  deinit { unsafe memory.base.deallocate() }
}
