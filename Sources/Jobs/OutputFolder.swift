import Glibc
import SealedVolume

/// Copies an output volume into a folder that appears complete or not at all.
///
/// The volume's key came from the enclave, but a program in it may have code of anybody's making, so the tree is not
/// believed: names cannot lead out of the folder, links are made and never followed, a directory is visited once, no
/// set-user-ID bit and no device comes out.
struct OutputFolder {
  private static let deepest = 1000

  private let source: SealedVolume
  private let name: String
  private let progress: JobProgress?
  private let buffer = VolumeBuffer(count: 1 << 20)
  private var visited: Set<UInt64> = []
  /// Files with several names: where the first one is.
  private var linked: [UInt64: String] = [:]
  private let total: UInt64
  private(set) var files = 0
  private(set) var bytes: UInt64 = 0
  /// Devices, sockets and pipes, which are of no use outside.
  private(set) var skipped: [String] = []

  init(_ source: SealedVolume, name: String, total: UInt64, progress: JobProgress?) {
    self.source = source
    self.name = name
    self.total = total
    self.progress = progress
  }

  /// `body` adds to the folder before it is put in its place.
  mutating func write(
    to folder: String, body: (_ temporary: String) throws(JobsError) -> Void
  ) throws(JobsError) {
    guard !Files.exists(folder) else {
      throw JobsError(
        .cannotCreate, "\(folder) exists; nothing is overwritten, choose another name")
    }
    var base = folder
    while base.count > 1, base.hasSuffix("/") { base.removeLast() }
    let temporary = "\(base).partial.\(getpid())"
    guard mkdir(temporary, 0o700) == 0 else {
      throw JobsError(.cannotCreate, "cannot make \(temporary): \(errorText())")
    }
    do throws(JobsError) {
      try copyContents(VolumeFormat.rootInode, temporary, depth: 0)
      try body(temporary)
      try Self.synchronize(temporary)
      // Of what may have come there meanwhile rename(2) replaces an empty folder only.
      guard rename(temporary, base) == 0 else {
        throw JobsError(.cannotCreate, "cannot make \(folder): \(errorText())")
      }
    } catch {
      Self.removeTree(temporary)
      throw error
    }
    progress?("opening", bytes, bytes)
  }

  private func failure(_ path: String) -> JobsError { Files.writeFailure(path) }

  private mutating func copyContents(
    _ number: UInt64, _ path: String, depth: Int
  ) throws(JobsError) {
    guard visited.insert(number).inserted, depth < Self.deepest else {
      throw JobsError(.malformed, "\(name): its folders are not a tree")
    }
    let source = source
    var entries: [VolumeEntry] = []
    try volume(name) { () throws(VolumeError) in
      try source.forEachEntry(number) { (e) throws(VolumeError) in entries.append(e) }
    }
    for entry in entries {
      let bytes = entry.name
      let isDots = bytes == [0x2E] || bytes == [0x2E, 0x2E]
      guard !bytes.isEmpty, !isDots, !bytes.contains(0x2F), !bytes.contains(0) else {
        throw JobsError(.malformed, "\(name): a file name in it would lead out of the folder")
      }
      try copy(entry.inode, path + "/" + String(decoding: bytes, as: UTF8.self), depth: depth)
    }
  }

  private mutating func copy(_ number: UInt64, _ path: String, depth: Int) throws(JobsError) {
    let source = source
    let found = try volume(name) { () throws(VolumeError) in try source.inode(number) }
    guard let inode = found else {
      throw JobsError(.malformed, "\(name): a name in it leads to no file")
    }
    if inode.isDirectory {
      guard mkdir(path, 0o700) == 0 else { throw failure(path) }
      try copyContents(number, path, depth: depth + 1)
      chmod(path, mode_t(inode.mode & 0o777 | 0o700))
      setTimes(path, inode)
    } else if inode.isSymlink {
      let target = try volume(name) { () throws(VolumeError) in
        try source.readAll(number, limit: 4095)
      }
      guard !target.contains(0), symlink(String(decoding: target, as: UTF8.self), path) == 0 else {
        throw failure(path)
      }
      files += 1
      setTimes(path, inode)
    } else if inode.isRegular {
      if inode.nlink > 1, let first = linked[number] {
        guard link(first, path) == 0 else { throw failure(path) }
        return
      }
      try copyContent(number, inode, path)
      if inode.nlink > 1 { linked[number] = path }
    } else {
      skipped.append(path)
    }
  }

  private mutating func copyContent(
    _ number: UInt64, _ inode: VolumeInode, _ path: String
  ) throws(JobsError) {
    let fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard fd >= 0 else { throw failure(path) }
    defer { close(fd) }
    files += 1
    let source = source
    let memory = buffer.memory
    var at: UInt64 = 0
    while at < inode.size {
      let start = at
      let count = try volume(name) { () throws(VolumeError) in
        try source.read(number, start, into: memory)
      }
      guard count > 0 else {
        throw JobsError(.malformed, "\(name): a file in it is shorter than it states")
      }
      let piece = memory.slice(0, count)
      // Holes stay holes.
      if !piece.isZero { try write(fd, piece, at: start, path) }
      at += UInt64(count)
      bytes += UInt64(count)
      progress?("opening", bytes, max(total, bytes))
    }
    guard let size = off_t(exactly: inode.size), ftruncate(fd, size) == 0,
      fchmod(fd, mode_t(inode.mode & 0o777)) == 0
    else { throw failure(path) }
    let times = Self.times(inode)
    futimens(fd, times)
    guard fdatasync(fd) == 0 else { throw failure(path) }
  }

  private func write(
    _ fd: Int32, _ piece: VolumeMemory, at start: UInt64, _ path: String
  ) throws(JobsError) {
    guard let start = off_t(exactly: start) else { throw failure(path) }
    var done = 0
    while done < piece.count {
      let n = pwrite(fd, piece.address + done, piece.count - done, start + done)
      if n < 0 && errno == EINTR { continue }
      guard n > 0 else { throw failure(path) }
      done += n
    }
  }

  private static func times(_ inode: VolumeInode) -> [timespec] {
    func time(_ ns: Int64) -> timespec {
      timespec(tv_sec: Int(ns / 1_000_000_000), tv_nsec: Int(abs(ns % 1_000_000_000)))
    }
    return [time(inode.atimeNs), time(inode.mtimeNs)]
  }
  private func setTimes(_ path: String, _ inode: VolumeInode) {
    utimensat(AT_FDCWD, path, Self.times(inode), AT_SYMLINK_NOFOLLOW)
  }

  private static func synchronize(_ folder: String) throws(JobsError) {
    let fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard fd >= 0 else { throw Files.writeFailure(folder) }
    defer { close(fd) }
    guard fsync(fd) == 0 else { throw Files.writeFailure(folder) }
  }

  /// Removes what was made; links are not followed.
  static func removeTree(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      unlink(path)
      return
    }
    chmod(path, 0o700)
    for name in Files.names(in: path) ?? [] { removeTree(path + "/" + name) }
    rmdir(path)
  }
}
