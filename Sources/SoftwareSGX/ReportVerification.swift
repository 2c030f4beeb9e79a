import CCryptoBoringSSL
import SGX

/// Local attestation on the software machine: whether a REPORT was made on this machine, for this target.
///
/// What an enclave does with EGETKEY(REPORT) and a CMAC, for the quoting enclave that the host plays.
public struct ReportVerification: Sendable {
  private let keys: KeyHierarchy

  /// - Parameter stateFile: the machine's secrets; nil is the user's own (see `MachineState`).
  public init(stateFile: String? = nil) throws(SGXError) {
    keys = try KeyHierarchy(stateFile: stateFile)
  }

  public func isValid(_ report: REPORT, for target: TARGETINFO) -> Bool {
    let key = keys.reportKey(target: target, keyID: report.keyID)
    let mac = KeyHierarchy.cmac(key, report.body())
    return CCryptoBoringSSL_CRYPTO_memcmp(mac, report.mac, mac.count) == 0
  }
}
