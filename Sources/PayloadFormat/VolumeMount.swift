/// Where a sealed volume is mounted and where its key comes from: a record of the measured configuration.
///
/// | offset | size | field |
/// | --- | --- | --- |
/// | 0 | 4 | flags: 1 read-only, 2 the root below is expected |
/// | 4 | 4 | key source, see `KeySource` |
/// | 8 | 32 | the key itself (`insecureKey`), else zeros |
/// | 40 | 40 | the volume's root that is expected (Docs/Volume.md), else zeros |
/// | 80 | | the volume's name, a zero byte, absolute path of the mount point |
///
/// Which file of the host it is, nobody measures: the file's key says that it is the right volume.
public struct VolumeMount: Equatable, Sendable {
  public enum KeySource: UInt32, Sendable {
    /// The key stands in the configuration, and so is known to the host: development only.
    case insecureKey = 0
    /// EGETKEY with policy MRENCLAVE: only this very payload opens it.
    case sealingMRENCLAVE = 1
    /// EGETKEY with policy MRSIGNER: payloads of this signer, of the same or a higher ISVSVN.
    case sealingMRSIGNER = 2
    /// Released by a job.
    case job = 3
  }

  /// What the one who runs the payload calls it when he says which file it is. Not empty.
  public var name: [UInt8]
  public var path: [UInt8]
  public var isReadOnly = false
  public var keySource: KeySource
  /// 32 bytes with `insecureKey`.
  public var insecureKey: [UInt8] = []
  /// 40 bytes, or nil: any state of the volume is accepted.
  public var expectedRoot: [UInt8]?

  public init(name: [UInt8], path: [UInt8], keySource: KeySource) {
    self.name = name
    self.path = path
    self.keySource = keySource
  }

  public static let headerSize = 80

  /// The fields before the name, for the tamper campaign.
  public enum Header {
    public static var all: [FormatField] {
      [
        FormatField("flags", 0, 4), FormatField("keySource", 4, 4),
        FormatField("insecureKey", 8, 32),
        FormatField("expectedRoot", 40, 40),
      ]
    }
  }

  public func encoded() -> [UInt8] {
    var out: [UInt8] = []
    out.appendLittleEndian((isReadOnly ? 1 : 0) | (expectedRoot != nil ? 2 : 0), count: 4)
    out.appendLittleEndian(UInt64(keySource.rawValue), count: 4)
    out += insecureKey + [UInt8](repeating: 0, count: 32 - insecureKey.count)
    out += expectedRoot ?? [UInt8](repeating: 0, count: 40)
    return out + name + [0] + path
  }

  /// nil: not what `encoded` wrote.
  public init?(_ b: [UInt8]) {
    guard b.count > Self.headerSize, let zero = b[Self.headerSize...].firstIndex(of: 0),
      zero > Self.headerSize, b.count > zero + 1, b[zero + 1] == 0x2F,
      !b[(zero + 1)...].contains(0)
    else { return nil }
    let flags = b.littleEndian(at: 0, count: 4)
    guard flags & ~3 == 0, let source = KeySource(rawValue: UInt32(b.littleEndian(at: 4, count: 4)))
    else {
      return nil
    }
    keySource = source
    isReadOnly = flags & 1 != 0
    insecureKey = source == .insecureKey ? [UInt8](b[8..<40]) : []
    if source != .insecureKey { for i in 8..<40 where b[i] != 0 { return nil } }
    expectedRoot = flags & 2 != 0 ? [UInt8](b[40..<80]) : nil
    if flags & 2 == 0 { for i in 40..<80 where b[i] != 0 { return nil } }
    name = [UInt8](b[Self.headerSize..<zero])
    path = [UInt8](b[(zero + 1)...])
  }
}
