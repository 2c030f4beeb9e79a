import Glibc

extension EnclaveImage {
  static let fileName = "cloister-enclave.elf"

  /// Where the enclave image lies: $CLOISTER_ENCLAVE_IMAGE, else beside the executable, else in
  /// `build/` of a folder above the executable (a package's root while developing).
  public static func find() throws(HostError) -> String {
    if let explicit = environmentVariable("CLOISTER_ENCLAVE_IMAGE") { return explicit }
    var buffer = [CChar](repeating: 0, count: 4096)
    let size = readlink("/proc/self/exe", &buffer, buffer.count)
    guard size > 0 else { throw HostError("cannot read /proc/self/exe: \(lastError())") }
    var folder = String(decoding: buffer[..<size].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    var isFirst = true
    while let slash = folder.utf8.lastIndex(of: 0x2F) {
      folder = String(folder[..<slash])
      let candidate = folder + (isFirst ? "/" : "/build/") + fileName
      if access(candidate, F_OK) == 0 { return candidate }
      isFirst = false
    }
    throw HostError(
      "no enclave image \(fileName); build it with `make`, or set CLOISTER_ENCLAVE_IMAGE")
  }
}
