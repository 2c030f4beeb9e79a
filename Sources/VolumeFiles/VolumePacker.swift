import CVolumeFiles
import Glibc
import SealedVolume

/// Copies files of this machine into a volume, a mebibyte at a time: names of any bytes, links, hard links as one file,
/// holes as holes, permissions, times and `user.*` attributes. Nothing is committed.
public struct VolumePacker {
  public struct Policy: Sendable {
    /// Owner, group and all mode bits as they are; otherwise all is root's and may be read by everybody.
    public var keepsOwners: Bool
    /// What has the name already makes way (a folder takes in a folder); otherwise it is an error.
    public var replaces: Bool
    /// What messages call a source, with a space behind it.
    public var noun: String
    public init(keepsOwners: Bool, replaces: Bool, noun: String = "") {
      self.keepsOwners = keepsOwners
      self.replaces = replaces
      self.noun = noun
    }
  }

  private let target: SealedVolume
  private let policy: Policy
  /// The volume's own file.
  private let excluded: FileIdentity?
  private let buffer = VolumeBuffer(count: 1 << 20)
  /// Files with several names that are in the volume already.
  private var linked: [FileIdentity: UInt64] = [:]
  public private(set) var files = 0
  public private(set) var bytes: UInt64 = 0
  /// Lines about what was not quite as it should be.
  public private(set) var warnings: [String] = []
  /// Called with the bytes of each piece.
  public var onBytes: ((Int) -> Void)?

  public init(_ target: SealedVolume, _ policy: Policy, excluding excluded: FileIdentity? = nil) {
    self.target = target
    self.policy = policy
    self.excluded = excluded
  }

  private func unreadable(_ path: HostPath) -> VolumeFilesError {
    VolumeFilesError(.source, "cannot read \(policy.noun)\(path.text): \(errorText())")
  }

  public mutating func addContents(
    of folder: HostPath, to directory: UInt64
  ) throws(VolumeFilesError) {
    guard let names = folder.names() else { throw unreadable(folder) }
    for name in names {
      try add(folder.appending(name), to: directory, name: name, follows: false)
    }
  }

  /// `follows`: of a symbolic link the file that it leads to.
  public mutating func add(
    _ path: HostPath, to directory: UInt64, name: [UInt8], follows: Bool
  ) throws(VolumeFilesError) {
    guard let status = path.status(follows: follows) else { throw unreadable(path) }
    let kind = status.st_mode & S_IFMT
    guard kind == S_IFREG || kind == S_IFDIR || kind == S_IFLNK else {
      throw VolumeFilesError(
        .refused,
        "\(policy.noun)\(path.text) is \(Self.kindName(kind)), neither a file, nor a folder, nor a link; leave it out"
      )
    }
    let identity = FileIdentity(status)
    guard identity != excluded else {
      throw VolumeFilesError(
        .refused, "\(policy.noun)\(path.text) is the volume itself; leave it out")
    }
    let target = target
    if kind == S_IFREG, status.st_nlink > 1, let first = linked[identity] {
      try makeRoom(directory, name, path, for: kind)
      try volume(path) { () throws(VolumeError) in try target.link(directory, name, to: first) }
      files += 1
      return
    }
    var inode = inode(status)
    if let kept = try makeRoom(directory, name, path, for: kind) {
      inode.nlink = try volume(path) { () throws(VolumeError) in
        try target.inode(kept)?.nlink ?? 2
      }
      try volume(path) { () throws(VolumeError) in try target.setInode(kept, inode) }
      try addAttributes(path, kept)
      return try addContents(of: path, to: kept)
    }
    let number = try volume(path) { () throws(VolumeError) in
      try target.make(directory, name, inode)
    }
    switch kind {
    case S_IFDIR:
      try addAttributes(path, number)
      try addContents(of: path, to: number)
    case S_IFLNK:
      files += 1
      guard let text = path.readLink() else { throw unreadable(path) }
      try volume(path) { () throws(VolumeError) in try target.replaceAll(number, text) }
    default:
      files += 1
      if !follows { try addAttributes(path, number) }
      try addContent(path, number, follows: follows)
      if status.st_nlink > 1 { linked[identity] = number }
    }
  }

  /// Sees to it that a name is free. A folder that is to take in a folder stays: its number.
  @discardableResult
  private func makeRoom(
    _ directory: UInt64, _ name: [UInt8], _ path: HostPath, for kind: mode_t
  ) throws(VolumeFilesError) -> UInt64? {
    let target = target
    let found = try volume(path) { () throws(VolumeError) in try target.lookup(directory, name) }
    guard let found else { return nil }
    guard policy.replaces else {
      throw VolumeFilesError(
        .twice, "two inputs have the name \(HostPath.text(name)); rename one")
    }
    if kind == S_IFDIR && found.type == 4 { return found.inode }
    do throws(VolumeError) { try target.remove(directory, name) } catch {
      if error == .notEmpty {
        throw VolumeFilesError(
          .refused,
          "\(path.text): the volume has a folder of that name, which is not empty; a file does not replace it"
        )
      }
      throw VolumeFilesError(.volume(error), "\(path.text): \(error.text)")
    }
    return nil
  }

