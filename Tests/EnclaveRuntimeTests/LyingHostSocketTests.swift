import HostInterface
import LinuxABI
import Testing

@testable import EnclaveRuntime

/// Each call on sockets with a host that lies; the rest of `LyingHostTests`.
extension LyingHostTests {
  static var name4: SocketName {
    var name = SocketName()
    name.family = 2
    name.port = 80
    name.address.0 = 0x0100_007F
    return name
  }

  @Test(
    "sockets: errnos of each call's list pass, others become EIO, success is 0 and nothing else")
  func socketErrnos() async {
    Self.answer(-Int64(Errno.EMFILE.rawValue))
    #expect(throws: Errno.EMFILE) { try Host.socket(stream: 3, family: 2, type: 1) }
    Self.answer(-Int64(Errno.EADDRINUSE.rawValue))
    #expect(throws: Errno.EADDRINUSE) { try Host.bind(stream: 3, Self.name4) }
    #expect(throws: Errno.EADDRINUSE) { try Host.listen(stream: 3, backlog: 1) }
    Self.answer(-Int64(Errno.EINPROGRESS.rawValue))
    #expect(throws: Errno.EINPROGRESS) { try Host.connect(stream: 3, Self.name4) }
    #expect(throws: Errno.EIO) { _ = try Host.accept(stream: 3, new: 4, family: 2) }
    Self.answer(-Int64(Errno.EAGAIN.rawValue))
    #expect(throws: Errno.EAGAIN) { _ = try Host.accept(stream: 3, new: 4, family: 2) }
    Self.answer(-Int64(Errno.ENOTCONN.rawValue))
    #expect(throws: Errno.ENOTCONN) { try Host.shutdown(stream: 3, how: 2) }
    #expect(throws: Errno.EIO) { try Host.setOption(stream: 3, level: 1, name: 2, value: 1) }
    // What a program might take for something of its own.
    for e in [Errno.EFAULT, .EBADF, .ENOENT, .ERESTARTSYS] {
      Self.answer(-Int64(e.rawValue))
      #expect(throws: Errno.EIO) { try Host.socket(stream: 3, family: 2, type: 1) }
      #expect(throws: Errno.EIO) { try Host.bind(stream: 3, Self.name4) }
      #expect(throws: Errno.EIO) { try Host.listen(stream: 3, backlog: 1) }
      #expect(throws: Errno.EIO) { try Host.connect(stream: 3, Self.name4) }
      #expect(throws: Errno.EIO) { _ = try Host.accept(stream: 3, new: 4, family: 2) }
      #expect(throws: Errno.EIO) { try Host.shutdown(stream: 3, how: 2) }
      #expect(throws: Errno.EIO) { try Host.setOption(stream: 3, level: 1, name: 2, value: 1) }
    }
  }

