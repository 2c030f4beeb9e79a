import PayloadFormat
import SGX
import Testing

@testable import HostRuntime

/// A tiny enclave image: code with one ENCLU routine, a note that lists it, data.
struct TestImage {
  static let base = EnclaveLayout.imageBase

  static func make() -> [UInt8] {
    var file = [UInt8](repeating: 0, count: 0x3000 + 16)
    file.put([0x7F, 0x45, 0x4C, 0x46, 2, 1, 1], at: 0)
    file.put(UInt16(2), at: 16)
    file.put(UInt16(62), at: 18)
    file.put(base, at: 24)
    file.put(UInt64(64), at: 32)
    file.put(UInt16(56), at: 54)
    file.put(UInt16(4), at: 56)
    func header(
      _ index: Int, type: UInt32, flags: UInt32, offset: UInt64, address: UInt64, size: UInt64,
      memory: UInt64
    ) {
      let at = 64 + 56 * index
      file.put(type, at: at)
      file.put(flags, at: at + 4)
      file.put(offset, at: at + 8)
      file.put(address, at: at + 16)
      file.put(size, at: at + 32)
      file.put(memory, at: at + 40)
    }
    header(0, type: 1, flags: 5, offset: 0x1000, address: base, size: 0x1000, memory: 0x1000)
    header(
      1, type: 1, flags: 4, offset: 0x2000, address: base + 0x1000, size: 0x100, memory: 0x100)
    header(
      2, type: 1, flags: 6, offset: 0x3000, address: base + 0x2000, size: 16, memory: 0x2800)
    header(
      3, type: 4, flags: 4, offset: 0x2000, address: base + 0x1000, size: 40, memory: 40)
    file.put(UInt32(9), at: 0x2000)
    file.put(UInt32(16), at: 0x2004)
    file.put(UInt32(1), at: 0x2008)
    file.put(Array("Cloister".utf8), at: 0x200C)
    file.put(base + 0x1040, at: 0x2018)
    file.put(UInt64(1), at: 0x2020)
    file.put(base + 0x10, at: 0x2040)
    return file
  }
}

@Suite("enclave image")
struct EnclaveImageTests {
  @Test("segments, entry and ENCLU sites")
  func good() throws {
    let image = try EnclaveImage(bytes: TestImage.make())
    #expect(image.entry == TestImage.base)
    #expect(image.segments.map(\.bytes.count) == [0x1000, 0x1000, 0x3000])
    #expect(image.segments.map(\.isExecutable) == [true, false, false])
    #expect(image.segments.map(\.isWritable) == [false, false, true])
    #expect(image.encluSites == [TestImage.base + 0x10])
  }

  @Test("each broken field is refused")
  func broken() throws {
    let breaks: [(String, (inout [UInt8]) -> Void)] = [
      ("magic", { $0[0] = 0 }),
      ("32 bits", { $0[4] = 1 }),
      ("machine", { $0[18] = 40 }),
      ("type", { $0[16] = 1 }),
      ("entry outside", { $0.put(UInt64(0), at: 24) }),
      ("entry in data", { $0.put(TestImage.base + 0x1000, at: 24) }),
      ("program headers outside", { $0.put(UInt64.max - 8, at: 32) }),
      ("no program headers", { $0.put(UInt16(0), at: 56) }),
      ("writable code", { $0.put(UInt32(7), at: 68) }),
      ("segment outside the file", { $0.put(UInt64(0x4000), at: 72) }),
      ("segment offset overflows", { $0.put(UInt64.max, at: 72) }),
      ("segment below the image", { $0.put(UInt64(0x10000), at: 80) }),
      ("segment beyond the image", { $0.put(EnclaveLayout.imageEnd, at: 80) }),
      ("memory size overflows", { $0.put(UInt64.max, at: 104) }),
      ("memory smaller than file", { $0.put(UInt64(1), at: 104) }),
      ("overlap", { $0.put(TestImage.base, at: 136) }),
      ("dynamic", { $0.put(UInt32(2), at: 64 + 56 * 3) }),
      ("note too short", { $0.put(UInt32(8), at: 0x2004) }),
      ("site list outside", { $0.put(UInt64(8), at: 0x2018) }),
      ("too many sites", { $0.put(UInt64(1000), at: 0x2020) }),
      ("site in data", { $0.put(TestImage.base + 0x1000, at: 0x2040) }),
    ]
    for (name, change) in breaks {
      var bytes = TestImage.make()
      change(&bytes)
      #expect(throws: HostError.self, "\(name)") { _ = try EnclaveImage(bytes: bytes) }
    }
  }

