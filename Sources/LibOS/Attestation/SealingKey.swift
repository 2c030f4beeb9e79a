import EnclaveRuntime
import LinuxABI
import PayloadFormat

/// A key that only this enclave (MRENCLAVE), or any of its signer's for the same product (MRSIGNER), gets
/// from this processor again (EGETKEY, KEYNAME SEAL; SDM vol. 3D, 40.4.7).
///
/// With KSS, CONFIGID is part of every key, so an instance that is bound to one owner cannot open what one
/// of another owner sealed. ATTRIBUTES count in full (a debug enclave never gets a production enclave's
/// keys) and MISCSELECT too; XFRM does not: it is what the processor happens to have.
struct SealingKey {
  enum Policy: UInt16 {
    case MRENCLAVE = 1
    case MRSIGNER = 2
  }

  let policy: Policy
  /// Security versions that the key was made for. Keep them beside what is sealed: the processor gives keys
  /// of older versions, but not of newer ones.
  var CPUSVN: [UInt8]
  var ISVSVN: [UInt8]
  var CONFIGSVN: [UInt8]
  /// 32 bytes: different keys for different uses.
  let keyID: [UInt8]

  /// The key that `/dev/attestation/keys` shows: KEYID zero, at today's versions, as in Gramine.
  init(payload policy: Policy, of identity: OwnIdentity) {
    self.init(policy, keyID: [UInt8](repeating: 0, count: 32), of: identity)
  }

  /// A key of the runtime's own, never one that `/dev/attestation/keys` shows. `salt`: 16 bytes, random
  /// for each thing that is sealed.
  init(runtime policy: Policy, salt: [UInt8], of identity: OwnIdentity) {
    precondition(salt.count == 16)
    self.init(policy, keyID: RuntimeReportData.label + salt, of: identity)
  }

  private init(_ policy: Policy, keyID: [UInt8], of identity: OwnIdentity) {
    self.policy = policy
    self.keyID = keyID
    CPUSVN = identity.CPUSVN
    ISVSVN = identity.ISVSVN
    CONFIGSVN = identity.CONFIGSVN
  }

  /// 16 bytes.
  ///
  /// - Throws: `EACCES` when the processor refuses (versions above the enclave's own), `ENOMEM`.
  func derive(hasKSS: Bool) throws(Errno) -> [UInt8] {
    var request = [UInt8](repeating: 0, count: Leaf.keyRequestSize)
    func put(_ offset: Int, _ bytes: [UInt8]) {
      for i in bytes.indices { request[offset + i] = bytes[i] }
    }
    request[0] = 4  // KEYNAME: SEAL
    request[2] = UInt8(policy.rawValue) | (hasKSS ? 1 << 3 : 0)  // KEYPOLICY, bit 3: CONFIGID
    put(4, ISVSVN)
    put(8, CPUSVN)
    put(24, [UInt8](repeating: 0xFF, count: 8))  // ATTRIBUTEMASK.FLAGS; XFRM stays 0
    put(40, keyID)
    put(72, [UInt8](repeating: 0xFF, count: 4))  // MISCMASK
    if hasKSS { put(76, CONFIGSVN) }
    return try Leaf.EGETKEY(request)
  }
}
