import EnclaveRuntime
import LinuxABI
import SealedVolume

/// A file, directory or link of a mounted sealed volume, as what lies below the tree in memory.
///
/// Unlike the other kinds it also takes changes: `VolumeFileSystem` hands them down when they are committed, and content
/// earlier when there is much of it.
final class VolumeNode: LowerObject, @unchecked Sendable {
  let mount: VolumeFileSystem
  let number: UInt64
  private let attributes: [ExtendedAttribute]

  /// A file of the volume; nil record: a new one, which the volume does not know yet. A file whose attributes cannot be
  /// read is none (EIO when its name is looked up): one without them would be another file.
  init(
    _ mount: VolumeFileSystem, _ number: UInt64, _ record: VolumeInode?,
    attributes: [ExtendedAttribute] = []
  ) {
    self.attributes = attributes
    self.mount = mount
    self.number = number
    super.init()
    inode = number
    guard let record else { return }
    mode = record.mode
    nlink = record.nlink
    uid = record.uid
    gid = record.gid
    rdev = record.rdev
    // Directories are counted as on ext4: a block, however many names there are.
    size = record.isDirectory ? 4096 : record.size
    if record.isRegular { blockCount = record.blocks }
    atimeNs = record.atimeNs
    mtimeNs = record.mtimeNs
    ctimeNs = record.ctimeNs
  }

  override var remembersMissing: Bool { false }

  override func lookup(_ name: [UInt8]) throws(Errno) -> LowerObject? {
    try mount.withVolume { (volume) throws(VolumeError) in
      guard try volume.inode(number) != nil, let entry = try volume.lookup(number, name) else {
        return nil
      }
      guard let record = try volume.inode(entry.inode) else {
        throw .damaged("a name leads to no file")
      }
      return VolumeNode(
        mount, entry.inode, record,
        attributes: try VolumeFileSystem.attributes(of: entry.inode, in: volume))
    }
  }

  override func forEachName(
    _ body: (_ name: [UInt8], _ type: UInt8, _ inode: UInt64) -> Void
  ) throws(Errno) {
    try mount.withVolume { (volume) throws(VolumeError) in
      guard try volume.inode(number) != nil else { return }
      try volume.forEachEntry(number) { (e) throws(VolumeError) in body(e.name, e.type, e.inode) }
    }
  }

  override func read(
    offset: UInt64, into run: PageRun, at runOffset: Int, length: Int
  ) throws(Errno) -> Int {
    try mount.withVolume { (volume) throws(VolumeError) in
      try volume.read(number, offset, into: run.volumeMemory(runOffset, length))
    }
  }

  override func extent(from offset: UInt64) throws(Errno) -> (start: UInt64, end: UInt64)? {
    try mount.withVolume { (volume) throws(VolumeError) in
      guard try volume.inode(number) != nil else { return nil }
      return try volume.nextExtent(number, from: offset)
    }
  }

  override func readLink() throws(Errno) -> [UInt8] {
    try mount.withVolume { (volume) throws(VolumeError) in try volume.readAll(number, limit: 4095) }
  }

  override func makeInode(in fileSystem: FileSystem) -> Inode {
    let inode = super.makeInode(in: fileSystem)
    inode.attributes = attributes
    inode.isTracked = mount.isPersistent
    return inode
  }

  // MARK: Changes

  /// Whole pages, what lies beyond the end of the file zero.
  override func write(
    offset: UInt64, from run: PageRun, at runOffset: Int, length: Int
  ) throws(Errno) {
    try mount.withVolume { (volume) throws(VolumeError) in
      try mount.ensureRecord(number, mode: FileMode.S_IFREG)
      try volume.write(number, offset, from: run.volumeMemory(runOffset, length))
    }
  }

  /// The inode's lock is held, as for every use of `size`.
  override func setSize(_ newSize: UInt64) throws(Errno) {
    try mount.withVolume { (volume) throws(VolumeError) in
      try mount.ensureRecord(number, mode: FileMode.S_IFREG)
      if try volume.inode(number)?.size != newSize { try volume.truncate(number, to: newSize) }
      blockCount = try volume.inode(number)?.blocks
    }
    size = newSize
  }
}
