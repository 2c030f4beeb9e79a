/// An empty tmpfs: a record of the measured configuration.
///
/// | offset | size | field |
/// | --- | --- | --- |
/// | 0 | 8 | most bytes that files in it may take, in pages of 4096; 0: as much as there is |
/// | 8 | | absolute path of the mount point |
public struct TemporaryMount: Equatable, Sendable {
  public var path: [UInt8]
  /// Bytes.
  public var size: UInt64

  public init(path: [UInt8], size: UInt64 = 0) {
    self.path = path
    self.size = size
  }

  public static let headerSize = 8

  /// The fields before the path, for the tamper campaign.
  public enum Header {
    public static var all: [FormatField] { [FormatField("size", 0, 8)] }
  }

  public func encoded() -> [UInt8] {
    var out: [UInt8] = []
    out.appendLittleEndian(size, count: 8)
    return out + path
  }

  /// nil: not what `encoded` wrote.
  public init?(_ b: [UInt8]) {
    guard b.count > Self.headerSize + 1, b[Self.headerSize] == 0x2F,
      !b[Self.headerSize...].contains(0)
    else { return nil }
    size = b.littleEndian(at: 0, count: 8)
    guard size <= 1 << 48 else { return nil }
    path = [UInt8](b[Self.headerSize...])
  }
}