  @Test("socket, listen, connect, setOption, shutdown: a positive answer stops the enclave")
  func socketPositive() async {
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(1)
      try Host.socket(stream: 3, family: 2, type: 1)
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(5)
      try Host.listen(stream: 3, backlog: 1)
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(.min)
      try Host.connect(stream: 3, LyingHostTests.name4)
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(-4096)
      try Host.setOption(stream: 3, level: 1, name: 2, value: 1)
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(1 << 40)
      try Host.shutdown(stream: 3, how: 0)
    }
  }

  @Test("bind, accept: a name of another family, or with bits that no name has, stops the enclave")
  func socketNames() async throws {
    Self.answer(0, [2 | 80 << 16, 0x0100_007F, 0, 0])
    #expect(try Host.bind(stream: 3, Self.name4) == Self.name4)
    #expect(try Host.accept(stream: 3, new: 4, family: 2) == Self.name4)
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(0, [10 | 80 << 16, 0, 1 << 56, 0])
      _ = try Host.bind(stream: 3, LyingHostTests.name4)
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(0, [2 | 80 << 16, 0x0100_007F, 1, 0])
      _ = try Host.accept(stream: 3, new: 4, family: 2)
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(0, [2 | 80 << 16, 1 << 32, 0, 0])
      _ = try Host.accept(stream: 3, new: 4, family: 2)
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(0, [10, 0, 0, 1 << 32])
      _ = try Host.accept(stream: 3, new: 4, family: 10)
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(0, [0, 0, 0, 0])
      _ = try Host.accept(stream: 3, new: 4, family: 2)
    }
  }

  @Test("streamRead of a connection: one byte too many stops the enclave, EFAULT becomes EIO")
  func socketReceive() async throws {
    let run = try #require(PageRun(pageCount: 1))
    Self.answer(-Int64(Errno.ECONNRESET.rawValue))
    #expect(throws: Errno.ECONNRESET) {
      try Host.receive(stream: 3, into: run, length: 10, flags: 0)
    }
    Self.answer(-Int64(Errno.EFAULT.rawValue))
    #expect(throws: Errno.EIO) { try Host.receive(stream: 3, into: run, length: 10, flags: 0) }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(11)
      _ = try Host.receive(stream: 3, into: PageRun(pageCount: 1)!, length: 10, flags: 0)
    }
  }

  @Test("streamRead of datagrams: the real length may exceed the room and nothing else")
  func datagramReceive() async throws {
    let run = try #require(PageRun(pageCount: 1))
    Self.answer(4, [2 | 80 << 16, 0x0100_007F, 0, 4 << 32], [1, 2, 3, 4])
    let got = try Host.receiveDatagram(stream: 3, family: 2, into: run, length: 10, flags: 1)
    #expect(got.count == 4 && got.realCount == 4 && got.sender == Self.name4)
    Self.answer(10, [2 | 80 << 16, 0x0100_007F, 0, 65507 << 32])
    #expect(
      try Host.receiveDatagram(stream: 3, family: 2, into: run, length: 10, flags: 1).realCount
        == 65507)
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(4, [2 | 80 << 16, 0x0100_007F, 0, 3 << 32])
      _ = try Host.receiveDatagram(
        stream: 3, family: 2, into: PageRun(pageCount: 1)!, length: 10, flags: 1)
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(4, [2 | 80 << 16, 0x0100_007F, 0, 5 << 32])
      _ = try Host.receiveDatagram(
        stream: 3, family: 2, into: PageRun(pageCount: 1)!, length: 10, flags: 1)
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(4, [2 | 80 << 16, 0x0100_007F, 0, 70000 << 32])
      _ = try Host.receiveDatagram(
        stream: 3, family: 2, into: PageRun(pageCount: 1)!, length: 10, flags: 1)
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(10, [2 | 80 << 16, 0x0100_007F, 0, 70000 << 32])
      _ = try Host.receiveDatagram(
        stream: 3, family: 2, into: PageRun(pageCount: 1)!, length: 10, flags: 1)
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(4, [1 | 80 << 16, 0, 0, 4 << 32])
      _ = try Host.receiveDatagram(
        stream: 3, family: 2, into: PageRun(pageCount: 1)!, length: 10, flags: 1)
    }
  }

  @Test(
    "streamWrite to a socket: more than was given stops the enclave; the name and flags travel as words"
  )
  func socketSend() async throws {
    let run = try #require(PageRun(pageCount: 1))
    unsafe HostDouble.handler = { request in
      #expect(request.call == .streamWrite)
      #expect(request.arguments == [3, 4, 2 | 80 << 16, 0x0100_007F, 0, 1 << 32])
      #expect(request.data.count == 4)
      return HostDouble.Reply(result: 4)
    }
    #expect(
      try Host.send(stream: 3, from: run, at: 8, length: 4, to: Self.name4, flags: 1) == 4)
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(5)
      _ = try Host.send(
        stream: 3, from: PageRun(pageCount: 1)!, at: 0, length: 4, to: nil, flags: 0)
    }
  }

  @Test("streamStatus of a socket: unknown errors are EIO, wild names stop the enclave")
  func socketStatus() async {
    func names(_ words: [UInt64]) -> [UInt8] {
      words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    }
    Self.answer(0, [3, 0, 111, .max], names([2 | 80 << 16, 0x0100_007F, 0, 0, 0, 0, 0, 0]))
    let status = Host.socketStatus(stream: 3, family: 2)
    #expect(status.error == .ECONNREFUSED && status.unread == .max)
    #expect(status.local == Self.name4 && status.peer == nil)
    Self.answer(0, [3, 0, 14, 0])
    #expect(Host.socketStatus(stream: 3, family: 2).error == .EIO)
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(0, [0, 0, 0, 0])
      _ = Host.socketStatus(stream: 3, family: 2)
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(0, [3, 0, 4096, 0])
      _ = Host.socketStatus(stream: 3, family: 2)
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(0, [9, 0, 0, 0])
      _ = Host.socketStatus(stream: 3, family: 2)
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(0, [3, 0, 0, 0], [10, 0, 80, 0])
      _ = Host.socketStatus(stream: 3, family: 2)
    }
    await #expect(processExitsWith: .failure) {
      LyingHostTests.answer(-5, [3, 0, 0, 0])
      _ = Host.socketStatus(stream: 3, family: 2)
    }
  }

  @Test("streamClose: whatever the host answers means nothing", arguments: absurd + [0, -5])
  func streamClose(result: Int64) {
    Self.answer(result)
    Host.streamClose(stream: 3)
  }
}
