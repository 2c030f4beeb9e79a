import SGX
@testable import SoftwareSGX
import Synchronization
import Testing

@Suite struct OpcodeScanTests {
  private func hits(_ bytes: [UInt8], allowed: Set<UInt64> = []) -> [OpcodeScan.Hit] {
    bytes.withUnsafeBytes { OpcodeScan.hits(in: $0, at: 0x1000, allowed: allowed) }
  }

  @Test func findsThem() {
    let code: [UInt8] = [0x90, 0x0F, 0xA2, 0x0F, 0x05, 0xCD, 0x80, 0x0F, 0x01, 0xD7, 0x0F, 0x31]
    #expect(
      hits(code) == [
        .init(address: 0x1001, opcode: .cpuid), .init(address: 0x1003, opcode: .syscall),
        .init(address: 0x1005, opcode: .interrupt80), .init(address: 0x1007, opcode: .enclu),
        .init(address: 0x100A, opcode: .rdtsc),
      ])
    #expect(hits(code, allowed: [0x1001, 0x1003, 0x1005, 0x1007, 0x100A]).isEmpty)
    #expect(hits([0x0F]).isEmpty && hits([]).isEmpty && hits([0x0F, 0x01]).isEmpty)
  }
}

extension MachineTests {
  @Test func strictModeReportsCPUID() throws {
    let found = Mutex<[OpcodeScan.Hit]>([])
    let machine = try SoftwareSGX(
      mode: .strict, stateFile: TestEnclave.stateFile,
      reportOpcode: { hit in found.withLock { $0.append(hit) } })
    // Another test's machine may still be there.
    TestEnclave.destroyCurrent()
    try machine.create(
      SECS(size: 1 << 32, ssaFrameSize: 1, attributes: ATTRIBUTES(flags: .MODE64BIT)))
    defer { machine.destroy() }
    var page = [UInt8](repeating: 0x90, count: 4096)
    page.put([0x0F, 0xA2], at: 100)
    try page.withUnsafeBytes {
      try machine.addPages(at: 0x10_0000, source: $0, flags: .regRX, measure: true)
      try machine.addPages(at: 0x20_0000, source: $0, flags: .regRW, measure: true)
    }
    #expect(found.withLock { $0 } == [.init(address: 0x10_0064, opcode: .cpuid)])
  }
}
