import Attestation

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCRL(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  if let crl = try? CRL(bytes) { precondition(crl.revokedCount <= bytes.count) }
  return 0
}
