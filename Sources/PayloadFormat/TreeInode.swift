/// An inode record of a tree, its offsets checked.
public struct TreeInode: Sendable {
  public let index: UInt32
  public let mode: UInt32
  public let uid: UInt32
  public let gid: UInt32
  public let nlink: UInt32
  public let size: UInt64
  public let mtimeNs: Int64
  public let content: UInt64
  public let extra: UInt64
  public let attributes: UInt32
  public let sitesSize: UInt32
  public let sitesOffset: UInt64
  public let root: [UInt8]
  public let sitesHash: [UInt8]

  public static let S_IFMT: UInt32 = 0o170000
  public var type: UInt32 { mode & Self.S_IFMT }
  public var isDirectory: Bool { type == 0o040000 }
  public var isRegular: Bool { type == 0o100000 }
  public var isSymlink: Bool { type == 0o120000 }
  public var isDevice: Bool { type == 0o020000 || type == 0o060000 }

  init<S: TreeSource>(
    index: UInt32, record: [UInt8], tree: Tree<S>
  ) throws(TreeError) {
    typealias F = TreeFormat.Inode
    self.index = index
    mode = UInt32(truncatingIfNeeded: record.field(F.mode))
    uid = UInt32(truncatingIfNeeded: record.field(F.uid))
    gid = UInt32(truncatingIfNeeded: record.field(F.gid))
    nlink = UInt32(truncatingIfNeeded: record.field(F.nlink))
    size = record.field(F.size)
    mtimeNs = Int64(bitPattern: record.field(F.mtimeNs))
    content = record.field(F.content)
    extra = record.field(F.extra)
    attributes = UInt32(truncatingIfNeeded: record.field(F.attributes))
    sitesSize = UInt32(truncatingIfNeeded: record.field(F.sitesSize))
    sitesOffset = record.field(F.sitesOffset)
    root = [UInt8](record[F.root.offset..<(F.root.offset + F.root.size)])
    sitesHash = [UInt8](record[F.sitesHash.offset..<(F.sitesHash.offset + F.sitesHash.size)])

    guard mode & ~(Self.S_IFMT | 0o7777) == 0, nlink > 0 else { throw .damaged("inode: mode") }
    guard attributes == 0 || tree.hasStrings(UInt64(attributes - 1), 4) else {
      throw .damaged("inode: attributes")
    }
    if isRegular {
      guard size <= MerkleShape.maximumSize, tree.hasData(content, size),
        tree.hasData(extra, MerkleShape(size: size).nodesSize)
      else { throw .damaged("inode: content") }
      guard UInt64(sitesSize) <= TreeFormat.maximumSiteTableSize,
        sitesSize == 0 || tree.hasData(sitesOffset, UInt64(sitesSize))
      else { throw .damaged("inode: sites") }
      return
    }
    guard sitesSize == 0, sitesOffset == 0 else { throw .damaged("inode: sites") }
    if isDirectory {
      guard tree.hasEntries(content, extra), size <= 1 << 40 else {
        throw .damaged("inode: entries")
      }
    } else if isSymlink {
      guard size > 0, size <= UInt64(TreeFormat.maximumLinkLength), tree.hasStrings(content, size)
      else { throw .damaged("inode: link") }
    } else if isDevice || type == 0o010000 || type == 0o140000 {
      guard size == 0 else { throw .damaged("inode: size") }
    } else {
      throw .damaged("inode: type")
    }
  }
}
