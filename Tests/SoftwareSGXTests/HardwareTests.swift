import Foundation
import HardwareSGX
import SGX
import Testing

/// What can be said of `HardwareSGX` without SGX: that it says so.
@Suite struct HardwareTests {
  @Test(.enabled(if: access("/dev/sgx_enclave", F_OK) != 0))
  func missingDeviceIsNamed() {
    #expect(throws: SGXError.device(.openDevice, errno: ENOENT)) { try HardwareSGX() }
    #expect(!HardwareSGX.isAvailable)
  }
}
