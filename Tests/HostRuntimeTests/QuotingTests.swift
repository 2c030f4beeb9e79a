import CHostRuntime
import Foundation
import Glibc
import HostInterface
import LinuxABI
import PayloadFormat
import Synchronization
import Testing

@testable import HostRuntime

@Suite("quotes: the host's side", .serialized)
struct QuotingTests {
  static let target = [UInt8](repeating: 0x51, count: 512)
  static let report = [UInt8](0..<216) + [UInt8](0..<216)
  static let quote: [UInt8] = {
    var quote = [UInt8](repeating: 3, count: 432)
    quote += [100, 0, 0, 0] + [UInt8](repeating: 8, count: 100)
    return quote
  }()

  // MARK: The host call

  /// Each request is answered by a thread with `reply`.
  private final class Source: QuotingSource {
    let reply: [UInt8]
    let requests = Mutex<[[UInt8]]>([])
    init(_ reply: [UInt8]) { self.reply = reply }
    func quotingProcess() throws(Errno) -> Int32 {
      var pair: [Int32] = [-1, -1]
      clh_socketpair(&pair)
      let other = pair[1]
      Thread.detachNewThread { [self] in
        var bytes = [UInt8](repeating: 0, count: 2000)
        var fd: Int32 = -1
        let size = clh_receive_message(other, &bytes, bytes.count, &fd)
        requests.withLock { $0.append(Array(bytes[..<max(0, size)])) }
        if !reply.isEmpty { _ = clh_send_message(other, reply, reply.count, -1) }
        close(other)
      }
      return pair[0]
    }
  }
  private func host(_ source: Source, flags: MeasuredConfiguration.Flags = [.remoteAttestation])
    throws -> ServingHost
  { try ServingHost(flags: flags, quoting: source) }

  @Test("a quote, a target, a failure: what the quoting side says goes into the data area")
  func serve() throws {
    let request = Self.report + Self.target
    let source = Source(QuoteMessage.encode(.quote(Self.quote)))
    let host = try host(source)
    #expect(host.serve(.quote, 944, data: request) == Int64(Self.quote.count))
    #expect(host.data(Self.quote.count) == Self.quote)
    #expect(source.requests.withLock { $0 } == [request])
    let target = try self.host(Source(QuoteMessage.encode(.target(Self.target))))
    #expect(target.serve(.quote, 944, data: request) == 0)
    #expect(target.data(512) == Self.target)
    for bad in [
      QuoteMessage.encode(.failed(5)), [], [1], [1, 0, 0, 0, 0, 0, 0, 0],
      QuoteMessage.encode(.target([1])), [9] + [UInt8](repeating: 0, count: 8),
      QuoteMessage.encode(.quote([UInt8](repeating: 1, count: 8193))),
    ] {
      #expect(try self.host(Source(bad)).serve(.quote, 944, data: request) == error(.EIO))
    }
  }

  /// Has no process to give at first.
  private final class Busy: QuotingSource {
    let left = Mutex(3)
    let errno: Errno
    let source = Source(QuoteMessage.encode(.quote(QuotingTests.quote)))
    init(_ errno: Errno) { self.errno = errno }
    func quotingProcess() throws(Errno) -> Int32 {
      let isBusy = left.withLock { left in
        left -= 1
        return left >= 0
      }
      if isBusy { throw errno }
      return try source.quotingProcess()
    }
  }

  @Test("too many at once wait for each other, other failures are EIO at once")
  func busy() throws {
    let request = Self.report + Self.target
    let host = try ServingHost(flags: [.remoteAttestation], quoting: Busy(.EAGAIN))
    #expect(host.serve(.quote, 944, data: request) == Int64(Self.quote.count))
    let broken = Busy(.EPERM)
    let other = try ServingHost(flags: [.remoteAttestation], quoting: broken)
    #expect(other.serve(.quote, 944, data: request) == error(.EIO))
    #expect(broken.left.withLock { $0 } == 2)
  }

