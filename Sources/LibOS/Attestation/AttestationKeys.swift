import EnclaveRuntime
import LinuxABI

/// The named keys of 128 bits in `/dev/attestation/keys`, as Gramine has them: `default`, which a program
/// (its secret provisioning) sets, and the sealing keys, which the processor makes.
enum AttestationKeys {
  enum Name {
    case provisioned
    case MRENCLAVE
    case MRSIGNER
  }

  static let size = 16
  /// Guards `provisioned`.
  private static let lock = Lock()
  nonisolated(unsafe) private static var provisioned: [UInt8] = []

  /// 16 bytes; none when nobody has set the key yet.
  ///
  /// - Throws: `EACCES` when the processor refuses a sealing key.
  static func value(_ name: Name) throws(Errno) -> [UInt8] {
    switch name {
    case .provisioned: return lock.withLock { unsafe provisioned }
    case .MRENCLAVE: return try sealing(.MRENCLAVE)
    case .MRSIGNER: return try sealing(.MRSIGNER)
    }
  }

  /// - Throws: `EACCES` for another size than 16 bytes.
  static func provision(_ key: [UInt8]) throws(Errno) {
    guard key.count == size else { throw .EACCES }
    lock.withLock { unsafe provisioned = key }
  }

  private static func sealing(_ policy: SealingKey.Policy) throws(Errno) -> [UInt8] {
    let identity = try OwnIdentity()
    return try SealingKey(payload: policy, of: identity).derive(hasKSS: identity.hasKSS)
  }
}
