import EnclaveRuntime
import HostInterface
import LinuxABI
import PayloadFormat

/// A file, directory or link of a signed payload.
final class VerifiedObject: LowerObject, @unchecked Sendable {
  private let tree: VerifiedTree
  private let record: TreeInode
  private let content: VerifiedRange?

  init(_ tree: VerifiedTree, _ record: TreeInode) {
    self.tree = tree
    self.record = record
    content =
      record.isRegular
      ? VerifiedRange(
        object: BlockObject.data, offset: record.content, nodesOffset: record.extra,
        size: record.size, root: record.root) : nil
    super.init()
    mode = record.mode
    nlink = record.nlink
    uid = record.uid
    gid = record.gid
    size = record.size
    inode = UInt64(record.index) + 1
    rdev = record.isDevice ? record.content : 0
    mtimeNs = record.mtimeNs
    ctimeNs = record.mtimeNs
    atimeNs = record.mtimeNs
  }

  /// The manifest is here: looking a name up again costs less than remembering that it is missing.
  override var remembersMissing: Bool { false }

  override var keepsFirstReading: Bool { true }
  override var pieceSize: Int { MerkleShape.chunkSize }

  override func lookup(_ name: [UInt8]) throws(Errno) -> LowerObject? {
    do throws(TreeError) {
      guard let entry = try tree.tree.lookup(name, in: record) else { return nil }
      return VerifiedObject(tree, try tree.tree.inode(entry.inode))
    } catch { VerifiedTree.stop(error) }
  }

  /// Whether a directory of that name is there and holds something.
  func hasEntries(in name: [UInt8]) -> Bool {
    do throws(TreeError) {
      guard let entry = try tree.tree.lookup(name, in: record) else { return false }
      let inode = try tree.tree.inode(entry.inode)
      return inode.isDirectory && inode.extra > 0
    } catch { VerifiedTree.stop(error) }
  }

  override func forEachName(
    _ body: (_ name: [UInt8], _ type: UInt8, _ inode: UInt64) -> Void
  ) throws(Errno) {
    do throws(TreeError) {
      var index = record.content
      while index < record.content + record.extra {
        let entry = try tree.tree.entry(index)
        body(try tree.tree.name(entry), entry.type, UInt64(entry.inode) + 1)
        index += 1
      }
    } catch { VerifiedTree.stop(error) }
  }

  override func read(
    offset: UInt64, into run: PageRun, at runOffset: Int, length: Int
  ) throws(Errno) -> Int {
    guard let content else { throw .EIO }
    do throws(Errno) {
      try content.read(offset, into: run, at: runOffset, length: length)
    } catch {
      complain("its content", "the read fails (EIO)")
      throw error
    }
    return length
  }

  override func readLink() throws(Errno) -> [UInt8] {
    do throws(TreeError) { return try tree.tree.linkTarget(record) } catch {
      VerifiedTree.stop(error)
    }
  }

  override func siteTable() throws(Errno) -> [UInt8]? {
    guard record.sitesSize > 0 else { return nil }
    var bytes: [UInt8] = []
    while bytes.count < Int(record.sitesSize) {
      let piece = try Host.blockRead(
        object: BlockObject.data, offset: record.sitesOffset + UInt64(bytes.count),
        length: min(Host.largestTransfer, Int(record.sitesSize) - bytes.count))
      guard !piece.isEmpty else { break }
      bytes += piece
    }
    guard bytes.count == Int(record.sitesSize),
      ContentHash.hash(MerkleShape.leafPrefix, bytes.span) == record.sitesHash
    else {
      // Without its table the program would run, but slowly: that is not for the host to choose.
      complain("its table of system-call sites", "the enclave stops")
      Host.exit(status: 125)
    }
    return bytes
  }

  override func makeInode(in fileSystem: FileSystem) -> Inode {
    if nlink > 1, record.isRegular {
      return tree.shared(record.index) { self.makeOwnInode(in: fileSystem) }
    }
    return makeOwnInode(in: fileSystem)
  }

  private func makeOwnInode(in fileSystem: FileSystem) -> Inode {
    let inode = super.makeInode(in: fileSystem)
    guard record.attributes > 0 else { return inode }
    do throws(TreeError) {
      for (name, value) in try tree.tree.attributes(record) {
        inode.attributes.append(ExtendedAttribute(name: name, value: value))
      }
    } catch { VerifiedTree.stop(error) }
    return inode
  }

  /// The file is named by its number, which the host knows: no path, no content.
  private func complain(_ what: StaticString, _ outcome: StaticString) {
    let line =
      KernelLog.bytes("cloister: file ") + KernelLog.decimal(Int(inode))
      + KernelLog.bytes(" of the payload: ") + KernelLog.bytes(what)
      + KernelLog.bytes(" is not what was signed; ") + KernelLog.bytes(outcome) + [0x0A]
    Host.log(line)
    JobDamage.stop("a file of the payload is not what was signed; there is no result")
  }
}
