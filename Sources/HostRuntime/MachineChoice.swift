import Glibc
import HardwareSGX
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
  enum Kind { case hardware, strict, fast }

  let kind: Kind

  var name: String {
    switch kind {
    case .hardware: "hardware"
    case .strict: "software (strict), no protection"
    case .fast: "software (fast), no protection"
    }
  }

  var warning: String {
    kind == .hardware
      ? "cloister: insecure development run: a debug enclave, and the program sees this machine's own files"
      : "cloister: insecure development run: the software SGX machine gives NO protection, and the "
        + "program sees this machine's own files"
  }

  /// What to say before a payload runs; nil: nothing is weak.
  func payloadWarning(isDebug: Bool) -> String? {
    if kind != .hardware {
      return "cloister: the software SGX machine gives NO protection"
        + (isDebug ? ", and the payload asks for a debug enclave" : "")
    }
    return isDebug
      ? "cloister: insecure: a debug enclave; its memory can be read from outside" : nil
  }

  init(_ wanted: RunOptions.Machine, isStrict: Bool) throws(HostError) {
    switch wanted {
    case .hardware:
      guard HardwareSGX.isAvailable else {
        throw HostError(
          "/dev/sgx_enclave cannot be used (\(lastError())); this needs a CPU with SGX, enabled in the "
            + "firmware, Linux 5.11 and membership in its group; or use --machine software")
      }
      kind = .hardware
    case .auto: kind = HardwareSGX.isAvailable ? .hardware : isStrict ? .strict : .fast
    case .software: kind = isStrict ? .strict : .fast
    }
  }

  func build(
    _ builder: EnclaveBuilder, clock: inout Stopwatch,
    signer: (_ mrenclave: [UInt8], _ attributes: ATTRIBUTES) throws(HostError) -> SIGSTRUCT
  ) throws(HostError) -> Built {
    do {
      let software: SoftwareSGX?
      let machine: any SGXMachine
      if kind == .hardware {
        software = nil
        machine = try HardwareSGX()
      } else {
        let made = try SoftwareSGX(mode: kind == .strict ? .strict : .fast)
        software = made
        machine = made
      }
      try machine.create(builder.secs)
      clock.lap("ECREATE")
      try builder.add(to: machine)
      clock.lap("EADD")
      // The software machine has measured while it added; the CPU does not say before EINIT.
      let mrenclave: [UInt8]
      if let known = software?.mrenclave {
        mrenclave = known
      } else {
        mrenclave = try builder.measure()
      }
      let sigstruct = try signer(mrenclave, builder.secs.attributes)
      clock.lap("SIGSTRUCT")
      try machine.initialize(sigstruct)
      if kind == .fast { try software?.patchFast(sites: builder.image.encluSites) }
      clock.lap("EINIT")
      return Built(machine: machine, mrenclave: mrenclave)
    } catch let error as HostError {
      throw error
    } catch SGXError.invalidSignature {
      throw HostError(
        "the signature (SIGSTRUCT) is not valid: it was changed, or is no signature; sign the payload again"
      )
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
