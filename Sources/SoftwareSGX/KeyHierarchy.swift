import CCryptoBoringSSL
import Crypto
import Glibc
import SGX

/// What EINIT makes known of an enclave.
struct Identity: Sendable {
  var attributes: ATTRIBUTES
  var miscSelect: MISCSELECT
  var configID: [UInt8]
  var configSVN: UInt16
  var mrenclave: [UInt8]
  var mrsigner: [UInt8]
  var isvProdID: UInt16
  var isvSVN: UInt16
  var isvFamilyID: [UInt8]
  var isvExtProdID: [UInt8]

  init(secs: SECS, sigstruct: SIGSTRUCT, mrenclave: [UInt8]) {
    attributes = secs.attributes
    attributes.flags.insert(.INIT)
    miscSelect = secs.miscSelect
    configID = secs.configID
    configSVN = secs.configSVN
    self.mrenclave = mrenclave
    mrsigner = sigstruct.mrsigner
    isvProdID = sigstruct.isvProdID
    isvSVN = sigstruct.isvSVN
    isvFamilyID = sigstruct.isvFamilyID
    isvExtProdID = sigstruct.isvExtProdID
  }
}

/// RAX of an EGETKEY that fails with ZF set.
struct KeyError: Error { var rax: UInt64 }

/// The machine's secrets and what EREPORT and EGETKEY derive from them.
///
/// On hardware the derivation is internal and has no public vectors. Here a key is AES-128-CMAC under the
/// machine's root over a record of 320 bytes that holds exactly what the SDM says the key depends on
/// (vol. 3D, EGETKEY, table "Key derivation"), every other field 0:
///
/// | offset | size | field |
/// | --- | --- | --- |
/// | 0 | 2 | KEYNAME |
/// | 2 | 2 | KEYPOLICY, 0 for REPORT |
/// | 4 | 2 | ISVPRODID |
/// | 6 | 2 | ISVSVN |
/// | 8 | 2 | CONFIGSVN |
/// | 12 | 4 | MISCSELECT |
/// | 16 | 16 | ATTRIBUTES |
/// | 32 | 16 | CPUSVN |
/// | 48 | 32 | KEYID |
/// | 80 | 32 | MRENCLAVE |
/// | 112 | 32 | MRSIGNER |
/// | 144 | 64 | CONFIGID |
/// | 208 | 16 | ISVFAMILYID |
/// | 224 | 16 | ISVEXTPRODID |
/// | 240 | 16 | OWNEREPOCH |
/// | 256 | 16 | SEAL_FUSES |
/// | 272 | 16 | ATTRIBUTEMASK |
/// | 288 | 4 | MISCMASK |
/// | 292 | 28 | 0 |
struct KeyHierarchy: Sendable {
  /// Software version; a request may ask for this one or an older one.
  static let cpuSVN: [UInt8] = [1] + [UInt8](repeating: 0, count: 15)

  private let root: [UInt8]
  private let ownerEpoch: [UInt8]
  private let sealFuses: [UInt8]
  /// Changes whenever the machine starts, as the CPU's does.
  private let reportKeyID: [UInt8]

  init(stateFile: String?) throws(SGXError) {
    let secrets = try MachineState.load(path: stateFile ?? MachineState.defaultPath)
    root = [UInt8](secrets[0..<16])
    ownerEpoch = [UInt8](secrets[16..<32])
    sealFuses = [UInt8](secrets[32..<48])
    reportKeyID = MachineState.random(32)
  }

  func report(_ id: Identity, target: TARGETINFO, data: [UInt8]) -> REPORT {
    var report = REPORT()
    report.cpuSVN = Self.cpuSVN
    report.miscSelect = id.miscSelect
    report.isvExtProdID = id.isvExtProdID
    report.attributes = id.attributes
    report.mrenclave = id.mrenclave
    report.mrsigner = id.mrsigner
    report.configID = id.configID
    report.isvProdID = id.isvProdID
    report.isvSVN = id.isvSVN
    report.configSVN = id.configSVN
    report.isvFamilyID = id.isvFamilyID
    report.reportData = data
    report.keyID = reportKeyID
    report.mac = Self.cmac(reportKey(target: target, keyID: reportKeyID), report.body())
    return report
  }

  /// The key with which the target of a report checks it.
  func reportKey(target: TARGETINFO, keyID: [UInt8]) -> [UInt8] {
    var record = Record(.report)
    record.put(target.configSVN, at: 8)
    record.put(target.miscSelect.rawValue, at: 12)
    record.put(target.attributes.encoded(), at: 16)
    record.put(Self.cpuSVN, at: 32)
    record.put(keyID, at: 48)
    record.put(target.measurement, at: 80)
    record.put(target.configID, at: 144)
    record.put(ownerEpoch, at: 240)
    record.put(sealFuses, at: 256)
    return Self.cmac(root, record.bytes)
  }

