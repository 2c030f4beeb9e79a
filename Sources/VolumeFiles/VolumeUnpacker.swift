import Glibc
import SealedVolume

/// Copies files of a volume to this machine: the opposite of `VolumePacker`.
///
/// Whoever had the volume's key may have made it badly on purpose, so the tree is not believed. Attacks considered: (a)
/// names that lead out of the folder, or a link that a second entry of the same name follows: folders are made here or are
/// folders already, links are made and never followed; (b) folders in a circle, or very deep: each is visited once, to a
/// bounded depth; (c) one file under many names, to fill the disk: such a name becomes a hard link or is an error; (d) files
/// that are huge and empty: holes are passed over and stay holes; (e) large folders: a bucket of names at a time is in
/// memory; (f) set-user-ID bits and devices: neither comes out; (g) names that play with a terminal: messages escape them.
public struct VolumeUnpacker {
  public struct Policy: Sendable {
    /// Files may go into folders that are there already; otherwise every folder must be new.
    public var merges: Bool
    /// Owner and group as in the volume, for who may set them.
    public var keepsOwners: Bool
    /// The owner may always change what comes out.
    public var keepsFoldersOpen: Bool
    /// Each file is on the medium before the next one is made.
    public var isDurable: Bool
    public init(merges: Bool, keepsOwners: Bool, keepsFoldersOpen: Bool, isDurable: Bool) {
      self.merges = merges
      self.keepsOwners = keepsOwners
      self.keepsFoldersOpen = keepsFoldersOpen
      self.isDurable = isDurable
    }
  }
  public static let deepest = 1000

  private let source: SealedVolume
  private let policy: Policy
  private let buffer = VolumeBuffer(count: 1 << 20)
  /// Folders, and files with one name, that are done.
  private var visited: Set<UInt64> = []
  /// Files with several names: where the first one is.
  private var linked: [UInt64: HostPath] = [:]
  public private(set) var files = 0
  public private(set) var bytes: UInt64 = 0
  /// Devices, sockets and pipes, which are of no use outside: the first thousand, and how many there are.
  public private(set) var skipped: [String] = []
  public private(set) var skippedCount = 0
  public private(set) var warnings: [String] = []
  public var onBytes: ((Int) -> Void)?

  public init(_ source: SealedVolume, _ policy: Policy) {
    self.source = source
    self.policy = policy
  }

  private func unwritable(_ path: HostPath) -> VolumeFilesError {
    VolumeFilesError(.target, "cannot write \(path.text): \(errorText())")
  }

  /// What is in a folder of the volume, into a folder that is there.
  public mutating func copyContents(
    _ number: UInt64, to path: HostPath, depth: Int = 0
  ) throws(VolumeFilesError) {
    guard visited.insert(number).inserted else {
      throw VolumeFilesError(.malformed, "\(path.text): its folders are not a tree")
    }
    guard depth < Self.deepest else {
      throw VolumeFilesError(
        .malformed, "\(path.text): more than \(Self.deepest) folders lie in each other")
    }
    let source = source
    var position: UInt64 = 0
    while true {
      let found = try volume(path) { () throws(VolumeError) in
        try source.entries(of: number, from: &position)
      }
      guard let entries = found else { return }
      for entry in entries {
        try copy(entry.inode, to: path.appending(entry.name), depth: depth)
      }
    }
  }

  /// A file or a folder with all that is in it.
  public mutating func copy(
    _ number: UInt64, to path: HostPath, depth: Int = -1
  ) throws(VolumeFilesError) {
    let source = source
    let found = try volume(path) { () throws(VolumeError) in try source.inode(number) }
    guard let inode = found else {
      throw VolumeFilesError(.malformed, "\(path.text): a name leads to no file")
    }
    if inode.isDirectory {
      // Only what the user names may be a link to a folder.
      try makeFolder(path, mayBeLink: depth < 0)
      try copyContents(number, to: path, depth: depth + 1)
      try finish(path, number, inode)
    } else if inode.isSymlink {
      let target = try volume(path) { () throws(VolumeError) in
        try source.readAll(number, limit: 4095)
      }
      guard !target.contains(0) else {
        throw VolumeFilesError(.malformed, "\(path.text): a link makes no sense")
      }
      let isMade = HostPath(bytes: target).call { target in path.call { symlink(target, $0) } } == 0
      guard isMade else { throw unwritable(path) }
      files += 1
      try finish(path, number, inode)
    } else if inode.isRegular {
      try copyFile(number, inode, path)
    } else {
      skippedCount += 1
      if skipped.count < 1000 { skipped.append(path.text) }
    }
  }

  private func makeFolder(_ path: HostPath, mayBeLink: Bool) throws(VolumeFilesError) {
    if path.call({ mkdir($0, 0o700) }) == 0 { return }
    guard errno == EEXIST, policy.merges else { throw unwritable(path) }
    guard let status = path.status(follows: mayBeLink), status.st_mode & S_IFMT == S_IFDIR else {
      errno = EEXIST
      throw unwritable(path)
    }
  }

