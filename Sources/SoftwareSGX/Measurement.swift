import Crypto
import SGX

/// MRENCLAVE as the CPU computes it: SHA-256 over a record of 64 bytes for ECREATE, EADD and EEXTEND each,
/// an EEXTEND's followed by the 256 bytes that it covers (SDM vol. 3D, 37.4).
public struct Measurement: Sendable {
  private var hash = SHA256()
  private var buffer = [UInt8](repeating: 0, count: Self.recordsPerPage)
  private static let recordsPerPage = 64 + 16 * (64 + 256)

  private static let ECREATE: UInt64 = 0x0045_5441_4552_4345
  private static let EADD: UInt64 = 0x0000_0000_4444_4145
  private static let EEXTEND: UInt64 = 0x0044_4E45_5458_4545

  public init(_ secs: SECS) {
    var record = [UInt8](repeating: 0, count: 64)
    record.put(Self.ECREATE, at: 0)
    record.put(secs.ssaFrameSize, at: 8)
    record.put(secs.size, at: 12)
    hash.update(data: record)
  }

  /// EADD of whole pages, each followed by its 16 EEXTENDs if `measure` is set.
  public mutating func add(
    offset: UInt64, source: UnsafeRawBufferPointer, flags: SECINFO.Flags, measure: Bool
  ) {
    // The CPU clears the permissions of a TCS page before it measures.
    let flags = flags.pageType == .tcs ? flags.subtracting(.permissions) : flags
    let pages = source.count / 4096
    buffer.withUnsafeMutableBytes { out in
      out.storeBytes(of: Self.EADD, toByteOffset: 0, as: UInt64.self)
      out.storeBytes(of: flags.rawValue, toByteOffset: 16, as: UInt64.self)
      for i in 0..<pages {
        let page = offset + UInt64(i) * 4096
        out.storeBytes(of: page, toByteOffset: 8, as: UInt64.self)
        guard measure else {
          hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: out[..<64]))
          continue
        }
        for chunk in 0..<16 {
          let at = 64 + chunk * 320
          out.storeBytes(of: Self.EEXTEND, toByteOffset: at, as: UInt64.self)
          out.storeBytes(of: page + UInt64(chunk) * 256, toByteOffset: at + 8, as: UInt64.self)
          (out.baseAddress! + at + 64).copyMemory(
            from: source.baseAddress! + i * 4096 + chunk * 256, byteCount: 256)
        }
        hash.update(bufferPointer: UnsafeRawBufferPointer(out))
      }
    }
  }

  /// MRENCLAVE, as EINIT would find it now.
  public func finalize() -> [UInt8] { [UInt8](hash.finalize()) }
}
