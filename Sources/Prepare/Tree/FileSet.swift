import CPrepare
import Glibc
import HostRuntime
import PayloadFormat

/// The files of a payload while they are gathered: a tree, and for each file why it is there.
public final class FileSet {
  public let root = TreeNode.directory()
  /// Guest path to the reasons, the first one first.
  public private(set) var reasons: [String: [String]] = [:]
  private var contents: [FileIdentity: TreeNode] = [:]
  /// Newest time of a file, nanoseconds since the epoch.
  public private(set) var newestNs: Int64 = 0
  public var keepsOwners = false
  public private(set) var warnings: [String] = []

  public init() {}

  func newest(_ ns: Int64) { newestNs = max(newestNs, ns) }

  func warn(_ text: String) { if !warnings.contains(text) { warnings.append(text) } }

  public func note(_ guest: [UInt8], _ reason: String) {
    let key = text(guest)
    if reasons[key]?.contains(reason) == true { return }
    reasons[key, default: []].append(reason)
  }

  public func contains(_ guest: [UInt8]) -> Bool { root.find(guest) != nil }

  /// Paths of all regular files, sorted.
  var regularPaths: [String] {
    var out: [String] = []
    var stack: [(path: [UInt8], node: TreeNode)] = [([], root)]
    while let (path, node) = stack.popLast() {
      if case .regular = node.kind { out.append(text(path)) }
      for (name, child) in node.sortedChildren { stack.append((path + [0x2F] + name, child)) }
    }
    return out.sorted()
  }

  /// Every regular file's content, each once.
  public var allContents: [FileContent] {
    var out: [FileContent] = []
    var seen = Set<ObjectIdentifier>()
    var stack = [root]
    while let node = stack.popLast() {
      if case .regular(let content) = node.kind, seen.insert(ObjectIdentifier(content)).inserted {
        out.append(content)
      }
      for (_, child) in node.sortedChildren.reversed() { stack.append(child) }
    }
    return out
  }

  /// A node for what lies at `host` on this machine; nil for what cannot be in a payload.
  func node(_ host: [UInt8], _ s: stat) -> TreeNode? {
    let mtime = FileIdentity.ns(s.st_mtim)
    let mode = UInt32(s.st_mode)
    let node: TreeNode
    switch mode & 0o170000 {
    case 0o040000: return finish(TreeNode.directory(mode: mode, mtimeNs: 0), host, s)
    case 0o100000:
      let identity = FileIdentity(s)
      if s.st_nlink > 1, let known = contents[identity] { return known }
      node = TreeNode(
        kind: .regular(FileContent(path: host, identity: identity)), mode: mode, mtimeNs: mtime)
      if s.st_nlink > 1 { contents[identity] = node }
      newestNs = max(newestNs, mtime)
    case 0o120000:
      guard let target = linkTarget(host) else { return nil }
      node = TreeNode(kind: .symlink(target), mode: 0o120777, mtimeNs: mtime)
      newestNs = max(newestNs, mtime)
    case 0o140000: return nil  // a socket without its server
    default:
      node = TreeNode(kind: .special(rdev: UInt64(s.st_rdev)), mode: mode, mtimeNs: mtime)
    }
    return finish(node, host, s)
  }

  private func finish(_ node: TreeNode, _ host: [UInt8], _ s: stat) -> TreeNode {
    if keepsOwners {
      node.uid = s.st_uid
      node.gid = s.st_gid
    }
    if node.mode & 0o170000 != 0o120000 { node.attributes = Self.attributes(host) }
    return node
  }

  /// user.* and security.capability; the others belong to the machine (SELinux labels, ACLs of its users).
  private static func attributes(_ host: [UInt8]) -> [(name: [UInt8], value: [UInt8])] {
    let size = withPath(host) { clp_llistxattr($0, nil, 0) }
    guard size > 0 else { return [] }
    var list = [CChar](repeating: 0, count: size)
    guard withPath(host, { clp_llistxattr($0, &list, size) }) == size else { return [] }
    var out: [(name: [UInt8], value: [UInt8])] = []
    for part in list.split(separator: 0) {
      let name = part.map { UInt8(bitPattern: $0) }
      guard name.starts(with: Array("user.".utf8)) || name == Array("security.capability".utf8)
      else { continue }
      var value = [UInt8](repeating: 0, count: TreeFormat.maximumAttributeSize)
      let n = withPath(host) { p in withPath(name) { clp_lgetxattr(p, $0, &value, value.count) } }
      if n >= 0 { out.append((name, Array(value[..<n]))) }
    }
    return out
  }

  /// Puts made-up content at a path: configuration that must not come from this machine.
  public func add(bytes: [UInt8], at guest: [UInt8], mode: UInt32 = 0o644, reason: String) {
    let (directory, name) = Self.split(guest)
    let node = TreeNode(
      kind: .regular(FileContent(bytes: bytes)), mode: 0o100000 | mode, mtimeNs: 0)
    root.makeDirectories(directory).insert(name, node)
    note(guest, reason)
  }

  public func addDirectory(_ guest: [UInt8], mode: UInt32 = 0o755) {
    let node = root.makeDirectories(guest)
    if node !== root { node.mode = 0o040000 | mode }
  }

  static func split(_ path: [UInt8]) -> (directory: [UInt8], name: [UInt8]) {
    let slash = path.lastIndex(of: 0x2F) ?? -1
    return (Array(path[..<max(slash, 0)]), Array(path[(slash + 1)...]))
  }

  /// Directory times say nothing that is the same on two machines: the newest of what lies in them.
  public func settleDirectoryTimes() {
    func settle(_ node: TreeNode) -> Int64 {
      var newest: Int64 = 0
      for child in node.children.values {
        newest = max(newest, child.isDirectory ? settle(child) : child.mtimeNs)
      }
      node.mtimeNs = newest
      return newest
    }
    _ = settle(root)
  }
}