  private mutating func copyFile(
    _ number: UInt64, _ inode: VolumeInode, _ path: HostPath
  ) throws(VolumeFilesError) {
    if let first = linked[number] {
      guard first.call({ first in path.call { link(first, $0) } }) == 0 else {
        throw unwritable(path)
      }
      files += 1
      return
    }
    if inode.nlink > 1 {
      linked[number] = path
    } else {
      guard visited.insert(number).inserted else {
        throw VolumeFilesError(.malformed, "\(path.text): a file has more names than it says")
      }
    }
    let fd = path.call { open($0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600) }
    guard fd >= 0 else { throw unwritable(path) }
    defer { close(fd) }
    do throws(VolumeFilesError) {
      try copyContent(number, inode, fd, path)
      try finish(path, number, inode)
      guard !policy.isDurable || fdatasync(fd) == 0 else { throw unwritable(path) }
    } catch {
      // No half a file is left that could be taken for a whole one.
      _ = path.call { unlink($0) }
      throw error
    }
    files += 1
  }

  private mutating func copyContent(
    _ number: UInt64, _ inode: VolumeInode, _ fd: Int32, _ path: HostPath
  ) throws(VolumeFilesError) {
    let source = source
    let memory = buffer.memory
    var at: UInt64 = 0
    while at < inode.size {
      let from = at
      let next = try volume(path) { () throws(VolumeError) in
        try source.nextData(number, from: from)
      }
      guard let next, next < inode.size else { break }
      at = max(at, next)
      let start = at
      let count = try volume(path) { () throws(VolumeError) in
        try source.read(number, start, into: memory)
      }
      guard count > 0 else {
        throw VolumeFilesError(.malformed, "\(path.text): a file is shorter than it states")
      }
      try write(fd, memory.slice(0, count), at: start, path)
      at += UInt64(count)
      bytes += UInt64(count)
      onBytes?(count)
    }
    guard let size = off_t(exactly: inode.size), ftruncate(fd, size) == 0 else {
      throw unwritable(path)
    }
  }

  /// Blocks of zeros are left out: they are holes of a new file.
  private func write(
    _ fd: Int32, _ piece: VolumeMemory, at start: UInt64, _ path: HostPath
  ) throws(VolumeFilesError) {
    guard let start = off_t(exactly: start) else { throw unwritable(path) }
    func isHole(_ at: Int) -> Bool { piece.slice(at, min(4096, piece.count - at)).isZero }
    var done = 0
    while done < piece.count {
      if isHole(done) {
        done += min(4096, piece.count - done)
        continue
      }
      var end = done
      repeat { end += min(4096, piece.count - end) } while end < piece.count && !isHole(end)
      while done < end {
        let n = pwrite(fd, piece.address + done, end - done, start + off_t(done))
        if n < 0 && errno == EINTR { continue }
        guard n > 0 else { throw unwritable(path) }
        done += n
      }
    }
  }

  /// Owner, attributes, permissions and times, in the order in which one does not undo another.
  private mutating func finish(
    _ path: HostPath, _ number: UInt64, _ inode: VolumeInode
  ) throws(VolumeFilesError) {
    if policy.keepsOwners,
      path.call({ lchown($0, inode.uid, inode.gid) }) != 0
    {
      warn("\(path.text): the owner cannot be set: \(errorText())")
    }
    if !inode.isSymlink {
      let source = source
      let attributes = try volume(path) { () throws(VolumeError) in
        try source.attributes(of: number)
      }
      for attribute in attributes
      where attribute.name.starts(with: HostAttributes.prefix) && !attribute.name.contains(0) {
        if !HostAttributes.set(path, attribute) {
          warn(
            "\(path.text): the attribute \(HostPath.text(attribute.name)) cannot be set: \(errorText())"
          )
        }
      }
      var mode = mode_t(inode.mode & (inode.isDirectory ? 0o1777 : 0o777))
      if inode.isDirectory && policy.keepsFoldersOpen { mode = mode & 0o777 | 0o700 }
      guard path.call({ chmod($0, mode) }) == 0 else { throw unwritable(path) }
    }
    let times = [Self.time(inode.atimeNs), Self.time(inode.mtimeNs)]
    _ = path.call { utimensat(AT_FDCWD, $0, times, AT_SYMLINK_NOFOLLOW) }
  }

  private mutating func warn(_ line: String) {
    if warnings.count < 100 { warnings.append(line) }
  }

  private static func time(_ ns: Int64) -> timespec {
    let second: Int64 = 1_000_000_000
    let rest = (ns % second + second) % second
    return timespec(tv_sec: Int((ns - rest) / second), tv_nsec: Int(rest))
  }
}
