import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A server on loopback that gives recorded answers and remembers what it was asked.
final class RecordedServer: Sendable {
  struct Answer: Sendable {
    var status = HTTPResponseStatus.ok
    var headers: [(String, String)] = []
    var body: [UInt8] = []
  }

  let asked = Mutex<[String]>([])
  private let answers: Mutex<[String: Answer]>
  private let channel: any Channel

  var port: Int { channel.localAddress!.port! }

  /// - Parameter answers: by path with query.
  init(_ answers: [String: Answer], tls: NIOSSLContext? = nil) async throws {
    let box = Mutex(answers)
    self.answers = box
    let handler = HandlerBox()
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
          }
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Handler(handler))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    handler.server.withLock { $0 = self }
  }

  func set(_ path: String, _ answer: Answer?) { answers.withLock { $0[path] = answer } }

  func stop() async throws { try await channel.close() }

  fileprivate func answer(_ path: String) -> Answer {
    asked.withLock { $0.append(path) }
    return answers.withLock { $0[path] } ?? Answer(status: .notFound)
  }

  fileprivate final class HandlerBox: Sendable {
    let server = Mutex<RecordedServer?>(nil)
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    let box: HandlerBox
    init(_ box: HandlerBox) { self.box = box }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      guard case .head(let head) = unwrapInboundIn(data),
        let answer = box.server.withLock({ $0 })?.answer(head.uri)
      else { return }
      var headers = HTTPHeaders(answer.headers)
      headers.add(name: "Content-Length", value: "\(answer.body.count)")
      context.write(
        wrapOutboundOut(.head(.init(version: .http1_1, status: answer.status, headers: headers))),
        promise: nil)
      context.write(
        wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
  }
}
