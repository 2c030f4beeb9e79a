/// Paths, for the tools on the user's side: names separated by `/`, from the root. `.` and empty parts are skipped, `..`
/// and symbolic links are not followed.
extension SealedVolume {
  public static func split(_ path: [UInt8]) throws(VolumeError) -> [[UInt8]] {
    var out: [[UInt8]] = []
    for part in path.split(separator: 0x2F) {
      if part.count == 1 && part.first == 0x2E { continue }
      if part.count == 2 && part.first == 0x2E && part.last == 0x2E { throw .notFound }
      if part.count > 255 || part.contains(0) { throw .nameTooLong }
      out.append([UInt8](part))
    }
    return out
  }

  public func resolve(_ path: [UInt8]) throws(VolumeError) -> UInt64 {
    var at = VolumeFormat.rootInode
    for name in try Self.split(path) {
      guard let e = try lookup(at, name) else { throw .notFound }
      at = e.inode
    }
    return at
  }

  /// A new file, directory, link or node below `directory`, with a name that must be free.
  public func make(_ directory: UInt64, _ name: [UInt8], _ inode: VolumeInode) throws(VolumeError)
    -> UInt64
  {
    if try lookup(directory, name) != nil { throw .exists }
    let number = try allocateInode()
    var inode = inode
    inode.nlink = inode.isDirectory ? 2 : 1
    try setInode(number, inode)
    try setEntry(
      directory, VolumeEntry(name: name, inode: number, type: UInt8(inode.mode >> 12 & 15)))
    if inode.isDirectory, var parent = try self.inode(directory) {
      parent.nlink += 1
      try setInode(directory, parent)
    }
    return number
  }

  /// One more name for a file that is no directory.
  public func link(
    _ directory: UInt64, _ name: [UInt8], to number: UInt64
  ) throws(VolumeError) {
    if try lookup(directory, name) != nil { throw .exists }
    guard var inode = try inode(number) else { throw .notFound }
    if inode.isDirectory { throw .isADirectory }
    inode.nlink += 1
    try setInode(number, inode)
    try setEntry(
      directory, VolumeEntry(name: name, inode: number, type: UInt8(inode.mode >> 12 & 15)))
  }

  /// Removes a name; the file goes with its last one. A directory must be empty.
  public func remove(_ directory: UInt64, _ name: [UInt8]) throws(VolumeError) {
    guard let e = try lookup(directory, name) else { throw .notFound }
    guard var inode = try inode(e.inode) else { throw .damaged("a name leads to no file") }
    if inode.isDirectory {
      guard try isEmptyDirectory(e.inode) else { throw .notEmpty }
      try removeEntry(directory, name)
      try freeInode(e.inode)
      if var parent = try self.inode(directory) {
        parent.nlink -= 1
        try setInode(directory, parent)
      }
      return
    }
    try removeEntry(directory, name)
    inode.nlink = inode.nlink > 0 ? inode.nlink - 1 : 0
    if inode.nlink == 0 { try freeInode(e.inode) } else { try setInode(e.inode, inode) }
  }
}
