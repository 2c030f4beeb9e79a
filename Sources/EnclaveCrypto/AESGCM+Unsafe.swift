import CEnclaveCrypto

/// AES-GCM (NIST SP 800-38D) with one key of 16 or 32 bytes; its key schedule is made once. May be used by several
/// threads at a time: nothing in it changes.
@safe public final class AESGCM: @unchecked Sendable {
  public static let nonceSize = 12
  public static let tagSize = 16
  private let context: OpaquePointer

  /// nil: a key of another size, or no memory.
  public init?(key: Span<UInt8>) {
    let made = unsafe key.withPointer { (k, n) in
      // SAFETY: the C side checks the size before it reads.
      unsafe k.flatMap { unsafe cl_gcm_new($0.assumingMemoryBound(to: UInt8.self), n) }
    }
    guard let made = unsafe made else { return nil }
    unsafe context = made
  }
  deinit { unsafe cl_gcm_free(context) }

  /// Encrypts `source` into `destination` (same length, no overlap) and returns the tag, 16 bytes. A nonce of 12
  /// bytes must never be used again with the key. nil: a nonce of another size, or more than 2^36 - 32 bytes.
  public func seal(
    _ source: Span<UInt8>, into destination: inout MutableSpan<UInt8>, nonce: Span<UInt8>,
    authenticating ad: Span<UInt8>
  ) -> [UInt8]? {
    guard nonce.count == Self.nonceSize, source.count == destination.count else {
      return nil
    }
    let context = unsafe context
    return unsafe destination.withUnsafeMutableBufferPointer { (d) in
      unsafe source.withPointer { (s, n) in
        unsafe nonce.withPointer { (v, _) in
          unsafe ad.withPointer { (a, an) in
            unsafe [UInt8].filled(Self.tagSize) { (tag) in
              unsafe cl_gcm_seal(
                context, v!.assumingMemoryBound(to: UInt8.self), a, an, s, n, d.baseAddress, tag)
            }
          }
        }
      }
    }
  }

  /// The same within one buffer.
  public func sealInPlace(
    _ text: inout MutableSpan<UInt8>, nonce: Span<UInt8>, authenticating ad: Span<UInt8>
  ) -> [UInt8]? {
    guard nonce.count == Self.nonceSize else { return nil }
    let context = unsafe context
    return unsafe text.withUnsafeMutableBufferPointer { (d) in
      unsafe nonce.withPointer { (v, _) in
        unsafe ad.withPointer { (a, an) in
          unsafe [UInt8].filled(Self.tagSize) { (tag) in
            unsafe cl_gcm_seal(
              context, v!.assumingMemoryBound(to: UInt8.self), a, an, d.baseAddress, d.count,
              d.baseAddress, tag)
          }
        }
      }
    }
  }

  /// Decrypts `source` into `destination` (same length, no overlap). False: not what was sealed with this key, nonce and
  /// additional data; the destination is then zeros.
  public func open(
    _ source: Span<UInt8>, into destination: inout MutableSpan<UInt8>, tag: Span<UInt8>,
    nonce: Span<UInt8>,
    authenticating ad: Span<UInt8>
  ) -> Bool {
    guard nonce.count == Self.nonceSize, tag.count == Self.tagSize,
      source.count == destination.count
    else { return false }
    let context = unsafe context
    return unsafe destination.withUnsafeMutableBufferPointer { (d) in
      unsafe source.withPointer { (s, n) in
        unsafe nonce.withPointer { (v, _) in
          unsafe tag.withPointer { (t, _) in
            unsafe ad.withPointer { (a, an) in
              unsafe cl_gcm_open(
                context, v!.assumingMemoryBound(to: UInt8.self), a, an, s, n,
                t!.assumingMemoryBound(to: UInt8.self), d.baseAddress) == 1
            }
          }
        }
      }
    }
  }

  /// The same within one buffer.
  public func openInPlace(
    _ text: inout MutableSpan<UInt8>, tag: Span<UInt8>, nonce: Span<UInt8>,
    authenticating ad: Span<UInt8>
  ) -> Bool {
    guard nonce.count == Self.nonceSize, tag.count == Self.tagSize else { return false }
    let context = unsafe context
    return unsafe text.withUnsafeMutableBufferPointer { (d) in
      unsafe nonce.withPointer { (v, _) in
        unsafe tag.withPointer { (t, _) in
          unsafe ad.withPointer { (a, an) in
            unsafe cl_gcm_open(
              context, v!.assumingMemoryBound(to: UInt8.self), a, an, d.baseAddress, d.count,
              t!.assumingMemoryBound(to: UInt8.self), d.baseAddress) == 1
          }
        }
      }
    }
  }

  /// `seal` between addresses, for bulk data: `count` bytes from `source` to `destination` (the same, or no overlap), a
  /// nonce of 12 bytes, and a tag of 16 bytes to `tag`.
  @unsafe public func seal(
    from source: UnsafeRawPointer, to destination: UnsafeMutableRawPointer, count: Int,
    nonce: UnsafePointer<UInt8>, ad: UnsafeRawPointer, adCount: Int,
    tag: UnsafeMutablePointer<UInt8>
  ) -> Bool {
    unsafe cl_gcm_seal(context, nonce, ad, adCount, source, count, destination, tag) == 1
  }

  /// `open` between addresses. On false the destination is zeros.
  @unsafe public func open(
    from source: UnsafeRawPointer, to destination: UnsafeMutableRawPointer, count: Int,
    nonce: UnsafePointer<UInt8>, ad: UnsafeRawPointer, adCount: Int, tag: UnsafePointer<UInt8>
  ) -> Bool {
    unsafe cl_gcm_open(context, nonce, ad, adCount, source, count, tag, destination) == 1
  }
}
