import EnclaveRuntime
import LinuxABI

/// Reports and quotes of this enclave.
enum Attestation {
  /// Set once at start, from the measured configuration: there are quotes (DCAP).
  nonisolated(unsafe) static var isRemote = false

  /// A report for another enclave on this machine. A target of zeros, or none, is this enclave itself.
  ///
  /// - Throws: `EACCES` for a TARGETINFO that the processor would not take.
  static func report(for target: [UInt8], _ data: ReportData) throws(Errno) -> [UInt8] {
    let isZero = target.allSatisfy { $0 == 0 }
    let target = isZero ? try OwnIdentity().targetInfo : target
    do throws(Errno) { return try Leaf.EREPORT(target: target, data: data.bytes) } catch {
      throw error == .EINVAL ? .EACCES : error
    }
  }

  /// A quote over a report of this enclave with this data.
  ///
  /// The host does not say beforehand who its quoting enclave is; it hands out the TARGETINFO when the
  /// report is for somebody else, and the report is made again. Nothing it says is believed: a report for
  /// the wrong enclave is worth nothing, and the quote's signatures are its reader's to check.
  ///
  /// - Throws: `EACCES` when the host makes no quote, or one of something else.
  static func quote(_ data: ReportData) throws(Errno) -> [UInt8] {
    var target = [UInt8](repeating: 0, count: Leaf.targetInfoSize)
    for _ in 0..<4 {
      let report: [UInt8]
      do throws(Errno) { report = try Leaf.EREPORT(target: target, data: data.bytes) } catch {
        throw error == .EINVAL ? .EACCES : error
      }
      let answer: Host.QuoteAnswer
      do throws(Errno) { answer = try Host.quote(report: report, target: target) } catch {
        throw .EACCES
      }
      switch answer {
      case .target(let info): target = info
      case .quote(let quote):
        guard isQuote(quote, of: report) else { throw .EACCES }
        return quote
      }
    }
    throw .EACCES
  }

  /// The body lies behind the header (48 bytes), in version 5 behind a type and a size (6 bytes) too.
  private static func isQuote(_ quote: [UInt8], of report: [UInt8]) -> Bool {
    let bodySize = 384
    guard quote.count >= 54 + bodySize else { return false }
    let start = quote[0] == 5 ? 54 : 48
    for i in 0..<bodySize where quote[start + i] != report[i] { return false }
    return true
  }
}