  func key(_ id: Identity, _ request: KEYREQUEST) -> Result<[UInt8], KeyError> {
    guard let name = KEYREQUEST.Name(rawValue: request.name) else {
      return .failure(KeyError(rax: SGXReturn.SGX_INVALID_KEYNAME))
    }
    let flags = id.attributes.flags
    switch name {
    case .einitToken where !flags.contains(.EINITTOKEN_KEY),
      .provision where !flags.contains(.PROVISIONKEY),
      .provisionSeal where !flags.contains(.PROVISIONKEY):
      return .failure(KeyError(rax: SGXReturn.SGX_INVALID_ATTRIBUTE))
    default: break
    }
    let policy = request.policy
    if !flags.contains(.KSS), !policy.isDisjoint(with: .kss) || request.configSVN != 0 {
      return .failure(KeyError(rax: SGXReturn.SGX_INVALID_ATTRIBUTE))
    }
    if name == .report {
      var own = TARGETINFO()
      own.measurement = id.mrenclave
      own.attributes = id.attributes
      own.miscSelect = id.miscSelect
      own.configID = id.configID
      own.configSVN = id.configSVN
      return .success(reportKey(target: own, keyID: request.keyID))
    }
    // CPUSVN is opaque on hardware; here its first byte is the version.
    guard request.cpuSVN[0] <= Self.cpuSVN[0], request.cpuSVN.dropFirst().allSatisfy({ $0 == 0 })
    else { return .failure(KeyError(rax: SGXReturn.SGX_INVALID_CPUSVN)) }
    guard request.isvSVN <= id.isvSVN, request.configSVN <= id.configSVN else {
      return .failure(KeyError(rax: SGXReturn.SGX_INVALID_ISVSVN))
    }
    // INIT and DEBUG always count, so that a debug enclave never gets the keys of a production one.
    var mask = request.attributeMask
    mask.flags.formUnion([.INIT, .DEBUG])
    var record = Record(name)
    record.put(request.isvSVN, at: 6)
    record.put(id.miscSelect.rawValue & request.miscMask, at: 12)
    record.put(id.attributes.masked(by: mask).encoded(), at: 16)
    record.put(request.cpuSVN, at: 32)
    record.put(mask.encoded(), at: 272)
    record.put(request.miscMask, at: 288)
    if name != .provision { record.put(sealFuses, at: 256) }
    switch name {
    case .einitToken:
      record.put(id.isvProdID, at: 4)
      record.put(request.keyID, at: 48)
      record.put(id.mrsigner, at: 112)
      record.put(ownerEpoch, at: 240)
    case .provision:
      record.put(id.isvProdID, at: 4)
      record.put(id.mrsigner, at: 112)
    case .provisionSeal, .seal:
      record.put(policy.rawValue, at: 2)
      if !policy.contains(.NOISVPRODID) { record.put(id.isvProdID, at: 4) }
      if policy.contains(.CONFIGID) {
        record.put(request.configSVN, at: 8)
        record.put(id.configID, at: 144)
      }
      if policy.contains(.ISVFAMILYID) { record.put(id.isvFamilyID, at: 208) }
      if policy.contains(.ISVEXTPRODID) { record.put(id.isvExtProdID, at: 224) }
      if name == .provisionSeal || policy.contains(.MRSIGNER) { record.put(id.mrsigner, at: 112) }
      if name == .seal {
        if policy.contains(.MRENCLAVE) { record.put(id.mrenclave, at: 80) }
        record.put(request.keyID, at: 48)
        record.put(ownerEpoch, at: 240)
      }
    case .report: break
    }
    return .success(Self.cmac(root, record.bytes))
  }

  private struct Record {
    var bytes = [UInt8](repeating: 0, count: 320)
    init(_ name: KEYREQUEST.Name) { bytes.put(name.rawValue, at: 0) }
    mutating func put<T: FixedWidthInteger>(_ value: T, at offset: Int) {
      bytes.put(value, at: offset)
    }
    mutating func put(_ value: [UInt8], at offset: Int) { bytes.put(value, at: offset) }
  }

  /// AES-128-CMAC (RFC 4493), BoringSSL's.
  static func cmac(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: 16)
    let ok = CCryptoBoringSSL_AES_CMAC(&out, key, key.count, message, message.count)
    precondition(ok == 1, "AES-CMAC")
    return out
  }
}
