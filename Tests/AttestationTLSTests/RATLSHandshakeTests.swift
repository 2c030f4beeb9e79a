import Attestation
import AttestationTLS
import Crypto
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import SoftwareQuoting
import Synchronization
import SwiftASN1
import Testing
import X509

/// One handshake, and the client knows which enclave it talks to, or has sent nothing.
@Suite("RA-TLS handshakes", .serialized)
struct RATLSHandshakeTests {
  private static let platform: SoftwarePlatform = {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "cloister-ra-tls-\(UUID())/software-quoting")
    defer { try? FileManager.default.removeItem(at: folder.deletingLastPathComponent()) }
    return try! SoftwarePlatform.open(folder: folder.path)
  }()

  private static var anchor: TrustAnchor {
    .software(fingerprint: platform.rootFingerprint)!
  }

  /// A certificate with a quote of an enclave report that the platform makes.
  private static func certificate(
    mrenclave: UInt8 = 0xE0, _ change: (inout [UInt8]) -> Void = { _ in }
  ) throws -> RATLSCertificate {
    try RATLSCertificate { reportData in
      var report = [UInt8](repeating: 0, count: EnclaveReport.size)
      report[48] = 0x05
      report[56] = 0x03
      report.replaceSubrange(64..<96, with: [UInt8](repeating: mrenclave, count: 32))
      var data = reportData
      change(&data)
      report.replaceSubrange(320..<384, with: data)
      return try platform.quote(reportBody: report)
    }
  }

  private final class Echo: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    let received: Mutex<Int> = Mutex(0)
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      received.withLock { $0 += unwrapInboundIn(data).readableBytes }
      context.writeAndFlush(data, promise: nil)
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }
  }

  /// Asks as soon as the channel is there; the answer completes the promise.
  private final class Ask: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let answer: EventLoopPromise<String>
    init(_ answer: EventLoopPromise<String>) { self.answer = answer }
    func channelActive(context: ChannelHandlerContext) {
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "secret")), promise: nil)
    }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      answer.succeed(String(buffer: unwrapInboundIn(data)))
      context.close(promise: nil)
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      answer.fail(error)
      context.close(promise: nil)
    }
    func channelInactive(context: ChannelHandlerContext) {
      answer.fail(ChannelError.eof)
    }
  }

  /// The answer, nil when the handshake failed; the verdict; how many bytes the server got.
  private func talk(
    key: P256.Signing.PrivateKey, der: [UInt8], anchors: [TrustAnchor] = [anchor],
    policy: Policy = .default, collateral: Collateral? = platform.collateral()
  ) async throws -> (answer: String?, verdict: Verdict?, received: Int) {
    let group = MultiThreadedEventLoopGroup.singleton
    let context = try NIOSSLContext(
      configuration: .makeServerConfiguration(
        certificateChain: [.certificate(try NIOSSLCertificate(bytes: der, format: .der))],
        privateKey: .privateKey(
          try NIOSSLPrivateKey(bytes: Array(key.pemRepresentation.utf8), format: .pem))))
    let echo = Echo()
    let server = try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers(
            NIOSSLServerHandler(context: context), echo)
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let verdict = Mutex<Verdict?>(nil)
    struct NoCollateral: Error {}
    let client = try RATLSClient(
      verifier: Verifier(anchors: anchors), policy: policy,
      collateral: { _ in
        guard let collateral else { throw NoCollateral() }
        return collateral
      }, report: { found in verdict.withLock { $0 = found } })
    let promise = group.next().makePromise(of: String.self)
    let channel = try await ClientBootstrap(group: group)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers(client.makeHandler(), Ask(promise))
        }
      }
      .connect(host: "127.0.0.1", port: server.localAddress!.port!).get()
    let answer = try? await promise.futureResult.get()
    try? await channel.closeFuture.get()
    try await server.close()
    return (answer, verdict.withLock { $0 }, echo.received.withLock { $0 })
  }

  @Test("the server's enclave is attested, and only then is anything said")
  func accepted() async throws {
    let made = try Self.certificate()
    let (answer, verdict, received) = try await talk(key: made.key, der: made.der)
    #expect(answer == "secret" && received == 6)
    #expect(verdict?.isAccepted == true && verdict?.isSoftware == true)
    var policy = Policy.default
    policy.mrenclave = [[UInt8](repeating: 0xE0, count: 32)]
    let named = try await talk(key: made.key, der: made.der, policy: policy)
    #expect(named.answer == "secret")
  }

  @Test("refused: nothing is sent", arguments: 0..<6)
  func refused(_ index: Int) async throws {
    let made = try Self.certificate()
    let result: (answer: String?, verdict: Verdict?, received: Int)
    let expected: Verdict.Outcome
    switch index {
    case 0:  // the software machine's root without its fingerprint
      result = try await talk(key: made.key, der: made.der, anchors: [.intel])
      expected = .refusedByVerification
    case 1:  // another enclave
      var policy = Policy.default
      policy.mrenclave = [[UInt8](repeating: 1, count: 32)]
      result = try await talk(key: made.key, der: made.der, policy: policy)
      expected = .refusedByPolicy
    case 2:  // a quote that vouches for another key
      let other = try Self.certificate { $0[0] ^= 1 }
      result = try await talk(key: other.key, der: other.der)
      expected = .refusedByPolicy
    case 3:  // no collateral
      result = try await talk(key: made.key, der: made.der, collateral: nil)
      expected = .undecided
    case 4:  // an ordinary certificate
      let key = P256.Signing.PrivateKey()
      result = try await talk(key: key, der: try plainCertificate(key))
      expected = .refusedByVerification
    default:  // a policy that does not fit RA-TLS
      var policy = Policy.default
      policy.reportData = .exact([UInt8](repeating: 0, count: 64))
      result = try await talk(key: made.key, der: made.der, policy: policy)
      expected = .undecided
    }
    #expect(result.answer == nil && result.received == 0)
    #expect(result.verdict?.outcome == expected, Comment(rawValue: result.verdict?.text ?? "none"))
  }

  @Test("somebody else's certificate is of no use without its key")
  func stolen() async throws {
    let made = try Self.certificate()
    await #expect(throws: (any Error).self) {
      let result = try await talk(key: P256.Signing.PrivateKey(), der: made.der)
      #expect(result.answer == nil && result.received == 0)
      throw ChannelError.eof
    }
  }

  private func plainCertificate(_ key: P256.Signing.PrivateKey) throws -> [UInt8] {
    let name = try DistinguishedName { CommonName("nobody") }
    let certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey),
      notValidBefore: Date(timeIntervalSinceNow: -60),
      notValidAfter: Date(timeIntervalSinceNow: 3600), issuer: name, subject: name,
      signatureAlgorithm: .ecdsaWithSHA256, extensions: .init(), issuerPrivateKey: .init(key))
    var serializer = DER.Serializer()
    try serializer.serialize(certificate)
    return serializer.serializedBytes
  }
}
