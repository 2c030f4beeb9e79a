import EnclaveCrypto

/// SHA-256 with a label in front, so that no digest of one purpose is one of another.
public enum JobDigest {
  public static let size = 32

  /// SHA-256 of the label, a zero byte, and the parts one after the other.
  static func of(_ label: StaticString, _ parts: [UInt8]...) -> [UInt8] {
    var hash = SHA256()
    let start = bytes(label) + [0]
    hash.update(start.span)
    for part in parts { hash.update(part.span) }
    return hash.finalize()
  }

  /// What names a volume's state to people without its key: of block 0, the superblock, 4096 bytes.
  public static func volume(superblock: [UInt8]) -> [UInt8] {
    of("cloister volume commitment 1", superblock)
  }

  /// What names a payload's configuration in an offer and a receipt.
  public static func configuration(_ measured: [UInt8]) -> [UInt8] {
    of("cloister configuration 1", measured)
  }
}
