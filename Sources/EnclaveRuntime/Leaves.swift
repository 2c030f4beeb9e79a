import CEnclave
import LinuxABI

/// EREPORT and EGETKEY (SDM vol. 3D, 40.4): what the processor says about this enclave, and keys that it
/// gives to nobody else.
///
/// Attack considered: a TARGETINFO chosen by the host or by a program makes EREPORT fault (#GP) inside the
/// kernel. So its reserved bytes are looked at first.
@safe public enum Leaf {
  public static let targetInfoSize = 512
  public static let reportDataSize = 64
  public static let reportSize = 432
  public static let keyRequestSize = 512
  public static let keySize = 16

  /// A REPORT of this enclave over 64 bytes of data, for the enclave that `target` (TARGETINFO) names.
  ///
  /// - Throws: `EINVAL` for a TARGETINFO of another size or with reserved bytes set, `ENOMEM`.
  public static func EREPORT(target: [UInt8], data: [UInt8]) throws(Errno) -> [UInt8] {
    guard target.count == targetInfoSize, data.count == reportDataSize, isWellFormed(target) else {
      throw .EINVAL
    }
    #if CLOISTER_ENCLAVE
      guard let page = PageRun(pageCount: 1) else { throw .ENOMEM }
      page.write(target, at: 0)
      page.write(data, at: 1024)
      // SAFETY: offsets 0 (TARGETINFO, 512 aligned to 512), 1024 (REPORTDATA, 64 aligned to 128) and 2048
      // (REPORT, 432 aligned to 512) lie within one page of the enclave that nobody else uses.
      let base = unsafe UnsafeMutableRawPointer(bitPattern: page.address)!
      _ = unsafe cl_ereport(base, base + 1024, base + 2048)
      return page.bytes(2048, count: reportSize)
    #else
      return unsafe LeafDouble.report(target, data)
    #endif
  }

  /// The key that a KEYREQUEST describes.
  ///
  /// - Throws: `EACCES` when the processor refuses (an attribute that this enclave lacks, a CPUSVN or
  ///   ISVSVN above its own), `EINVAL` for reserved bytes that are set, `ENOMEM`.
  public static func EGETKEY(_ request: [UInt8]) throws(Errno) -> [UInt8] {
    guard request.count == keyRequestSize, request[7] == 0 else { throw .EINVAL }
    for i in 78..<keyRequestSize where request[i] != 0 { throw .EINVAL }
    #if CLOISTER_ENCLAVE
      guard let page = PageRun(pageCount: 1) else { throw .ENOMEM }
      page.write(request, at: 0)
      // SAFETY: offsets 0 (KEYREQUEST, 512 aligned to 512) and 1024 (the key, 16 aligned to 16) lie within
      // one page of the enclave that nobody else uses.
      let base = unsafe UnsafeMutableRawPointer(bitPattern: page.address)!
      let answer = unsafe cl_egetkey(base, base + 1024)
      let key = page.bytes(1024, count: keySize)
      page.zero(1024, count: keySize)
      guard answer == 0 else { throw .EACCES }
      return key
    #else
      guard let key = unsafe LeafDouble.key(request) else { throw .EACCES }
      return key
    #endif
  }

  /// Reserved bytes of TARGETINFO: 49, 56...63, 128...511.
  private static func isWellFormed(_ target: [UInt8]) -> Bool {
    if target[49] != 0 { return false }
    for i in 56..<64 where target[i] != 0 { return false }
    for i in 128..<targetInfoSize where target[i] != 0 { return false }
    return true
  }
}

#if CLOISTER_ENCLAVE
  extension PageRun {
    fileprivate func write(_ bytes: [UInt8], at offset: Int) {
      for i in bytes.indices { self[offset + i] = bytes[i] }
    }
  }
#else
  /// The processor in plain-Swift tests. A report is its target's MEASUREMENT and the data in their places.
  public enum LeafDouble {
    nonisolated(unsafe) public static var report: @Sendable ([UInt8], [UInt8]) -> [UInt8] = {
      (target, data) in
      var report = [UInt8](repeating: 0, count: Leaf.reportSize)
      for i in 0..<64 { report[320 + i] = data[i] }
      for i in 0..<32 { report[384 + i] = target[i] }
      return report
    }
    nonisolated(unsafe) public static var key: @Sendable ([UInt8]) -> [UInt8]? = { _ in nil }
  }
#endif
