import EnclaveRuntime
import LinuxABI

/// What a process has written into `/dev/attestation` for its next report: as in Gramine, each process has
/// its own, and a new one begins with zeros.
final class AttestationState: @unchecked Sendable {
  /// Guards both.
  private let lock = Lock()
  private var data = ReportData.zero
  /// Empty: not written yet.
  private var target: [UInt8] = []

  var userReportData: ReportData { lock.withLock { data } }
  var targetInfo: [UInt8] { lock.withLock { target } }

  /// Fewer than 64 bytes get zeros behind them, more are cut.
  ///
  /// - Throws: `EACCES` for the label of the runtime's own reports.
  func setUserReportData(_ written: [UInt8]) throws(Errno) {
    let new = try ReportData(user: written)
    lock.withLock { data = new }
  }

  /// Fewer than 512 bytes get zeros behind them, more are cut.
  func setTargetInfo(_ written: [UInt8]) {
    var info = [UInt8](written.prefix(Leaf.targetInfoSize))
    while info.count < Leaf.targetInfoSize { info.append(0) }
    lock.withLock { target = info }
  }
}
