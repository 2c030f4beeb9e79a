import Attestation

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  if let info = try? TCBInfo(bytes) {
    precondition(!info.levels.isEmpty && info.levels.allSatisfy { $0.sgxComponents.count == 16 })
  }
  if let identity = try? QEIdentity(bytes) { precondition(!identity.levels.isEmpty) }
  _ = try? PolicyFile.parse(String(decoding: bytes, as: UTF8.self))
  return 0
}

/// SwiftPM makes this the program's `main`, so libFuzzer's own is not used (LLVM, FuzzerInterface.h).
@_cdecl("FuzzJSON_main")
public func main(
  _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> CInt {
  var count = count
  var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = arguments
  return runDriver(&count, &arguments) { fuzzJSON($0!, $1) }
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt
