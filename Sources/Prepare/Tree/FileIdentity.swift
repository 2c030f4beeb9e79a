import Glibc

/// What tells a file that has not changed: device, inode, size, and both times.
public struct FileIdentity: Hashable, Sendable {
  public var device: UInt64
  public var inode: UInt64
  public var size: UInt64
  public var mtimeNs: Int64
  public var ctimeNs: Int64

  public init(_ s: stat) {
    device = UInt64(s.st_dev)
    inode = UInt64(s.st_ino)
    size = UInt64(clamping: s.st_size)
    mtimeNs = Self.ns(s.st_mtim)
    ctimeNs = Self.ns(s.st_ctim)
  }

  init(device: UInt64, inode: UInt64, size: UInt64, mtimeNs: Int64, ctimeNs: Int64) {
    self.device = device
    self.inode = inode
    self.size = size
    self.mtimeNs = mtimeNs
    self.ctimeNs = ctimeNs
  }

  public static func ns(_ t: timespec) -> Int64 {
    Int64(t.tv_sec) &* 1_000_000_000 &+ Int64(t.tv_nsec)
  }
}

/// Paths are bytes: file names need not be UTF-8.
func withPath<R>(_ path: [UInt8], _ body: (UnsafePointer<CChar>) -> R) -> R {
  (path + [0]).withUnsafeBytes { body($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
}

func text(_ path: [UInt8]) -> String { String(decoding: path, as: UTF8.self) }

func lstatus(_ path: [UInt8]) -> stat? {
  var status = stat()
  return withPath(path) { lstat($0, &status) } == 0 ? status : nil
}

func status(_ path: [UInt8]) -> stat? {
  var status = stat()
  return withPath(path) { stat($0, &status) } == 0 ? status : nil
}

func linkTarget(_ path: [UInt8]) -> [UInt8]? {
  var target = [UInt8](repeating: 0, count: 4096)
  let size = withPath(path) { p in
    target.withUnsafeMutableBytes {
      readlink(p, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
    }
  }
  return size > 0 && size < 4096 ? Array(target.prefix(size)) : nil
}

/// Names in a directory, without `.` and `..`, sorted; nil: it cannot be read.
func names(in directory: [UInt8]) -> [[UInt8]]? {
  guard let stream = withPath(directory, { opendir($0) }) else { return nil }
  defer { closedir(stream) }
  var out: [[UInt8]] = []
  while let entry = readdir(stream) {
    let length = Int(entry.pointee.d_reclen)
    let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
      Array(bytes.prefix(length).prefix { $0 != 0 })
    }
    if name != [0x2E], name != [0x2E, 0x2E] { out.append(name) }
  }
  return out.sorted { $0.lexicographicallyPrecedes($1) }
}

func errorText() -> String { String(cString: strerror(errno)) }
