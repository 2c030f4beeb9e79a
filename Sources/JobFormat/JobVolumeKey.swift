import EnclaveCrypto
import PayloadFormat

/// The key of one of the payload's volumes, which the owner releases to the instance with a job.
///
/// | offset | size | field |
/// | --- | --- | --- |
/// | 0 | 32 | key of the volume |
/// | 32 | 40 | the root that it must have (Docs/Volume.md); zeros: any state is taken |
/// | 72 | | the volume's name, 1 to 64 bytes |
public struct JobVolumeKey: Sendable, Equatable {
  static let headerSize = 72

  public var name: [UInt8]
  /// 32 bytes.
  public var key: [UInt8]
  /// 40 bytes; nil: any state is taken.
  public var root: [UInt8]?

  /// nil: a wrong name or size.
  public init?(name: [UInt8], key: [UInt8], root: [UInt8]? = nil) {
    guard Self.isName(name), key.count == 32, root == nil || root!.count == 40 else { return nil }
    if let root, !root.contains(where: { $0 != 0 }) { return nil }
    self.name = name
    self.key = key
    self.root = root
  }

  /// nil: not what `encoded` wrote.
  init?(_ bytes: [UInt8]) {
    guard bytes.count > Self.headerSize else { return nil }
    let root = [UInt8](bytes[32..<Self.headerSize])
    self.init(
      name: [UInt8](bytes[Self.headerSize...]), key: [UInt8](bytes[..<32]),
      root: root.contains { $0 != 0 } ? root : nil)
  }

  func encoded() -> [UInt8] {
    key + (root ?? [UInt8](repeating: 0, count: 40)) + name
  }

  /// As payload.toml has names of volumes: letters, digits, `-`, `_` and `.`.
  static func isName(_ bytes: [UInt8]) -> Bool {
    for byte in bytes {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: continue
      default: return false
      }
    }
    return !bytes.isEmpty && bytes.count <= Offer.longestVolumeName
  }
}
