/// Why a leaf, a structure or the machine refused. The names are the SDM's error codes (vol. 3D, table
/// "ENCLS/ENCLU return codes") where there is one.
public enum SGXError: Error, Equatable, Hashable, Sendable {
  // Leaves that end in an exception.
  /// #GP(0): an operand is misaligned, out of range or not what the leaf accepts.
  case generalProtection(Reason)
  /// #PF: an operand's page is missing or its EPCM entry does not fit.
  case pageFault(address: UInt64)

  // EINIT, with SGX_* error numbers as in the SDM.
  case invalidSigstruct(Reason)
  case invalidAttribute(Reason)
  case invalidMeasurement
  case invalidSignature
  case invalidLicense

  // The driver and the machine.
  /// The enclave is not in the state that the call needs.
  case wrongState(Reason)
  case outOfMemory
  case notSupported(Reason)
  /// `/dev/sgx_enclave` (or what stands for it) cannot be used: errno.
  case device(Reason, errno: Int32)

  /// What exactly, one constant a check.
  public enum Reason: UInt8, Sendable {
    case alignment, outOfRange, size, base, reservedBits, pageType, permissions, alreadyInitialized
    case notInitialized, notCreated, alreadyCreated, tcsBusy, cssaExhausted, nothingSaved, notTCS
    case ssaNotAccessible, savedState, header, vendor, date, exponent, quotients, modulus
    case attributes, miscSelect, cet, xfrm, kss, provisionKey, pageExists, pageMissing, source
    case threadNotAttached, reservation, signals, openDevice, ioctl, vdso, sgx2, fastSite,
      oneEnclave
    case stateFile, leaf, keyFile
  }
}
