import Attestation
import Crypto
import Foundation
import X509

/// The attestation side of a software machine: a root, a platform and a quoting enclave of this
/// user's own, made once and kept in a folder that only the user can read.
///
/// Its quotes have the structure of real ones and pass the same verifier, but only for someone
/// who passes `--trust-software-root` with this root's fingerprint. They prove nothing about
/// hardware, and every verdict on them says so first.
public struct SoftwarePlatform: Sendable {
  private let keys: PKIKeys
  private let certificates: PKICertificates
  private let sgx: SGXExtensionRecipe

  init(keys: PKIKeys, certificates: PKICertificates, sgx: SGXExtensionRecipe) {
    self.keys = keys
    self.certificates = certificates
    self.sgx = sgx
  }

  /// SHA-256 of the root certificate: what `--trust-software-root` takes.
  public var rootFingerprint: [UInt8] { certificates.fingerprint }

  /// TARGETINFO of the software quoting enclave, for EREPORT.
  public var targetInfo: [UInt8] {
    var info = [UInt8](repeating: 0, count: 512)
    info.replaceSubrange(0..<32, with: SoftwareQE.MRENCLAVE)
    info[32] = 0x15
    info[40] = 0x03
    return info
  }

  /// A quote of version 3 over the body of a report.
  ///
  /// - Precondition: the caller has checked the report's MAC, as a quoting enclave does.
  public func quote(reportBody: [UInt8]) throws(FormatError) -> [UInt8] {
    guard reportBody.count == EnclaveReport.size else {
      throw FormatError("a report body has \(EnclaveReport.size) bytes, not \(reportBody.count)")
    }
    let chain = PKICertificates.pem(
      certificates.pck, certificates.platformCA, certificates.root)
    var recipe = QuoteRecipe(body: reportBody, keys: keys, pckChain: chain)
    recipe.userData = Array(sgx.platformInstanceID) + [0, 0, 0, 0]
    return recipe.signed(by: keys)
  }

  /// Collateral that is valid for 30 days from `time`.
  public func collateral(at time: Timestamp = .now) -> Collateral {
    let crl = CRLRecipe(at: time)
    let signingChain = PKICertificates.pem(certificates.tcbSigning, certificates.root)
    return Collateral([
      .tcbInfo: TCBInfoRecipe(at: time, for: sgx).signed(by: keys.tcbSigning),
      .tcbInfoIssuerChain: signingChain,
      .qeIdentity: QEIdentityRecipe(at: time).signed(by: keys.tcbSigning),
      .qeIdentityIssuerChain: signingChain,
      .rootCRL: crl.signed(issuer: certificates.root.subject, key: keys.root),
      .pckCRL: crl.signed(issuer: certificates.platformCA.subject, key: keys.platformCA),
      .pckCRLIssuerChain: PKICertificates.pem(certificates.platformCA, certificates.root),
    ])
  }
}
