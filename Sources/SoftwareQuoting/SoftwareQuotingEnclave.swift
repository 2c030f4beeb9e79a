import Attestation
import SGX
import SoftwareSGX

/// What the quoting enclave does on a platform, for the software machine: it makes quotes of reports that
/// were made on this machine for it, and of no others.
public struct SoftwareQuotingEnclave: Sendable {
  private let platform: SoftwarePlatform
  private let machine: ReportVerification

  /// - Parameter machineState: the machine's secrets; nil is the user's own.
  public init(
    platform: SoftwarePlatform, machineState: String? = nil
  ) throws(FormatError) {
    self.platform = platform
    do {
      machine = try ReportVerification(stateFile: machineState)
    } catch {
      throw FormatError("the software machine's secrets cannot be read: \(error)")
    }
  }

  public var targetInfo: [UInt8] { platform.targetInfo }

  /// A quote of a REPORT (432 bytes); nil when its MAC is not one for this quoting enclave.
  public func quote(report bytes: [UInt8]) throws(FormatError) -> [UInt8]? {
    let report: REPORT
    let target: TARGETINFO
    do {
      report = try REPORT(bytes)
      target = try TARGETINFO(targetInfo)
    } catch {
      throw FormatError("not a REPORT: \(error)")
    }
    guard machine.isValid(report, for: target) else { return nil }
    return try platform.quote(reportBody: report.body())
  }
}
