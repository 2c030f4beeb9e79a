/// The format of a sealed volume, version 1 (Docs/Volume.md, byte by byte).
public enum VolumeFormat {
  public static let version: UInt32 = 1
  public static let blockSize = 4096
  /// `CLVOLUME`
  public static let magic: UInt64 = 0x454D_554C_4F56_4C43
  /// Blocks 0 and 1 hold the two copies of the superblock.
  public static let firstFreeBlock: UInt64 = 2
  /// A pointer has 48 bits for a block's number.
  public static let maximumBlocks: UInt64 = 1 << 48
  public static let pointerSize = 32
  public static let fanOut = 4096 / 32
  public static let inodeSize = 256
  public static let rootInode: UInt64 = 1
  /// Object numbers of what is no file. Inode numbers are below 2^62.
  public static let inodeTable: UInt64 = 0
  public static let saltTable: UInt64 = 1 << 62
  /// Object number of an inode's extended attributes: the inode's number and this bit.
  public static let attributesBit: UInt64 = 1 << 63
  /// No object: what `changeBeforeSealing` calls the superblock's body.
  public static let superblockObject: UInt64 = .max
  public static let saltSize = 32
  public static let maximumMounts = 65535
  /// Levels of nodes above the blocks of an object: 128^6 blocks are 2^54 bytes.
  public static let maximumHeight = 6
  public static let maximumFileSize: UInt64 = 1 << 53

  /// A field of the format, for the documentation's sake and the tamper campaign's: `offset` and `size` in bytes within
  /// the structure.
  public struct Field: Sendable {
    public let name: StaticString
    public let offset: Int
    public let size: Int
  }

  /// The superblock as it lies in blocks 0 and 1. Everything before the tag is authenticated with the body.
  public enum Superblock {
    public static let magic = Field(name: "magic", offset: 0, size: 8)
    public static let version = Field(name: "version", offset: 8, size: 4)
    public static let keyKind = Field(name: "keyKind", offset: 12, size: 4)
    public static let keyData = Field(name: "keyData", offset: 16, size: 64)
    public static let salt = Field(name: "salt", offset: 80, size: 32)
    public static let counter = Field(name: "counter", offset: 112, size: 8)
    public static let tag = Field(name: "tag", offset: 120, size: 16)
    public static let reserved = Field(name: "reserved", offset: 136, size: 120)
    public static let body = Field(name: "body", offset: 256, size: 3840)
    public static var all: [Field] {
      [magic, version, keyKind, keyData, salt, counter, tag, reserved, body]
    }
    /// Authenticated, not encrypted.
    static let headerSize = 120
  }

  /// The superblock's body, encrypted.
  public enum Body {
    public static let sequence = Field(name: "sequence", offset: 0, size: 8)
    public static let volumeID = Field(name: "volumeID", offset: 8, size: 16)
    public static let mount = Field(name: "mount", offset: 24, size: 2)
    public static let reserved = Field(name: "reserved", offset: 26, size: 6)
    public static let nextInode = Field(name: "nextInode", offset: 32, size: 8)
    public static let blockCount = Field(name: "blockCount", offset: 40, size: 8)
    public static let inodeTable = Field(name: "inodeTable", offset: 48, size: 48)
    public static let saltTable = Field(name: "saltTable", offset: 96, size: 48)
    public static let padding = Field(name: "padding", offset: 144, size: 3840 - 144)
    public static var all: [Field] {
      [sequence, volumeID, mount, reserved, nextInode, blockCount, inodeTable, saltTable, padding]
    }
  }

  /// Where a block lies, under which key and nonce it was sealed, and its tag.
  public enum Pointer {
    public static let block = Field(name: "block", offset: 0, size: 6)
    public static let mount = Field(name: "mount", offset: 6, size: 2)
    public static let counter = Field(name: "counter", offset: 8, size: 8)
    public static let tag = Field(name: "tag", offset: 16, size: 16)
    public static var all: [Field] { [block, mount, counter, tag] }
  }

  /// An object: how many bytes, how many levels of nodes, and the pointer at the top.
  public enum Descriptor {
    public static let size = Field(name: "size", offset: 0, size: 8)
    public static let height = Field(name: "height", offset: 8, size: 8)
    public static let root = Field(name: "root", offset: 16, size: 32)
    public static var all: [Field] { [size, height, root] }
  }

