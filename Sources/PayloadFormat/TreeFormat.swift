/// The payload's directory tree as bytes: the manifest. See Docs/Payload.md for the same in words.
///
/// A header, then four regions: inode records, directory entries, and strings. All integers are
/// little-endian; records are aligned and never cross a chunk of the hash tree that covers the manifest, so
/// that the enclave reads, verifies and parses only the parts of it that a program uses.
public enum TreeFormat {
  public static let magic: [UInt8] = [0x43, 0x4C, 0x54, 0x52, 0x45, 0x45, 0x30, 0x31]  // CLTREE01
  public static let headerSize = 128
  public static let inodeSize = 128
  public static let entrySize = 16
  /// Regions start at multiples of this.
  public static let alignment: UInt64 = 128
  /// The root directory is the first inode. Inode numbers inside are the index + 1.
  public static let rootInode: UInt32 = 0
  public static let maximumNameLength = 255
  public static let maximumLinkLength = 4095
  public static let maximumSiteTableSize: UInt64 = 64 << 20

  public enum Header {
    @inlinable public static var magic: FormatField { FormatField("magic", 0, 8) }
    /// log2 of the chunk size of every hash tree; 16.
    @inlinable public static var chunkShift: FormatField { FormatField("chunkShift", 8, 4) }
    @inlinable public static var reserved0: FormatField { FormatField("reserved0", 12, 4) }
    /// Bytes of the manifest.
    @inlinable public static var size: FormatField { FormatField("size", 16, 8) }
    @inlinable public static var inodeCount: FormatField { FormatField("inodeCount", 24, 8) }
    @inlinable public static var inodesOffset: FormatField { FormatField("inodesOffset", 32, 8) }
    @inlinable public static var entryCount: FormatField { FormatField("entryCount", 40, 8) }
    @inlinable public static var entriesOffset: FormatField { FormatField("entriesOffset", 48, 8) }
    @inlinable public static var stringsSize: FormatField { FormatField("stringsSize", 56, 8) }
    @inlinable public static var stringsOffset: FormatField { FormatField("stringsOffset", 64, 8) }
    /// Bytes of the file `data` beside the manifest.
    @inlinable public static var dataSize: FormatField { FormatField("dataSize", 72, 8) }
    /// What file times are clamped to, nanoseconds since the epoch.
    @inlinable public static var newestNs: FormatField { FormatField("newestNs", 80, 8) }
    @inlinable public static var reserved1: FormatField { FormatField("reserved1", 88, 40) }
    public static var all: [FormatField] {
      [
        magic, chunkShift, reserved0, size, inodeCount, inodesOffset, entryCount, entriesOffset,
        stringsSize, stringsOffset, dataSize, newestNs, reserved1,
      ]
    }
  }

  public enum Inode {
    /// Type and permissions (inode(7)).
    @inlinable public static var mode: FormatField { FormatField("mode", 0, 4) }
    @inlinable public static var uid: FormatField { FormatField("uid", 4, 4) }
    @inlinable public static var gid: FormatField { FormatField("gid", 8, 4) }
    @inlinable public static var nlink: FormatField { FormatField("nlink", 12, 4) }
    /// Bytes of content; of a link's target; what stat(2) says of a directory.
    @inlinable public static var size: FormatField { FormatField("size", 16, 8) }
    @inlinable public static var mtimeNs: FormatField { FormatField("mtimeNs", 24, 8) }
    /// Regular file: offset of its content in `data`. Directory: index of its first entry. Symbolic link:
    /// offset of its target in the strings. Device: its number.
    @inlinable public static var content: FormatField { FormatField("content", 32, 8) }
    /// Regular file: offset of its hash-tree nodes in `data`. Directory: number of entries.
    @inlinable public static var extra: FormatField { FormatField("extra", 40, 8) }
    /// Offset + 1 of its extended attributes in the strings, 0 when it has none.
    @inlinable public static var attributes: FormatField { FormatField("attributes", 48, 4) }
    /// Bytes of the table of system-call sites in `data`, 0 when it has none.
    @inlinable public static var sitesSize: FormatField { FormatField("sitesSize", 52, 4) }
    @inlinable public static var sitesOffset: FormatField { FormatField("sitesOffset", 56, 8) }
    /// Root of the content's hash tree.
    @inlinable public static var root: FormatField { FormatField("root", 64, 32) }
    /// SHA-256(00 || table of sites).
    @inlinable public static var sitesHash: FormatField { FormatField("sitesHash", 96, 32) }
    public static var all: [FormatField] {
      [
        mode, uid, gid, nlink, size, mtimeNs, content, extra, attributes, sitesSize, sitesOffset,
        root, sitesHash,
      ]
    }
  }

  /// Entries of one directory are consecutive and sorted by name, bytewise, each name once.
  public enum Entry {
    /// Offset of the name in the strings.
    @inlinable public static var name: FormatField { FormatField("name", 0, 4) }
    @inlinable public static var nameLength: FormatField { FormatField("nameLength", 4, 1) }
    /// `d_type` of getdents64(2).
    @inlinable public static var type: FormatField { FormatField("type", 5, 1) }
    @inlinable public static var reserved0: FormatField { FormatField("reserved0", 6, 2) }
    /// Index of the inode.
    @inlinable public static var inode: FormatField { FormatField("inode", 8, 4) }
    @inlinable public static var reserved1: FormatField { FormatField("reserved1", 12, 4) }
    public static var all: [FormatField] { [name, nameLength, type, reserved0, inode, reserved1] }
  }

  /// Extended attributes in the strings: a count (4), then for each: this, the name, the value.
  public enum Attribute {
    @inlinable public static var nameLength: FormatField { FormatField("nameLength", 0, 4) }
    @inlinable public static var valueLength: FormatField { FormatField("valueLength", 4, 4) }
    public static var all: [FormatField] { [nameLength, valueLength] }
  }
  public static let attributeHeaderSize = 8
  public static let maximumAttributeCount = 256
  public static let maximumAttributeSize = 65536
}
