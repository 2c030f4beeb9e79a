import CHostRuntime
import Glibc
import HostInterface
import LinuxABI
import Payload
import Synchronization

/// The machine's own file tree, shown to the enclave by index (`insecureDevelopmentRoot` only).
///
/// The enclave names a directory by its index and one name component in it; no path comes from it. A
/// component is never followed when it is a symbolic link, never "..", and never leads into procfs or
/// sysfs, which would show the enclave's program this host process.
///
/// Object 0 is "/", objects 1...n are the roots of the mounts in their order; further ones are handed
/// out by `lookup`. The same file gets the same index again, a file put in its place another one.
final class DevelopmentRoot: ObjectSource {
  private struct Object {
    var parent: Int
    var name: [UInt8]
    /// Mount roots, and directories that have been looked into: the path from "/".
    var path: [UInt8]?
    var device: UInt64
    var inode: UInt64
    var isHidden: Bool
  }
  private struct Key: Hashable {
    var directory: UInt64
    var name: [UInt8]
  }
  private struct State {
    var objects: [Object] = []
    var known: [Key: Int] = [:]
    /// The directory that the last `entries` read, so that going on needs no seek.
    var listing: (index: UInt64, fd: Int32)? = nil
  }
  private let state: Mutex<State>
  static let maximumObjectCount = 1 << 24

  /// - Parameters:
  ///   - mounts: host paths of objects 1...n.
  ///   - showsRoot: whether object 0 shows anything; a payload sees its mounts only.
  init(mounts: [String], showsRoot: Bool = true) throws(HostError) {
    var objects: [Object] = []
    for path in ["/"] + mounts {
      var status = stat()
      guard stat(path, &status) == 0, access(path, R_OK) == 0 else {
        throw HostError("cannot read mount \(path): \(lastError()); check the path and its mode")
      }
      guard let real = realpath(path, nil) else {
        throw HostError("cannot read mount \(path): \(lastError())")
      }
      defer { free(real) }
      objects.append(
        Object(
          parent: 0, name: [], path: Array(String(cString: real).utf8),
          device: UInt64(status.st_dev), inode: UInt64(status.st_ino),
          isHidden: objects.isEmpty && !showsRoot))
    }
    state = Mutex(State(objects: objects))
  }

  func lookup(directory: UInt64, name: [UInt8]) throws(Errno) -> ObjectRecord {
    guard name.count <= 255 else { throw .ENAMETOOLONG }
    guard !name.isEmpty, !name.contains(0x2F), !name.contains(0), name != [0x2E],
      name != [0x2E, 0x2E]
    else { throw .ENOENT }
    let result = state.withLock { state -> Result<ObjectRecord, Errno> in
      guard let path = Self.path(of: directory, &state) else { return .failure(.ENOENT) }
      if state.objects[Int(directory)].isHidden { return .failure(.ENOENT) }
      let full = Self.join(path, name)
      var status = stat()
      guard Self.lstatus(full, &status) == 0 else { return .failure(Self.believable(errno)) }
      var record = ObjectRecord(status)
      let key = Key(directory: directory, name: name)
      if let known = state.known[key], state.objects[known].inode == record.inode,
        state.objects[known].device == record.device
      {
        record.index = UInt64(known)
        return .success(record)
      }
      guard state.objects.count < Self.maximumObjectCount else { return .failure(.EIO) }
      record.index = UInt64(state.objects.count)
      let crosses = record.device != state.objects[Int(directory)].device
      state.objects.append(
        Object(
          parent: Int(directory), name: name, path: nil, device: record.device,
          inode: record.inode, isHidden: crosses && Self.isHidden(full)))
      state.known[key] = Int(record.index)
      return .success(record)
    }
    return try result.get()
  }

  func status(of index: UInt64) throws(Errno) -> ObjectRecord {
    guard let path = path(of: index) else { throw .ENOENT }
    var status = stat()
    guard Self.lstatus(path, &status) == 0 else { throw Self.believable(errno) }
    var record = ObjectRecord(status)
    record.index = index
    return record
  }