  public static let descriptorSize = 48

  /// A bucket of a directory: a block that begins with this, entries after it.
  public enum Bucket {
    public static let used = Field(name: "used", offset: 0, size: 2)
    public static var all: [Field] { [used] }
  }
  public static let bucketHeaderSize = 2

  /// An entry of a directory; its name follows.
  public enum Entry {
    public static let inode = Field(name: "inode", offset: 0, size: 8)
    public static let type = Field(name: "type", offset: 8, size: 1)
    public static let length = Field(name: "length", offset: 9, size: 1)
    public static var all: [Field] { [inode, type, length] }
  }
  public static let entryHeaderSize = 10

  /// An extended attribute; its name and its value follow.
  public enum Attribute {
    public static let nameLength = Field(name: "nameLength", offset: 0, size: 2)
    public static let valueLength = Field(name: "valueLength", offset: 2, size: 4)
    public static var all: [Field] { [nameLength, valueLength] }
  }
  public static let attributeHeaderSize = 6

  /// An element of the salt table.
  public enum Salt {
    public static let salt = Field(name: "salt", offset: 0, size: 32)
    public static var all: [Field] { [salt] }
  }

  /// A record of the inode table. `mode` 0: not in use.
  public enum Inode {
    public static let mode = Field(name: "mode", offset: 0, size: 4)
    public static let nlink = Field(name: "nlink", offset: 4, size: 4)
    public static let uid = Field(name: "uid", offset: 8, size: 4)
    public static let gid = Field(name: "gid", offset: 12, size: 4)
    public static let atime = Field(name: "atime", offset: 16, size: 8)
    public static let mtime = Field(name: "mtime", offset: 24, size: 8)
    public static let ctime = Field(name: "ctime", offset: 32, size: 8)
    public static let btime = Field(name: "btime", offset: 40, size: 8)
    public static let rdev = Field(name: "rdev", offset: 48, size: 8)
    public static let content = Field(name: "content", offset: 56, size: 48)
    public static let attributes = Field(name: "attributes", offset: 104, size: 48)
    public static let blocks = Field(name: "blocks", offset: 152, size: 8)
    public static let reserved = Field(name: "reserved", offset: 160, size: 96)
    public static var all: [Field] {
      [
        mode, nlink, uid, gid, atime, mtime, ctime, btime, rdev, content, attributes, blocks,
        reserved,
      ]
    }
  }
}

/// How the volume's key is come by; the volume only carries it, with what is needed to derive a sealing key again.
public enum VolumeKeyKind: UInt32, Sendable {
  /// 32 bytes in a file.
  case file = 0
  /// EGETKEY, policy MRENCLAVE; key data: the KEYREQUEST's ISVSVN, CPUSVN, CONFIGSVN and KEYID.
  case sealingMRENCLAVE = 1
  /// EGETKEY, policy MRSIGNER; the same key data.
  case sealingMRSIGNER = 2
  /// Released by a job to the enclave that runs it.
  case job = 3
}

/// Where a block lies and what its content must be. All zero: no block, zeros.
struct BlockPointer: Equatable {
  var block: UInt64 = 0
  var mount: UInt16 = 0
  var counter: UInt64 = 0
  var tag: (UInt64, UInt64) = (0, 0)

  var isHole: Bool { block == 0 }

  init() {}
  init(_ m: VolumeMemory, _ at: Int) {
    let word = m.load(at, as: UInt64.self)
    block = word & 0xFFFF_FFFF_FFFF
    mount = UInt16(truncatingIfNeeded: word >> 48)
    counter = m.load(at + 8, as: UInt64.self)
    tag = (m.load(at + 16, as: UInt64.self), m.load(at + 24, as: UInt64.self))
  }
  func store(_ m: VolumeMemory, _ at: Int) {
    m.store(block | UInt64(mount) << 48, at)
    m.store(counter, at + 8)
    m.store(tag.0, at + 16)
    m.store(tag.1, at + 24)
  }
  static func == (a: BlockPointer, b: BlockPointer) -> Bool {
    a.block == b.block && a.mount == b.mount && a.counter == b.counter && a.tag == b.tag
  }
}
