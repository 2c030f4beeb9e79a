import Attestation
import NIOCore
import NIOSSL

/// The client's side of RA-TLS with swift-nio-ssl: the server's certificate is judged by the quote in it,
/// while the handshake runs, and nothing is sent to a server that is not accepted.
///
///     let client = try RATLSClient(verifier: verifier, policy: policy, collateral: { _ in folder })
///     bootstrap.channelInitializer { channel in
///       channel.pipeline.addHandler(try client.makeHandler())
///     }
///
/// No host name and no certificate authority is asked: who the server is, is what the policy says about
/// its enclave.
public struct RATLSClient: Sendable {
  private let verifier: Verifier
  private let policy: Policy
  private let time: @Sendable () -> Timestamp
  private let collateral: @Sendable (_ quote: [UInt8]) async throws -> Collateral
  private let report: @Sendable (Verdict) -> Void
  private let context: NIOSSLContext

  /// - Parameters:
  ///   - policy: must not have a rule for REPORTDATA; RA-TLS says what it is.
  ///   - time: when the handshake is, as the client knows it.
  ///   - collateral: gives the collateral for a quote, from a folder or from a PCCS.
  ///   - report: called with the verdict on each server, before the handshake goes on or fails.
  public init(
    verifier: Verifier = Verifier(), policy: Policy = .default,
    time: @escaping @Sendable () -> Timestamp = { .now },
    collateral: @escaping @Sendable (_ quote: [UInt8]) async throws -> Collateral,
    report: @escaping @Sendable (Verdict) -> Void = { _ in }
  ) throws {
    self.verifier = verifier
    self.policy = policy
    self.time = time
    self.collateral = collateral
    self.report = report
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    // The certificate's chain is replaced by `judge`; without a name there is none to compare.
    configuration.certificateVerification = .noHostnameVerification
    context = try NIOSSLContext(configuration: configuration)
  }

  /// A handler for one connection.
  public func makeHandler() throws -> NIOSSLClientHandler {
    try NIOSSLClientHandler(
      context: context, serverHostname: nil,
      customVerificationCallback: { certificates, promise in
        // The first is the server's own; the others have no part in RA-TLS.
        let der = certificates.first.flatMap { try? $0.toDERBytes() } ?? []
        promise.completeWithTask { await judge(der) }
      })
  }

  private func judge(_ der: [UInt8]) async -> NIOSSLVerificationResult {
    let quote = (try? RATLSEvidence(certificateDER: der))?.quote ?? []
    // What is missing is named by the verdict.
    let found = (try? await collateral(quote)) ?? Collateral()
    let verdict = verifier.verify(
      ratlsCertificate: der, collateral: PreparedCollateral(found), at: time(), policy: policy)
    report(verdict)
    return verdict.isAccepted ? .certificateVerified : .failed
  }
}
