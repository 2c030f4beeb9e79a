import HostInterface
import PayloadFormat
import Testing

@testable import EnclaveRuntime

@Suite("the host's buffer")
struct HostBufferTests {
  let end = EnclaveLayout.elrangeSize

  @Test("outside ELRANGE, aligned, of the one size: accepted")
  func good() {
    #expect(HostBuffer.isAcceptable(address: end, size: HostBuffer.size))
    #expect(HostBuffer.isAcceptable(address: 0x7FFF_0000_0000, size: HostBuffer.size))
  }

  @Test("in the enclave, overlapping it, unaligned, wrapping, of another size: refused")
  func bad() {
    for address in [0, 0x10000, 0xFF_0000_0000, end - 8, end - HostBuffer.size] {
      #expect(!HostBuffer.isAcceptable(address: address, size: HostBuffer.size))
    }
    #expect(!HostBuffer.isAcceptable(address: end + 4, size: HostBuffer.size))
    #expect(!HostBuffer.isAcceptable(address: .max - 7, size: HostBuffer.size))
    #expect(
      !HostBuffer.isAcceptable(address: (1 << 47) - HostBuffer.size + 8, size: HostBuffer.size))
    #expect(!HostBuffer.isAcceptable(address: 1 << 47, size: HostBuffer.size))
    #expect(!HostBuffer.isAcceptable(address: end, size: HostBuffer.size - 8))
    #expect(!HostBuffer.isAcceptable(address: end, size: HostBuffer.size + 8))
    #expect(!HostBuffer.isAcceptable(address: end, size: 0))
    #expect(!HostBuffer.isAcceptable(address: end, size: .max))
  }
}