  private func inode(_ status: stat) -> VolumeInode {
    func ns(_ t: timespec) -> Int64 { Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec) }
    var inode = VolumeInode()
    let kind = status.st_mode & S_IFMT
    guard policy.keepsOwners else {
      let readable: mode_t = kind == S_IFDIR ? 0o555 : 0o444
      inode.mode = kind == S_IFLNK ? S_IFLNK | 0o777 : kind | (status.st_mode & 0o777) | readable
      inode.setTimes(ns(status.st_mtim))
      return inode
    }
    inode.mode = status.st_mode & 0o177777
    inode.uid = status.st_uid
    inode.gid = status.st_gid
    inode.atimeNs = ns(status.st_atim)
    inode.mtimeNs = ns(status.st_mtim)
    inode.ctimeNs = ns(status.st_ctim)
    inode.btimeNs = inode.mtimeNs
    return inode
  }

  private static func kindName(_ kind: mode_t) -> String {
    switch kind {
    case S_IFIFO: "a pipe"
    case S_IFSOCK: "a socket"
    case S_IFCHR, S_IFBLK: "a device"
    default: "something unknown"
    }
  }

  private func addAttributes(_ path: HostPath, _ number: UInt64) throws(VolumeFilesError) {
    guard let list = HostAttributes.read(path) else { throw unreadable(path) }
    let target = target
    try volume(path) { () throws(VolumeError) in
      // Most files have none: nothing is made for them.
      if list.isEmpty, try target.attributesSize(number) == 0 { return }
      try target.setAttributes(number, list)
    }
  }

  private mutating func addContent(
    _ path: HostPath, _ number: UInt64, follows: Bool
  ) throws(VolumeFilesError) {
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (follows ? 0 : O_NOFOLLOW)
    let fd = path.call { open($0, flags) }
    guard fd >= 0 else { throw unreadable(path) }
    defer { close(fd) }
    var before = stat()
    guard fstat(fd, &before) == 0 else { throw unreadable(path) }
    // Files of /proc and their like have a size of 0 and content all the same.
    let size: off_t = before.st_size > 0 ? before.st_size : .max
    let target = target
    let memory = buffer.memory
    var end: off_t = 0
    var at: off_t = 0
    while at < size {
      // From the next data to the next hole (lseek(2)); what cannot tell is all data.
      var dataEnd = size
      if before.st_size > 0 {
        let data = clv_seek_data(fd, at)
        if data < 0 && errno == ENXIO { break }
        if data >= 0 {
          at = max(at, data & ~4095)
          let hole = clv_seek_hole(fd, data)
          if hole > at { dataEnd = min(size, hole) }
        }
      }
      let start = at
      // Full pieces, so that each block is written once.
      while at < dataEnd {
        let wanted = Int(min(off_t(memory.count), dataEnd - at))
        var filled = 0
        while filled < wanted {
          let n = pread(fd, memory.address + filled, wanted - filled, at + off_t(filled))
          if n < 0 && errno == EINTR { continue }
          guard n >= 0 else { throw unreadable(path) }
          if n == 0 { break }
          filled += n
        }
        if filled == 0 { break }
        let piece = memory.slice(0, filled)
        let place = UInt64(at)
        try volume(path) { () throws(VolumeError) in try target.write(number, place, from: piece) }
        at += off_t(filled)
        end = at
        bytes += UInt64(filled)
        onBytes?(filled)
        if filled < wanted { break }
      }
      if at < dataEnd || at == start { break }
    }
    var after = stat()
    guard fstat(fd, &after) == 0 else { throw unreadable(path) }
    guard after.st_size >= before.st_size else {
      throw VolumeFilesError(
        .source, "\(policy.noun)\(path.text) became shorter while it was read; try again")
    }
    if before.st_size > end {
      try volume(path) { () throws(VolumeError) in
        try target.truncate(number, to: UInt64(before.st_size))
      }
    }
    let isSame =
      after.st_size == before.st_size && after.st_mtim.tv_sec == before.st_mtim.tv_sec
      && after.st_mtim.tv_nsec == before.st_mtim.tv_nsec
    if !isSame && warnings.count < 100 {
      warnings.append("\(policy.noun)\(path.text) changed while it was read")
    }
  }

  /// Bytes of all regular files, for a progress bar; what cannot be read is reported later.
  public static func size(of inputs: [HostPath]) -> UInt64 {
    var sum: UInt64 = 0
    var waiting = inputs
    while let path = waiting.popLast() {
      guard let status = path.status() else { continue }
      if status.st_mode & S_IFMT == S_IFREG { sum += UInt64(max(0, status.st_blocks)) * 512 }
      guard status.st_mode & S_IFMT == S_IFDIR, let names = path.names() else { continue }
      for name in names { waiting.append(path.appending(name)) }
    }
    return sum
  }
}
