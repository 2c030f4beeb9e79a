import LinuxABI
import PayloadFormat

/// REPORTDATA of a report of this enclave. There are two ways to make one, and no bytes that both make.
struct ReportData: Sendable {
  let bytes: [UInt8]

  /// What a program wrote: its bytes, zeros behind them, and nothing after the 64th.
  ///
  /// - Throws: `EACCES` for the label of the runtime's own reports.
  init(user written: [UInt8]) throws(Errno) {
    var bytes = [UInt8](written.prefix(RuntimeReportData.size))
    while bytes.count < RuntimeReportData.size { bytes.append(0) }
    if RuntimeReportData.hasLabel(bytes) { throw .EACCES }
    self.bytes = bytes
  }

  /// What the runtime itself vouches for.
  init(runtime data: RuntimeReportData) { bytes = data.encoded() }

  /// Nothing written yet.
  static let zero = ReportData()
  private init() { bytes = [UInt8](repeating: 0, count: RuntimeReportData.size) }
}
