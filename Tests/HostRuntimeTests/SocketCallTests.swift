import Glibc
import HostInterface
import LinuxABI
import PayloadFormat
import Testing

@testable import HostRuntime

/// The calls on sockets as the host serves them, and what it refuses a hostile enclave.
@Suite("host calls on sockets")
struct SocketCallTests {
  let loopback: UInt64 = 0x0100_007F

  private func reply(_ host: ServingHost, _ word: Int) -> UInt64 {
    host.buffer.base.load(fromByteOffset: 64 + 8 * word, as: UInt64.self)
  }

  @Test("a connection: bind, listen, connect, accept, both ways, shutdown, close")
  func connection() throws {
    let host = try ServingHost()
    #expect(host.serve(.socket, 3, 2, 1) == 0)
    #expect(host.serve(.setOption, 3, 1 << 32 | 2, 1) == 0)
    #expect(host.serve(.bind, 3, 2, loopback, 0, 0) == 0)
    let name = reply(host, 0)
    #expect(name & 0xFFFF == 2 && name >> 16 & 0xFFFF > 1023 && reply(host, 1) == loopback)
    #expect(host.serve(.listen, 3, 5) == 0)
    #expect(host.serve(.accept, 3, 5) == error(.EAGAIN))
    #expect(host.serve(.socket, 4, 2, 1) == 0)
    let result = host.serve(.connect, 4, name, loopback, 0, 0)
    #expect(result == 0 || result == error(.EINPROGRESS))
    #expect(host.serve(.poll, 1, .max, data: [3, 0, 0, 0, 1, 0, 0, 0]) == 1)
    #expect(host.serve(.accept, 3, 5) == 0)
    #expect(reply(host, 0) & 0xFFFF == 2)
    #expect(host.serve(.streamWrite, 4, 5, 0, 0, 0, 0, data: Array("hello".utf8)) == 5)
    #expect(host.serve(.streamRead, 5, 100, SocketFlags.peek) == 5)
    #expect(host.serve(.streamStatus, 5) == 0)
    #expect(reply(host, 0) == StreamKind.socket.rawValue && reply(host, 3) == 5)
    #expect(host.serve(.streamRead, 5, 100, 0) == 5)
    #expect(host.data(5) == Array("hello".utf8))
    #expect(host.serve(.streamRead, 5, 100, SocketFlags.dontWait) == error(.EAGAIN))
    #expect(host.serve(.shutdown, 4, 1) == 0)
    #expect(host.serve(.streamRead, 5, 100, 0) == 0)
    for stream: UInt64 in [3, 4, 5] { #expect(host.serve(.streamClose, stream) == 0) }
    #expect(host.serve(.streamRead, 5, 100, 0) == error(.EIO))
  }

  @Test("datagrams: names travel in words, the real length above the scope")
  func datagrams() throws {
    let host = try ServingHost()
    #expect(host.serve(.socket, 3, 10, 2) == 0)
    #expect(host.serve(.bind, 3, 10, 0, 1 << 56, 0) == 0)
    let name = reply(host, 0)
    #expect(host.serve(.socket, 4, 10, 2) == 0)
    #expect(
      host.serve(.streamWrite, 4, 10, name, 0, 1 << 56, 0, data: Array("0123456789".utf8)) == 10)
    #expect(host.serve(.streamRead, 3, 4, 0) == 4)
    #expect(reply(host, 0) & 0xFFFF == 10 && reply(host, 2) == 1 << 56)
    #expect(reply(host, 3) >> 32 == 10)
  }

  @Test("a kick ends a transfer that waits")
  func kick() throws {
    let host = try ServingHost()
    #expect(host.serve(.socket, 3, 2, 2) == 0)
    #expect(host.serve(.bind, 3, 2, loopback, 0, 0) == 0)
    host.thread.kick()
    #expect(host.serve(.streamRead, 3, 4, 0) == error(.EINTR))
  }

  @Test("other families and types, taken numbers, unknown streams and lengths are refused")
  func hostileArguments() throws {
    let host = try ServingHost()
    for (family, type): (UInt64, UInt64) in [
      (1, 1), (16, 3), (17, 2), (2, 3), (2, 5), (10, 0), (1 << 32 | 2, 1),
    ] {
      #expect(host.serve(.socket, 3, family, type) == error(.EIO))
    }
    #expect(host.serve(.socket, 3, 2, 1) == 0)
    for taken: UInt64 in [0, 2, 3, SocketTable.limit, .max] {
      #expect(host.serve(.socket, taken, 2, 1) == error(.EIO))
    }
    #expect(host.serve(.streamRead, 3, HostBuffer.dataSize + 1, 1) == error(.EIO))
    #expect(host.serve(.streamWrite, 3, HostBuffer.dataSize + 1, 0, 0, 0, 0) == error(.EIO))
    #expect(host.serve(.bind, 3, 1, 0, 0, 0) < 0)
    for stream: UInt64 in [0, 4, .max] {
      for call in [HostCall.bind, .listen, .accept, .connect, .setOption, .shutdown] {
        #expect(host.serve(call, stream) == error(.EIO))
      }
      #expect(host.serve(.streamClose, stream) == 0)
    }
    #expect(write(2, "", 0) == 0)
  }

  @Test("without the network in the configuration no socket is made")
  func noNetwork() throws {
    let host = try ServingHost(network: .none)
    #expect(host.serve(.socket, 3, 2, 1) == error(.EACCES))
  }
}
