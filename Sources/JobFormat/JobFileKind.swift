import PayloadFormat

/// The four kinds of files that a job is made of, and what each begins with.
///
/// | offset | size | field |
/// | --- | --- | --- |
/// | 0 | 8 | magic |
/// | 8 | 4 | version, 1 |
/// | 12 | 4 | size of the part that follows, in bytes: the body |
public enum JobFileKind: CaseIterable, Sendable {
  case offer
  case job
  case result
  case receipt

  public static let version: UInt32 = 1
  public static let headerSize = 16

  /// `CLOFFER`, `CLJOB`, `CLRESULT`, `CLRECPT`, filled up with zeros.
  public var magic: [UInt8] {
    switch self {
    case .offer: [0x43, 0x4C, 0x4F, 0x46, 0x46, 0x45, 0x52, 0]
    case .job: [0x43, 0x4C, 0x4A, 0x4F, 0x42, 0, 0, 0]
    case .result: [0x43, 0x4C, 0x52, 0x45, 0x53, 0x55, 0x4C, 0x54]
    case .receipt: [0x43, 0x4C, 0x52, 0x45, 0x43, 0x50, 0x54, 0]
    }
  }

  /// The most that the body may have, bytes.
  public var largestBody: Int {
    switch self {
    case .offer: 8 << 10
    case .job: 2 << 20
    case .result: 48 << 10
    case .receipt: 4 << 10
    }
  }

  var isText: StaticString {
    switch self {
    case .offer: "this is an offer"
    case .job: "this is a job"
    case .result: "this is a result"
    case .receipt: "this is a receipt"
    }
  }

  /// What a file of that beginning is; nil: none of these.
  public init?(magic bytes: [UInt8]) {
    guard bytes.count >= 8 else { return nil }
    for kind in Self.allCases where kind.magic == [UInt8](bytes[..<8]) {
      self = kind
      return
    }
    return nil
  }

  /// The header of a body of `count` bytes.
  public func header(bodySize count: Int) -> [UInt8] {
    var out = magic
    out.appendLittleEndian(UInt64(Self.version), count: 4)
    out.appendLittleEndian(UInt64(count), count: 4)
    return out
  }

  /// Size of the body that a file's first 16 bytes announce.
  public func bodySize(header bytes: [UInt8]) throws(JobFormatError) -> Int {
    guard bytes.count >= 8 else { throw .otherFile(nil) }
    guard let kind = Self(magic: bytes) else { throw .otherFile(nil) }
    guard kind == self else { throw .otherFile(kind) }
    guard bytes.count >= Self.headerSize else { throw .truncated }
    let version = UInt32(bytes.littleEndian(at: 8, count: 4))
    if version > Self.version { throw .newerVersion(version) }
    guard version == Self.version else { throw .malformed("its version is 0") }
    let size = Int(bytes.littleEndian(at: 12, count: 4))
    guard size <= largestBody else { throw .malformed("its header states too large a size") }
    return size
  }
}