  @Test("another length, or a configuration without attestation: EIO, and nobody is asked")
  func refused() throws {
    let source = Source(QuoteMessage.encode(.quote(Self.quote)))
    let host = try host(source)
    for length: UInt64 in [0, 432, 943, 945, 1 << 20, .max] {
      #expect(host.serve(.quote, length) == error(.EIO))
    }
    #expect(try self.host(source, flags: []).serve(.quote, 944) == error(.EIO))
    #expect(source.requests.withLock { $0 }.isEmpty)
  }

  // MARK: AESM

  /// A service on a socket of its own: each connection gets the answer of `answers` to its request.
  final class Service: Sendable {
    let path: String
    private let listener: Int32
    let requests = Mutex<[[UInt8]]>([])

    init(_ answers: @escaping @Sendable ([UInt64: AESMMessage.Field], Int) -> [UInt8]?) throws {
      path = "/tmp/cloister-aesm-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
      listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
      let bound = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
      try #require(bound == 0)
      listen(listener, 8)
      Thread.detachNewThread { [self] in
        var count = 0
        while true {
          let fd = accept(listener, nil, nil)
          if fd < 0 {
            // Closed here and nowhere else: another service may get the number at once.
            close(listener)
            return
          }
          if let request = Self.read(fd), let fields = AESMMessage.parse(request) {
            requests.withLock { $0.append(request) }
            if let answer = answers(fields, count) {
              let frame =
                withUnsafeBytes(of: UInt32(answer.count).littleEndian) { Array($0) } + answer
              // In two parts, as a stream may arrive.
              _ = Glibc.send(fd, Array(frame[..<3]), 3, Int32(MSG_NOSIGNAL))
              _ = Glibc.send(
                fd, Array(frame[3...]), frame.count - 3, Int32(MSG_NOSIGNAL))
            }
          }
          count += 1
          close(fd)
        }
      }
    }
    func stop() {
      shutdown(listener, Int32(SHUT_RDWR))
      unlink(path)
    }
    private static func read(_ fd: Int32) -> [UInt8]? {
      func exactly(_ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
          let n = bytes.withUnsafeMutableBytes { recv(fd, $0.baseAddress! + done, count - done, 0) }
          if n <= 0 { return nil }
          done += n
        }
        return bytes
      }
      guard let head = exactly(4) else { return nil }
      return exactly(head.reversed().reduce(0) { $0 << 8 | Int($1) })
    }
  }

  private static func response(_ field: UInt64, _ inner: [UInt8]) -> [UInt8] {
    AESMMessage.bytes(field, inner)
  }
  private static let initAnswer = response(
    15,
    AESMMessage.number(1, 0) + AESMMessage.bytes(2, target) + AESMMessage.number(3, 32)
      + AESMMessage.bytes(4, [UInt8](repeating: 1, count: 32)))
  private static let quoteAnswer = response(
    17,
    AESMMessage.number(1, 0)
      + AESMMessage.bytes(2, quote + [UInt8](repeating: 0, count: 8192 - quote.count)))

  @Test(
    "InitQuoteEx, then GetQuoteEx: a report for somebody else gets the target, the next the quote")
  func aesm() throws {
    let service = try Service { fields, _ in fields[15] != nil ? Self.initAnswer : Self.quoteAnswer
    }
    defer { service.stop() }
    let client = AESMClient(socket: service.path)
    let zero = [UInt8](repeating: 0, count: 512)
    #expect(QuotingProcess.answer(Self.report + zero, client) == .target(Self.target))
    #expect(QuotingProcess.answer(Self.report + Self.target, client) == .quote(Self.quote))
    let requests = service.requests.withLock { $0 }
    #expect(requests.count == 3)
    let last = try #require(AESMMessage.parse(requests[2]))
    guard case .bytes(let inner)? = last[17], let fields = AESMMessage.parse(inner),
      case .bytes(let report)? = fields[1], case .bytes(let key)? = fields[2],
      case .number(let size)? = fields[4], case .number(let timeout)? = fields[9]
    else { throw Errno.EINVAL }
    #expect(report == Self.report && size == 8192 && timeout == 30_000)
    #expect(key.count == 256 && key[4] == 32 && key[6] == 0x8C && key[37] == 0xFF && key[54] == 1)
    #expect(key[154] == 2)
  }

  @Test("error 42, the key is not initialised: it is made and the quote asked for again")
  func notInitialized() throws {
    let service = try Service { fields, count in
      if fields[15] != nil { return Self.initAnswer }
      return count == 0 ? Self.response(17, AESMMessage.number(1, 42)) : Self.quoteAnswer
    }
    defer { service.stop() }
    #expect(try AESMClient(socket: service.path).quote(report: Self.report) == Self.quote)
    #expect(service.requests.withLock { $0.count } == 3)
  }

  @Test("a service that fails or talks nonsense: one line that says what to do")
  func failures() throws {
    let cases: [(answer: [UInt8]?, says: String)] = [
      (Self.response(17, AESMMessage.number(1, 0xE011)), "no PCK certificate"),
      (Self.response(17, AESMMessage.number(1, 0xE019)), "sgx_default_qcnl.conf"),
      (Self.response(17, AESMMessage.number(1, 0)), "sends no quote"),
      (
        Self.response(17, AESMMessage.number(1, 0) + AESMMessage.bytes(2, [1, 2])), "sends no quote"
      ),
      (Self.response(17, []), "without an error code"),
      (Self.response(15, AESMMessage.number(1, 0)), "not understood"),
      ([0xFF, 0xFF], "not understood"), ([], "not understood"), (nil, "does not answer"),
    ]
    for (answer, says) in cases {
      let service = try Service { _, _ in answer }
      defer { service.stop() }
      do throws(HostError) {
        _ = try AESMClient(socket: service.path).quote(report: Self.report)
        Issue.record("accepted: \(says)")
      } catch {
        #expect(error.description.contains(says), Comment(rawValue: error.description))
      }
    }
    do throws(HostError) {
      _ = try AESMClient(socket: "/nonexistent/aesm.socket").targetInfo()
      Issue.record("connected to nobody")
    } catch {
      #expect(error.description.contains("/nonexistent/aesm.socket"))
      #expect(error.description.contains("aesmd"))
    }
  }

  @Test("a quote is cut to its own length; a length beyond what came is no quote")
  func trim() {
    #expect(AESMClient.trim(Self.quote + [0, 0, 0]) == Self.quote)
    #expect(AESMClient.trim(Self.quote) == Self.quote)
    var long = Self.quote
    long[432] = 101
    #expect(AESMClient.trim(long) == nil)
    long[435] = 0xFF
    #expect(AESMClient.trim(long) == nil)
    #expect(AESMClient.trim([UInt8](repeating: 0, count: 435)) == nil)
  }

  @Test("protocol buffers: what is cut off or wild does not parse, unknown fields are passed over")
  func protocolBuffers() throws {
    let whole = AESMMessage.number(1, 300) + AESMMessage.bytes(2, [1, 2, 3])
    for count in 1..<whole.count where count != 3 {
      #expect(AESMMessage.parse(Array(whole[..<count])) == nil)
    }
    #expect(
      AESMMessage.parse([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]) == nil)
    #expect(AESMMessage.parse([UInt8](repeating: 0xFF, count: 11)) == nil)
    #expect(AESMMessage.parse([0x0B]) == nil)
    let fields = try #require(AESMMessage.parse([0x39, 1, 2, 3, 4, 5, 6, 7, 8] + whole))
    guard case .number(300)? = fields[1], case .bytes([1, 2, 3])? = fields[2] else {
      throw Errno.EINVAL
    }
  }
}
