import CEnclaveCrypto

extension Span where Element == UInt8 {
  /// Pointer and length for a C call that keeps neither.
  @inline(__always)
  func withPointer<R>(_ body: (UnsafeRawPointer?, Int) -> R) -> R {
    // SAFETY: the pointer is used within `body`, during which `self` is alive.
    unsafe withUnsafeBufferPointer { (b) in unsafe body(UnsafeRawPointer(b.baseAddress), b.count) }
  }
}

extension Array where Element == UInt8 {
  /// Pointer and length for a C call that keeps neither.
  @inline(__always)
  func withPointer<R>(_ body: (UnsafePointer<UInt8>, Int) -> R) -> R {
    // SAFETY: an array of at least one element has an address; for an empty one any will do, nothing is read.
    unsafe withUnsafeBufferPointer { (b) in
      unsafe body(b.baseAddress ?? UnsafePointer(bitPattern: 1)!, b.count)
    }
  }

  /// An array of `count` bytes that a C function fills completely; nil when it answers 0.
  @inline(__always)
  static func filled(_ count: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Int32) -> [UInt8]? {
    var ok: Int32 = 0
    // SAFETY: the C functions write `count` bytes, zeros when they fail.
    let out = unsafe [UInt8](unsafeUninitializedCapacity: count) { (b, n) in
      ok = unsafe body(b.baseAddress!)
      n = count
    }
    return ok == 1 ? out : nil
  }
}

/// What is common to all of it.
public enum EnclaveCrypto {
  /// The processor's features as the kernel's CPUID answers have them, already cut down to `xfrm`. Once, at boot.
  public static func start(
    leaf1: (eax: UInt32, ecx: UInt32, edx: UInt32), leaf7: (ebx: UInt32, ecx: UInt32),
    isIntel: Bool,
    xfrm: UInt64, hasXSAVEC: Bool
  ) {
    cl_crypto_start(
      leaf1.eax, leaf1.ecx, leaf1.edx, leaf7.ebx, leaf7.ecx, isIntel ? 1 : 0, xfrm,
      hasXSAVEC ? 1 : 0)
  }

  /// Overwrites a secret in place.
  public static func wipe(_ bytes: inout [UInt8]) {
    // SAFETY: the array's own storage (a copy is made first if it is shared, and that copy is wiped).
    unsafe bytes.withUnsafeMutableBytes { (b) in
      if let p = b.baseAddress { unsafe cl_crypto_wipe(p, b.count) }
    }
  }

  /// Whether two byte strings are equal, in a time that depends on their lengths only.
  public static func equal(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
    guard a.count == b.count else { return false }
    if a.count == 0 { return true }
    return unsafe a.withPointer { (p, n) in
      unsafe b.withPointer { (q, _) in unsafe cl_crypto_equal(p!, q!, n) == 1 }
    }
  }

  /// Random bytes from BoringSSL's generator, which in the enclave RDRAND seeds.
  public static func random(_ count: Int) -> [UInt8] {
    if count == 0 { return [] }
    return unsafe [UInt8].filled(count) { (p) in
      unsafe cl_crypto_random(p, count)
      return 1
    }!
  }
}
