import HostInterface
import LinuxABI
import PayloadFormat
import Testing

@testable import HostRuntime

@Suite("host calls")
struct HostCallTests {
  @Test("the interface has at most 26 calls, and two for development")
  func count() {
    let development = HostCall.allCases.filter(\.isDevelopmentOnly)
    #expect(development == [.lookup, .readdir])
    #expect(HostCall.allCases.count - development.count == 26)
    #expect(HostCall.allCases.count - development.count <= 26)
  }

  @Test("page changes outside of ELRANGE or off page boundaries are refused")
  func pageRanges() throws {
    let host = try ServingHost()
    let size = EnclaveLayout.elrangeSize
    for (address, length): (UInt64, UInt64) in [
      (1, 4096), (0x10000, 0), (0x10000, 4095), (size, 4096), (size - 4096, 8192),
      (0x10000, .max - 4095), (UInt64.max - 4095, 4096), (0xFFFF_8000_0000_0000, 4096),
    ] {
      #expect(host.serve(.augment, address, length) == error(.EINVAL))
      #expect(host.serve(.restrict, address, length, 1) == error(.EINVAL))
      #expect(host.serve(.modifyType, address, length, 4) == error(.EINVAL))
      #expect(host.serve(.remove, address, length) == error(.EINVAL))
    }
    #expect(host.machine.events.withLock { $0 }.isEmpty)
    #expect(host.serve(.augment, 0x10000, 8192, 0) == 0)
    #expect(host.serve(.augment, 0x20000, 4096, 1) == 0)
    #expect(host.serve(.augment, 0x30000, 4096, 2) == error(.EINVAL))
    #expect(host.serve(.restrict, 0x10000, 4096, 5) == 0)
    #expect(host.serve(.restrict, 0x20000, 4096, 8 | 3) == 0)
    #expect(host.serve(.modifyType, 0x10000, 4096, 4) == 0)
    #expect(host.serve(.modifyType, 0x10000, 4096, 99) == error(.EINVAL))
    #expect(host.serve(.remove, 0x10000, 4096) == 0)
    #expect(
      host.machine.events.withLock { $0 } == [
        .augment(0x10000, 8192, copied: false), .augment(0x20000, 4096, copied: true),
        .restrict(0x10000, 4096, 5), .mapPermissions(0x20000, 4096, 3),
        .modifyType(0x10000, 4096, 4),
        .remove(0x10000, 4096),
      ])
  }

  @Test("lists of page changes: each entry is checked, and no more than fit")
  func pageLists() throws {
    let host = try ServingHost()
    func words(_ words: UInt64...) -> [UInt8] {
      words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) } }
    }
    let two = words(0x10000, 4096, 5, 0x20000, 8192, 8 | 3)
    #expect(host.serve(.restrict, 0, 0, 0, 2, data: two) == 0)
    #expect(host.serve(.modifyType, 0, 0, 0, 1, data: words(0x10000, 4096, 4)) == 0)
    #expect(host.serve(.remove, 0, 0, 0, 2, data: two) == 0)
    #expect(
      host.machine.events.withLock { $0 } == [
        .restrict(0x10000, 4096, 5), .mapPermissions(0x20000, 8192, 3),
        .modifyType(0x10000, 4096, 4), .remove(0x10000, 4096), .remove(0x20000, 8192),
      ])
    let bad = words(0x10001, 4096, 5)
    for call in [HostCall.restrict, .modifyType, .remove] {
      #expect(host.serve(call, 0, 0, 0, 1, data: bad) == error(.EINVAL))
      #expect(host.serve(call, 0, 0, 0, 257, data: two) == error(.EINVAL))
      #expect(host.serve(call, 0, 0, 0, .max, data: two) == error(.EINVAL))
    }
  }

  @Test("lengths beyond the buffer and unknown streams, threads and objects are refused")
  func hostileArguments() throws {
    let host = try ServingHost(source: try DevelopmentRoot(mounts: []))
    let tooLong = HostBuffer.dataSize + 1
    for length in [tooLong, .max, 1 << 63] {
      #expect(host.serve(.streamWrite, 1, length) == error(.EIO))
      #expect(host.serve(.streamRead, 0, length) == error(.EIO))
      #expect(host.serve(.streamWrite, 2, length) == error(.EIO))
      #expect(host.serve(.blockRead, 0, 0, length) == error(.EIO))
      #expect(host.serve(.lookup, 0, length) == error(.EIO))
      #expect(host.serve(.poll, length, 0) == error(.EIO))
    }
    for stream: UInt64 in [3, 4, 1 << 32, .max] {
      #expect(host.serve(.streamWrite, stream, 1) == error(.EIO))
      #expect(host.serve(.streamRead, stream, 1) == error(.EIO))
      #expect(host.serve(.streamStatus, stream) == error(.EIO))
    }
    // With SGX2 the enclave may have made TCSs beyond the measured four.
    for thread: UInt64 in [UInt64(EnclaveLayout.largestThreadCount), 1 << 32, .max] {
      #expect(host.serve(.threadStart, thread) == error(.EAGAIN))
      #expect(host.serve(.unpark, thread) == error(.EINVAL))
      #expect(host.serve(.kick, thread) == error(.EINVAL))
    }
    for object: UInt64 in [77, .max, BlockObject.sitesOffset + 77] {
      #expect(host.serve(.blockRead, object, 0, 16) == error(.EIO))
      #expect(host.serve(.readdir, object, 0) < 0)
    }
  }

  @Test("the development root is refused unless the measured configuration allows it")
  func developmentRootNeedsFlag() throws {
    let host = try ServingHost(flags: [], source: try DevelopmentRoot(mounts: []))
    #expect(host.serve(.lookup, 0, 3, data: Array("etc".utf8)) == error(.EIO))
    #expect(host.serve(.readdir, 0, 0) == error(.EIO))
    #expect(host.serve(.blockRead, 0, 0, 16) == error(.EIO))
  }

  @Test("clock gives both clocks")
  func clock() throws {
    let host = try ServingHost()
    #expect(host.serve(.clock) == 0)
    let words = (0..<3).map {
      host.buffer.base.load(fromByteOffset: 64 + 8 * $0, as: UInt64.self)
    }
    #expect(words[0] > 1_600_000_000_000_000_000 && words[1] > 0)
  }

  @Test("the first entry hands over at most 64 CPUID entries, leaf 0 first, and the processors")
  func handover() throws {
    let buffer = try ThreadBuffer()
    buffer.handOver()
    let count = buffer.base.load(fromByteOffset: 56, as: Int64.self)
    #expect((1...64).contains(count))
    #expect(buffer.base.load(fromByteOffset: 64, as: UInt64.self) >= 1)
    #expect(Array(buffer.data[..<8]) == [0, 0, 0, 0, 0, 0, 0, 0])
    #expect(buffer.base.load(fromByteOffset: 4096 + 24, as: UInt32.self) == 1)
  }
}
