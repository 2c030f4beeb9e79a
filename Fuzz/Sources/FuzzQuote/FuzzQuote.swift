import Attestation

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzQuote(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  // As the command reads it, and through the whole verification with no collateral: every
  // parser that a quote reaches runs, and nothing may be accepted.
  let verdict = Verifier().verify(
    input: bytes, collateral: Collateral(), at: Timestamp(secondsSince1970: 1_781_983_385))
  precondition(!verdict.isAccepted)
  _ = verdict.text
  if let quote = try? Quote(bytes) {
    precondition(quote.bytes.count <= bytes.count)
    _ = quote.text
    _ = try? CollateralKey(quote)
  }
  return 0
}

/// SwiftPM makes this the program's `main`, so libFuzzer's own is not used (LLVM, FuzzerInterface.h).
@_cdecl("FuzzQuote_main")
public func main(
  _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> CInt {
  var count = count
  var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = arguments
  return runDriver(&count, &arguments) { fuzzQuote($0!, $1) }
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt
