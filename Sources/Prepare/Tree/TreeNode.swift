import PayloadFormat

/// A file of the payload while it is being prepared. Hard links are one node under several names.
public final class TreeNode {
  public enum Kind {
    case directory
    case regular(FileContent)
    case symlink([UInt8])
    /// A device, fifo or socket.
    case special(rdev: UInt64)
  }
  public var kind: Kind
  /// Permission bits and type (inode(7)).
  public var mode: UInt32
  public var uid: UInt32 = 0
  public var gid: UInt32 = 0
  public var mtimeNs: Int64
  public var attributes: [(name: [UInt8], value: [UInt8])] = []
  public var children: [[UInt8]: TreeNode] = [:]
  /// Names that lead here.
  public var nameCount = 0
  /// Index in the manifest; set by `TreeWriter`.
  var index: UInt32?

  public init(kind: Kind, mode: UInt32, mtimeNs: Int64) {
    self.kind = kind
    self.mode = mode
    self.mtimeNs = mtimeNs
  }

  public static func directory(mode: UInt32 = 0o755, mtimeNs: Int64 = 0) -> TreeNode {
    TreeNode(kind: .directory, mode: 0o040000 | mode & 0o7777, mtimeNs: mtimeNs)
  }

  public var isDirectory: Bool { mode & 0o170000 == 0o040000 }

  /// `d_type` of getdents64(2).
  var directoryType: UInt8 { UInt8(truncatingIfNeeded: (mode & 0o170000) >> 12) }

  var sortedChildren: [(name: [UInt8], node: TreeNode)] {
    children.map { ($0.key, $0.value) }.sorted { $0.0.lexicographicallyPrecedes($1.0) }
  }

  /// The node at a path below, making directories that are missing.
  public func makeDirectories(_ path: [UInt8]) -> TreeNode {
    var at = self
    for part in path.split(separator: 0x2F) {
      let name = [UInt8](part)
      if let next = at.children[name] {
        at = next
      } else {
        let next = TreeNode.directory()
        at.insert(name, next)
        at = next
      }
    }
    return at
  }

  public func insert(_ name: [UInt8], _ node: TreeNode) {
    if let old = children.updateValue(node, forKey: name) { old.nameCount -= 1 }
    node.nameCount += 1
  }

  public func find(_ path: [UInt8]) -> TreeNode? {
    var at = self
    for part in path.split(separator: 0x2F) {
      guard let next = at.children[[UInt8](part)] else { return nil }
      at = next
    }
    return at
  }
}

/// What a regular file holds: where it comes from, and what hashing it found.
public final class FileContent: @unchecked Sendable {
  public enum Source: Sendable {
    case file(path: [UInt8])
    case bytes([UInt8])
  }
  public let source: Source
  public let identity: FileIdentity?
  public var size: UInt64
  public var hash: ContentHash?
  /// The table of system-call sites, empty when it has none.
  public var sites: [UInt8] = []

  // Offsets in `data`; set by `TreeWriter`.
  var contentOffset: UInt64 = 0
  var nodesOffset: UInt64 = 0
  var sitesOffset: UInt64 = 0

  public init(path: [UInt8], identity: FileIdentity) {
    source = .file(path: path)
    self.identity = identity
    size = identity.size
  }

  public init(bytes: [UInt8]) {
    source = .bytes(bytes)
    identity = nil
    size = UInt64(bytes.count)
    hash = ContentHash(bytes)
  }
}
