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