  @Test("truncated and randomly damaged images never trap")
  func damaged() {
    let good = TestImage.make()
    for count in stride(from: 0, to: good.count, by: 61) {
      #expect(throws: HostError.self) { _ = try EnclaveImage(bytes: Array(good[..<count])) }
    }
    var random = SystemRandomNumberGenerator()
    for _ in 0..<3000 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let at =
          Bool.random(using: &random)
          ? Int.random(in: 0..<288, using: &random)
          : Int.random(in: 0x2000..<0x2048, using: &random)
        bytes[at] = UInt8.random(in: 0...255, using: &random)
      }
      _ = try? EnclaveImage(bytes: bytes)
    }
  }
}

@Suite("enclave builder")
struct EnclaveBuilderTests {
  private func builder(threads: UInt32, argument: String = "x") throws -> EnclaveBuilder {
    var configuration = MeasuredConfiguration()
    configuration.threadCount = threads
    configuration.arguments = [Array(argument.utf8)]
    return EnclaveBuilder(
      image: try EnclaveImage(bytes: TestImage.make()), configuration: configuration,
      isDebug: true, xfrm: [.x87, .sse, .avx])
  }

  @Test("pages come in one order, with the right flags")
  func order() throws {
    let machine = RecordingMachine()
    try builder(threads: 2).add(to: machine)
    let base = TestImage.base
    let area = EnclaveLayout.threadAreaBase
    let stack = EnclaveLayout.kernelStackBase
    #expect(
      machine.events.withLock { $0 } == [
        .add(address: base, pages: 1, flags: 0x205),
        .add(address: base + 0x1000, pages: 1, flags: 0x201),
        .add(address: base + 0x2000, pages: 3, flags: 0x203),
        .add(address: EnclaveLayout.configurationBase, pages: 1, flags: 0x201),
        .add(address: area, pages: 1, flags: 0x100),
        .add(address: area + 0x1000, pages: 5, flags: 0x203),
        .add(address: area + 0x10000, pages: 1, flags: 0x100),
        .add(address: area + 0x11000, pages: 5, flags: 0x203),
        .add(address: stack + 0x10000, pages: 4, flags: 0x203),
        .add(address: stack + 0x20000, pages: 32, flags: 0x203),
      ])
  }

  @Test("TCS and thread block contents")
  func threadArea() throws {
    let builder = try builder(threads: 3)
    var pages: [UInt64: [UInt8]] = [:]
    try builder.forEachPages { (p) throws(HostError) in pages[p.address] = Array(p.source) }
    let tcs = try TCS(try #require(pages[EnclaveLayout.threadArea(2)]))
    #expect(tcs.oentry == builder.image.entry && tcs.nssa == 4)
    #expect(tcs.ossa == EnclaveLayout.threadArea(2) + 0x1000)
    #expect(tcs.ogsbase == EnclaveLayout.threadBlock(2) && tcs.ofsbase == tcs.ogsbase)
    let block = Array(try #require(pages[EnclaveLayout.threadArea(2) + 0x1000])[0x4000...])
    #expect(block.littleEndian(at: 0, as: UInt64.self) == EnclaveLayout.threadBlock(2))
    #expect(block.littleEndian(at: 8, as: UInt64.self) == 2)
    #expect(block[16...].allSatisfy { $0 == 0 })
    let configuration = try #require(pages[EnclaveLayout.configurationBase])
    let encoded = builder.configuration.encoded()
    #expect(Array(configuration[..<encoded.count]) == encoded)
  }

  @Test("MRENCLAVE covers the arguments and the thread count")
  func measurement() throws {
    let one = try builder(threads: 2)
    #expect(try one.measure() == builder(threads: 2).measure())
    #expect(try one.measure() != builder(threads: 3).measure())
    #expect(try one.measure() != builder(threads: 2, argument: "y").measure())
  }
}
