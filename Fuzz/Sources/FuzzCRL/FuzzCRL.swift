import Attestation

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCRL(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  if let crl = try? CRL(bytes) { precondition(crl.revokedCount <= bytes.count) }
  return 0
}

/// SwiftPM makes this the program's `main`, so libFuzzer's own is not used (LLVM, FuzzerInterface.h).
@_cdecl("FuzzCRL_main")
public func main(
  _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> CInt {
  var count = count
  var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = arguments
  return runDriver(&count, &arguments) { fuzzCRL($0!, $1) }
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt
