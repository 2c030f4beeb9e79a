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
