import Glibc
import PayloadFormat
import SGX
import SoftwareSGX

/// Which machine runs the enclave, and how the enclave is built on it.
struct MachineChoice {
  /// An enclave after EINIT.
  struct Built {
    var machine: any SGXMachine
    var mrenclave: [UInt8]
  }

  let isStrict: Bool
  var name: String { "software (\(isStrict ? "strict" : "fast")), no protection" }
  var warning: String {
    "cloister: insecure development run: the software SGX machine gives NO protection, and the "
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

  func build(
    _ builder: EnclaveBuilder, clock: inout Stopwatch,
    signer: (_ mrenclave: [UInt8], _ attributes: ATTRIBUTES) throws(HostError) -> SIGSTRUCT
  ) throws(HostError) -> Built {
    do {
      let machine = try SoftwareSGX(mode: isStrict ? .strict : .fast)
      try machine.create(builder.secs)
      clock.lap("ECREATE")
      try builder.add(to: machine)
      clock.lap("EADD")
      guard let mrenclave = machine.mrenclave else { throw SGXError.wrongState(.notCreated) }
      let sigstruct = try signer(mrenclave, builder.secs.attributes)
      clock.lap("SIGSTRUCT")
      try machine.initialize(sigstruct)
      if !isStrict { try machine.patchFast(sites: builder.image.encluSites) }
      clock.lap("EINIT")
      return Built(machine: machine, mrenclave: mrenclave)
    } catch let error as HostError {
      throw error
    } catch {
      throw HostError("the enclave cannot be built on the \(name) machine: \(error)")
    }
  }
}

extension EnclaveBuilder {
  /// EADD and EEXTEND of everything.
  func add(to machine: any SGXMachine) throws(HostError) {
    try forEachPages { (pages) throws(HostError) in
      do throws(SGXError) {
        try machine.addPages(
          at: pages.address, source: pages.source, flags: pages.flags, measure: pages.measured)
      } catch {
        throw HostError("page \(hex(pages.address)) cannot be added: \(error)")
      }
    }
  }

  /// MRENCLAVE, without a machine.
  public func measure() throws(HostError) -> [UInt8] {
    var measurement = Measurement(secs)
    try forEachPages { (pages) throws(HostError) in
      measurement.add(
        offset: pages.address, source: pages.source, flags: pages.flags, measure: pages.measured)
    }
    return measurement.finalize()
  }
}
