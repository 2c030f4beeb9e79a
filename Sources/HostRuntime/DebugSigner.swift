import Glibc
import SGX
import SoftwareSGX

/// Signs development enclaves with a key of the user's own, made once in the state folder (mode 0600).
///
/// A SIGSTRUCT is kept in one of 256 files, by the first byte of MRENCLAVE, so that the same command starts
/// without a signature and the folder does not grow.
public struct DebugSigner: Sendable {
  private let state: StateFolder
  private static let keyName = "debug-key.pem"

  public init(_ state: StateFolder) { self.state = state }

  public func sign(mrenclave: [UInt8], attributes: ATTRIBUTES) throws(HostError) -> SIGSTRUCT {
    let slot = "sigstruct-" + hexText([mrenclave[0]])
    if let bytes = state.read(slot), let kept = try? SIGSTRUCT(bytes),
      kept.enclaveHash == mrenclave, kept.attributes == attributes
    {
      return kept
    }
    do throws(SGXError) {
      let signed = try key().sign(
        SIGSTRUCT(enclaveHash: mrenclave, attributes: attributes, date: Self.today()))
      try? state.write(slot, signed.encoded())
      return signed
    } catch {
      throw HostError(
        "cannot sign the enclave with \(state.file(Self.keyName)) (\(error)); remove the file to "
          + "have a new key made")
    }
  }

  private func key() throws(SGXError) -> SigningKey {
    if let bytes = state.read(Self.keyName) {
      return try SigningKey(pem: String(decoding: bytes, as: UTF8.self))
    }
    let key = try SigningKey.generate()
    let pem = try key.pem()
    try? state.write(Self.keyName, Array(pem.utf8))
    // Another run may have been quicker; both must end up with the same key.
    guard let bytes = state.read(Self.keyName) else { return key }
    return try SigningKey(pem: String(decoding: bytes, as: UTF8.self))
  }

  /// yyyymmdd in BCD, as SIGSTRUCT.DATE has it.
  private static func today() -> UInt32 {
    var now = time(nil)
    var t = tm()
    gmtime_r(&now, &t)
    let decimal = UInt32(t.tm_year + 1900) * 10000 + UInt32(t.tm_mon + 1) * 100 + UInt32(t.tm_mday)
    return UInt32(String(decimal), radix: 16) ?? 0
  }
}
