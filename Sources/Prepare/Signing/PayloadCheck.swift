import Glibc
import HostRuntime
import PayloadFormat

/// Reads a whole payload the way the enclave does, so that a damaged folder is not signed, and to tell what is wrong
/// with one. What runs in the enclave does not depend on this.
public struct PayloadCheck {
  public let folder: PayloadFolder

  public init(_ folder: PayloadFolder) { self.folder = folder }

  public struct Found {
    public var fileCount = 0
    public var directoryCount = 0
    public var linkCount = 0
    public var bytes: UInt64 = 0
    public var siteTableCount = 0
  }

  /// The manifest, checked against the configuration.
  public func manifest() throws(HostError) -> Tree<ByteSource> {
    let path = folder.path + "/" + PayloadFolder.manifestName
    guard let stated = folder.configuration.manifest else {
      throw HostError("\(folder.path): its configuration names no manifest; prepare it again")
    }
    var bytes = try readFile(path, limit: 1 << 32, what: "manifest")
    guard UInt64(bytes.count) >= stated.size else {
      throw HostError("\(path): shorter than the configuration says; prepare the payload again")
    }
    let nodes = Array(bytes[Int(stated.size)...])
    bytes.removeLast(bytes.count - Int(stated.size))
    let hash = ContentHash(bytes)
    guard hash.root == stated.root, hash.nodes == nodes else {
      throw HostError(
        "\(path): not the manifest that the configuration names; prepare the payload again")
    }
    do throws(TreeError) { return try Tree(ByteSource(bytes)) } catch {
      throw HostError("\(path): damaged (\(error))")
    }
  }

  @discardableResult
  public func run(hashing: Bool = true) throws(HostError) -> Found {
    let tree = try manifest()
    let path = folder.path + "/" + PayloadFolder.dataName
    guard let s = status(Array(path.utf8)) else {
      throw HostError("cannot open \(path): \(errorText())")
    }
    let data = try MappedContent(Array(path.utf8), FileIdentity(s))
    guard UInt64(data.bytes.count) == tree.dataSize else {
      throw HostError("\(path): not as long as the manifest says; prepare the payload again")
    }
    var found = Found()
    var seen = Set<UInt32>()
    do throws(TreeError) {
      var stack: [(path: String, inode: TreeInode)] = [("", try tree.inode(TreeFormat.rootInode))]
      guard stack[0].inode.isDirectory else { throw TreeError.damaged("root") }
      while let (directory, inode) = stack.popLast() {
        found.directoryCount += 1
        var last: [UInt8] = []
        for i in inode.content..<(inode.content + inode.extra) {
          let entry = try tree.entry(i)
          let name = try tree.name(entry)
          guard last.isEmpty || last.lexicographicallyPrecedes(name) else {
            throw TreeError.damaged("order of names")
          }
          last = name
          let child = try tree.inode(entry.inode)
          guard UInt32(entry.type) == child.type >> 12 else {
            throw TreeError.damaged("entry: type")
          }
          let full = directory + "/" + text(name)
          let isNew = seen.insert(entry.inode).inserted
          _ = try tree.attributes(child)
          if child.isDirectory {
            guard isNew, entry.inode != TreeFormat.rootInode else {
              throw TreeError.damaged("a directory with two names")
            }
            stack.append((full, child))
          } else if child.isSymlink {
            _ = try tree.linkTarget(child)
            found.linkCount += 1
          } else if child.isRegular {
            found.fileCount += 1
            found.bytes += child.size
            if child.sitesSize > 0 { found.siteTableCount += 1 }
            guard hashing, isNew else { continue }
            if let wrong = Self.mismatch(child, data.bytes) {
              throw TreeError.damaged(wrong)
            }
          }
        }
      }
    } catch {
      throw HostError("\(folder.path): \(Self.describe(error)); get it again, or prepare it again")
    }
    return found
  }

  private static func describe(_ error: TreeError) -> String {
    switch error {
    case .damaged(let what): "damaged: \(what)"
    case .unreadable: "unreadable"
    }
  }

  private static func mismatch(_ inode: TreeInode, _ data: UnsafeRawBufferPointer) -> StaticString?
  {
    let content = UnsafeRawBufferPointer(
      rebasing: data[Int(inode.content)..<Int(inode.content + inode.size)])
    let hash = ContentHash(content)
    guard hash.root == inode.root else { return "content of a file" }
    let nodes = Int(inode.extra)..<(Int(inode.extra) + hash.nodes.count)
    guard data[nodes].elementsEqual(hash.nodes) else { return "hash-tree nodes of a file" }
    guard inode.sitesSize > 0 else { return nil }
    let sites = UnsafeRawBufferPointer(
      rebasing: data[Int(inode.sitesOffset)..<(Int(inode.sitesOffset) + Int(inode.sitesSize))])
    guard ContentHash.hash(MerkleShape.leafPrefix, sites) == inode.sitesHash,
      SiteTable.decode(Array(sites)) != nil
    else { return "table of system-call sites" }
    return nil
  }
}

/// A manifest in memory, whose hash has been checked.
public struct ByteSource: TreeSource {
  let content: [UInt8]
  public init(_ content: [UInt8]) { self.content = content }
  public var size: UInt64 { UInt64(content.count) }
  public func load32(_ offset: UInt64) throws(TreeError) -> UInt32 {
    guard offset <= size, size - offset >= 4 else { throw .damaged("offset") }
    return UInt32(content.littleEndian(at: Int(offset), count: 4))
  }
  public func load64(_ offset: UInt64) throws(TreeError) -> UInt64 {
    guard offset <= size, size - offset >= 8 else { throw .damaged("offset") }
    return content.littleEndian(at: Int(offset), count: 8)
  }
  public func bytes(_ offset: UInt64, count: Int) throws(TreeError) -> [UInt8] {
    guard count >= 0, offset <= size, UInt64(count) <= size - offset else {
      throw .damaged("offset")
    }
    return Array(content[Int(offset)..<(Int(offset) + count)])
  }
  public func compare(_ offset: UInt64, count: Int, with name: [UInt8]) throws(TreeError) -> Int {
    let here = try bytes(offset, count: count)
    for (a, b) in zip(here, name) where a != b { return Int(a) - Int(b) }
    return here.count - name.count
  }
}