  func open(_ index: UInt64) throws(Errno) -> ObjectData {
    if index >= BlockObject.sitesOffset { return try siteTable(index - BlockObject.sitesOffset) }
    guard let path = path(of: index) else { throw .ENOENT }
    let fd = Self.withPath(path) {
      clh_openat(AT_FDCWD, $0, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0)
    }
    if fd == -ELOOP {
      var target = [UInt8](repeating: 0, count: 4096)
      let size = Self.withPath(path) { p in
        target.withUnsafeMutableBytes {
          readlink(p, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
      }
      guard size >= 0 else { throw .EIO }
      return .bytes(Array(target.prefix(size)))
    }
    guard fd >= 0 else { throw Self.believable(-fd) }
    var status = stat()
    guard fstat(fd, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(fd)
      throw .EIO
    }
    return .descriptor(fd)
  }

  /// The table of system-call sites of a regular file; EIO when it is not an ELF file that has any.
  private func siteTable(_ index: UInt64) throws(Errno) -> ObjectData {
    guard let path = path(of: index) else { throw .EIO }
    let name = String(decoding: path, as: UTF8.self)
    var status = stat()
    guard Self.lstatus(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw .EIO }
    do throws(SiteAnalysisError) {
      if let cache = SiteCache() { return .bytes(try cache.analysis(path: name).table) }
      return .bytes(try SiteAnalysis(path: name).table)
    } catch {
      throw .EIO
    }
  }

  func entries(of directory: UInt64, cookie: UInt64, limit: Int) throws(Errno) -> [UInt8] {
    let result = state.withLock { state -> Result<[UInt8], Errno> in
      guard let path = Self.path(of: directory, &state) else { return .failure(.ENOENT) }
      if state.objects[Int(directory)].isHidden { return .success([]) }
      if cookie == 0 || state.listing?.index != directory {
        if let old = state.listing { close(old.fd) }
        state.listing = nil
        let fd = Self.withPath(path) {
          clh_openat(AT_FDCWD, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
        }
        guard fd >= 0 else { return .failure(-fd == ENOTDIR ? .ENOTDIR : .EIO) }
        state.listing = (directory, fd)
      }
      let fd = state.listing!.fd
      guard lseek(fd, off_t(bitPattern: UInt(cookie)), SEEK_SET) >= 0 else { return .failure(.EIO) }
      return Self.pack(fd, limit: limit)
    }
    return try result.get()
  }

  /// Turns `struct linux_dirent64` (getdents64(2)) into the interface's packed entries.
  private static func pack(_ fd: Int32, limit: Int) -> Result<[UInt8], Errno> {
    var out: [UInt8] = []
    var raw = [UInt8](repeating: 0, count: min(limit, 64 << 10))
    while out.isEmpty {
      let size = raw.withUnsafeMutableBytes { clh_getdents64(fd, $0.baseAddress, $0.count) }
      guard size >= 0 else { return .failure(.EIO) }
      if size == 0 { break }
      raw.withUnsafeBytes { bytes in
        var at = 0
        while at < size {
          let next = bytes.loadUnaligned(fromByteOffset: at + 8, as: UInt64.self)
          let length = Int(bytes.loadUnaligned(fromByteOffset: at + 16, as: UInt16.self))
          let type = bytes[at + 18]
          let name = bytes[(at + 19)..<(at + length)].prefix { $0 != 0 }
          at += length
          if name.elementsEqual([0x2E]) || name.elementsEqual([0x2E, 0x2E]) { continue }
          withUnsafeBytes(of: next.littleEndian) { out.append(contentsOf: $0) }
          out.append(type)
          out.append(UInt8(name.count))
          out.append(contentsOf: name)
        }
      }
    }
    return .success(out)
  }

  /// The path of an object, for whoever looks at the file besides the enclave (site analysis).
  func path(of index: UInt64) -> [UInt8]? {
    state.withLock { Self.path(of: index, &$0) }
  }

  private static func path(of index: UInt64, _ state: inout State) -> [UInt8]? {
    guard index < UInt64(state.objects.count) else { return nil }
    if let path = state.objects[Int(index)].path { return path }
    var chain: [Int] = []
    var at = Int(index)
    while state.objects[at].path == nil {
      chain.append(at)
      at = state.objects[at].parent
    }
    var path = state.objects[at].path!
    for i in chain.reversed() { path = join(path, state.objects[i].name) }
    if chain.count > 1 {
      // Remember the directory's, so that long chains are walked once.
      let parent = state.objects[Int(index)].parent
      state.objects[parent].path = Array(
        path.dropLast(state.objects[Int(index)].name.count + 1))
    }
    return path
  }

  private static func join(_ path: [UInt8], _ name: [UInt8]) -> [UInt8] {
    path.last == 0x2F ? path + name : path + [0x2F] + name
  }

  private static func withPath<R>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) -> R) -> R {
    (path + [0]).withUnsafeBytes { body($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
  }

  private static func lstatus(_ path: [UInt8], _ status: inout stat) -> Int32 {
    withPath(path) { lstat($0, &status) }
  }

  /// procfs (statfs(2): 0x9fa0) and sysfs (0x62656572).
  private static func isHidden(_ path: [UInt8]) -> Bool {
    let type = withPath(path) { clh_filesystem_type($0) }
    return type < 0 || type == 0x9FA0 || type == 0x6265_6572
  }

  /// The errnos that the interface knows for `lookup`.
  private static func believable(_ number: Int32) -> Errno {
    switch number {
    case ENOENT, ENOTDIR, EACCES, ENAMETOOLONG: Errno(rawValue: number)
    default: .EIO
    }
  }
}

extension ObjectRecord {
  init(_ s: stat) {
    func ns(_ t: timespec) -> UInt64 {
      UInt64(clamping: t.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: t.tv_nsec)
    }
    self.init(
      mode: s.st_mode, nlink: UInt32(clamping: s.st_nlink), uid: s.st_uid, gid: s.st_gid,
      size: UInt64(clamping: s.st_size), inode: UInt64(s.st_ino), device: UInt64(s.st_dev),
      rdev: UInt64(s.st_rdev), mtimeNs: ns(s.st_mtim), ctimeNs: ns(s.st_ctim),
      atimeNs: ns(s.st_atim))
  }
}
