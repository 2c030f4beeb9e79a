import Attestation

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCertificate(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  _ = try? PCKExtension(certificateDER: bytes)
  // The same bytes as a PEM chain beside documents that are missing.
  _ = PreparedCollateral(
    Collateral([.pckChain: bytes, .pckCRLIssuerChain: bytes, .tcbInfoIssuerChain: bytes]))
  return 0
}

/// SwiftPM makes this the program's `main`, so libFuzzer's own is not used (LLVM, FuzzerInterface.h).
@_cdecl("FuzzCertificate_main")
public func main(
  _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> CInt {
  var count = count
  var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = arguments
  return runDriver(&count, &arguments) { fuzzCertificate($0!, $1) }
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt
