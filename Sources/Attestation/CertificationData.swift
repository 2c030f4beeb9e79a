/// What a quote says about the key that certified the quoting enclave (types 1 to 7).
public enum CertificationData: Hashable, Sendable {
  /// 1: the platform's PPID in the clear, with the TCB the key belongs to.
  case plainPPID(PPIDRecord)
  /// 2: the PPID encrypted with RSA-2048-OAEP.
  case encryptedPPID2048(PPIDRecord)
  /// 3: the PPID encrypted with RSA-3072-OAEP.
  case encryptedPPID3072(PPIDRecord)
  /// 4: the PCK certificate alone.
  case pckCertificate([UInt8])
  /// 5: PCK certificate, CA, root, as PEM.
  case pckChain([UInt8])
  /// 7: a platform manifest.
  case platformManifest([UInt8])

  public struct PPIDRecord: Hashable, Sendable {
    public let ppid: [UInt8]
    public let CPUSVN: [UInt8]
    public let PCESVN: UInt16
    public let PCEID: [UInt8]

    init(_ bytes: ArraySlice<UInt8>, ppidSize: Int) throws(QuoteFormatError) {
      var reader = ByteReader(bytes)
      ppid = Array(try reader.read(ppidSize, "PPID"))
      CPUSVN = Array(try reader.read(16, "CPUSVN"))
      PCESVN = try reader.u16("PCESVN")
      PCEID = Array(try reader.read(2, "PCEID"))
      guard reader.remaining == 0 else {
        throw .innerLength(field: "certification data", unused: reader.remaining)
      }
    }
  }

  public var type: UInt16 {
    switch self {
    case .plainPPID: 1
    case .encryptedPPID2048: 2
    case .encryptedPPID3072: 3
    case .pckCertificate: 4
    case .pckChain: 5
    case .platformManifest: 7
    }
  }

  /// Type 6, which wraps the others in quotes of version 4 and 5, is read by `QuoteSignature`.
  init(type: UInt16, _ bytes: ArraySlice<UInt8>) throws(QuoteFormatError) {
    switch type {
    case 1: self = .plainPPID(try PPIDRecord(bytes, ppidSize: 16))
    case 2: self = .encryptedPPID2048(try PPIDRecord(bytes, ppidSize: 256))
    case 3: self = .encryptedPPID3072(try PPIDRecord(bytes, ppidSize: 384))
    case 4: self = .pckCertificate(Array(bytes))
    case 5: self = .pckChain(Array(bytes))
    // The type is not signed: a chain must not pass for something that nobody looks into.
    case 7 where bytes.first == 0x2D:
      throw .unsupported(field: "platform manifest", value: "PEM text")
    case 7: self = .platformManifest(Array(bytes))
    default: throw .unsupported(field: "certification data type", value: "\(type)")
    }
  }
}
