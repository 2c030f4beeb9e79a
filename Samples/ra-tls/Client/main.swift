// A client that attests the server inside an enclave in the TLS handshake, says what it thinks of it, and
// only then talks to it.
//
//   ra-tls-client HOST PORT COLLATERAL-FOLDER POLICY.toml [SOFTWARE-ROOT-FINGERPRINT]
//
// Prints what the server sends. The verdict goes to standard error; exit codes are those of
// `cloister verify`, and 4 when there is no connection.
import Attestation
import AttestationTLS
import Foundation
import NIOCore
import NIOPosix
import Synchronization

func fail(_ text: String, _ code: Int32) -> Never {
  FileHandle.standardError.write(Data("ra-tls-client: \(text)\n".utf8))
  exit(code)
}

let arguments = CommandLine.arguments.dropFirst()
guard arguments.count == 4 || arguments.count == 5, let port = Int(arguments[2]) else {
  fail("use ra-tls-client HOST PORT COLLATERAL-FOLDER POLICY.toml [SOFTWARE-ROOT-FINGERPRINT]", 64)
}

let collateral: Collateral
let policy: Policy
var anchors = [TrustAnchor.intel]
do {
  collateral = try CollateralFolder.read(arguments[3])
  let text = try CollateralFolder.readFile(arguments[4], limit: 1 << 20)
  policy = try PolicyFile.parse(String(decoding: text, as: UTF8.self))
  if arguments.count == 5 {
    guard let bytes = Hex.decode(arguments[5]), let root = TrustAnchor.software(fingerprint: bytes)
    else { fail("\(arguments[5]) is not the SHA-256 of a certificate", 64) }
    anchors.append(root)
  }
} catch {
  fail("\(error)", 64)
}

/// What the handshake found; it is over before anything is received.
let verdict = Mutex<Verdict?>(nil)
let client = try RATLSClient(
  verifier: Verifier(anchors: anchors), policy: policy, collateral: { _ in collateral },
  report: { found in verdict.withLock { $0 = found } })

/// Sends one line and prints what comes back.
final class Conversation: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  func channelActive(context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "who are you?\n")), promise: nil)
    context.fireChannelActive()
  }
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    FileHandle.standardOutput.write(Data(unwrapInboundIn(data).readableBytesView))
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}

do {
  let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
    .channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandlers(client.makeHandler(), Conversation())
      }
    }
    .connect(host: arguments[1], port: port).get()
  try await channel.closeFuture.get()
} catch {
  fail("no connection to \(arguments[1]) port \(port): \(error)", 4)
}

guard let found = verdict.withLock({ $0 }) else { fail("the server did not show a certificate", 4) }
FileHandle.standardError.write(Data((found.text + "\n").utf8))
exit(found.exitCode)
