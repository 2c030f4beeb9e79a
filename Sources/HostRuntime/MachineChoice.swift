import Glibc
import PayloadFormat
import SGX
import SoftwareSGX

/// Which machine runs the enclave, and how it is built on it.
struct MachineChoice {
  /// An enclave after EINIT.
  struct Built {
    var machine: any SGXMachine
    var mrenclave: [UInt8]
  }

  let isStrict: Bool
  var name: String { "software (\(isStrict ? "strict" : "fast"), no protection)" }
  var warning: String {
    "cloister: insecure development run: a software SGX machine gives NO protection, and the "
      + "program sees this machine's own files"
  }

  init(_ wanted: RunOptions.Machine, isStrict: Bool) throws(HostError) {
    self.isStrict = isStrict
    if wanted == .hardware {
      throw HostError(
        access("/dev/sgx_enclave", F_OK) == 0
          ? "the hardware machine is not implemented yet; use --machine software"
          : "this machine has no /dev/sgx_enclave; use --machine software")
    }
  }

  func build(_ builder: EnclaveBuilder, clock: inout Stopwatch) throws(HostError) -> Built {
    throw HostError("no machine")
  }
}
