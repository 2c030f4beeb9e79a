import Crypto
import Glibc
import PayloadFormat

/// Site tables by content, so that a library is disassembled once and not at each start.
///
/// Two folders under `$XDG_CACHE_HOME/cloister/sites` (or `~/.cache/...`):
///
/// - `table/SHA256`: the table of a file with that content (and this version of the analysis);
/// - `stat/SHA256(device, inode, size, mtime, ctime)`: the 32 bytes of that file's content hash, which
///   spares hashing 100 MB to find out that nothing changed.
///
/// Entries are written to a temporary name and renamed, so that two runs at once see whole files only.
/// A damaged entry, or a table that does not decode, counts as absent. The cache belongs to the user; it
/// decides nothing about trust, because the enclave believes only tables named in the manifest.
public struct SiteCache {
  /// Changes whenever the analysis may give another answer for the same bytes.
  static let version = "1"
  private let directory: String

  /// In the user's cache folder; nil when there is none to be found.
  public init?() {
    if let xdg = getenv("XDG_CACHE_HOME"), xdg.pointee == UInt8(ascii: "/") {
      self.init(directory: String(cString: xdg) + "/cloister/sites")
    } else if let home = getenv("HOME"), home.pointee == UInt8(ascii: "/") {
      self.init(directory: String(cString: home) + "/.cache/cloister/sites")
    } else {
      return nil
    }
  }

  public init(directory: String) {
    self.directory = directory + "/v" + Self.version
  }

  /// The analysis of a file, from the cache or made and kept. A cache that cannot be written is no error.
  public func analysis(path: String) throws(SiteAnalysisError) -> SiteAnalysis {
    let file = try MappedFile(path)
    let statKey = directory + "/stat/" + Self.hex(Self.statHash(file.status))
    if let hash = Self.read(statKey, limit: 32), hash.count == 32, let cached = load(hash) {
      return cached
    }
    var sha = SHA256()
    sha.update(bufferPointer: file.bytes)
    let hash = [UInt8](sha.finalize())
    if let cached = load(hash) {
      store(hash, at: statKey)
      return cached
    }
    let analysis = try SiteAnalysis(file.bytes)
    store(Self.encode(analysis), at: directory + "/table/" + Self.hex(hash))
    store(hash, at: statKey)
    return analysis
  }

  private func load(_ hash: [UInt8]) -> SiteAnalysis? {
    guard let bytes = Self.read(directory + "/table/" + Self.hex(hash), limit: 1 << 26) else {
      return nil
    }
    return Self.decode(bytes)
  }

  /// The table, with the counts by kind (3 found, 3 trapped) before it.
  private static func encode(_ a: SiteAnalysis) -> [UInt8] {
    var out: [UInt8] = []
    for n in [
      a.found.syscall, a.found.cpuid, a.found.xgetbv, a.trapped.syscall, a.trapped.cpuid,
      a.trapped.xgetbv,
    ] {
      withUnsafeBytes(of: UInt32(clamping: n).littleEndian) { out.append(contentsOf: $0) }
    }
    return out + a.table
  }

  private static func decode(_ bytes: [UInt8]) -> SiteAnalysis? {
    guard bytes.count >= 24 else { return nil }
    let n = (0..<6).map { i in (0..<4).reduce(0) { $0 | Int(bytes[i * 4 + $1]) << (8 * $1) } }
    let table = [UInt8](bytes[24...])
    guard let summary = SiteTable.summary(table), let sites = SiteTable.decode(table) else {
      return nil
    }
    let analysis = SiteAnalysis(
      sites: sites, found: .init(syscall: n[0], cpuid: n[1], xgetbv: n[2]),
      trapped: .init(syscall: n[3], cpuid: n[4], xgetbv: n[5]))
    guard analysis.found.total == summary.found, analysis.trapped.total == summary.trapped,
      analysis.rewritten.total == sites.count,
      analysis.rewritten.syscall + analysis.trapped.syscall == n[0],
      analysis.rewritten.cpuid + analysis.trapped.cpuid == n[1]
    else { return nil }
    return analysis
  }

  // MARK: Files

  private static func statHash(_ s: stat) -> [UInt8] {
    var sha = SHA256()
    for v in [
      Int64(bitPattern: UInt64(s.st_dev)), Int64(bitPattern: UInt64(s.st_ino)), Int64(s.st_size),
      Int64(s.st_mtim.tv_sec), Int64(s.st_mtim.tv_nsec), Int64(s.st_ctim.tv_sec),
      Int64(s.st_ctim.tv_nsec),
    ] {
      withUnsafeBytes(of: v.littleEndian) { sha.update(bufferPointer: $0) }
    }
    return [UInt8](sha.finalize())
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }

  private static func read(_ path: String, limit: Int) -> [UInt8]? {
    guard let file = try? MappedFile(path), file.bytes.count > 0, file.bytes.count <= limit else {
      return nil
    }
    return [UInt8](file.bytes)
  }

  private func store(_ bytes: [UInt8], at path: String) {
    guard let slash = path.lastIndex(of: "/") else { return }
    Self.makeDirectories(String(path[..<slash]))
    var template = Array((path + ".XXXXXX").utf8CString)
    let fd = mkstemp(&template)
    guard fd >= 0 else { return }
    let written = bytes.withUnsafeBytes { write(fd, $0.baseAddress, $0.count) }
    let closed = close(fd)
    if written != bytes.count || closed != 0 || rename(&template, path) != 0 { unlink(&template) }
  }

  private static func makeDirectories(_ path: String) {
    var at = path.index(after: path.startIndex)
    while true {
      let next = path[at...].firstIndex(of: "/") ?? path.endIndex
      mkdir(String(path[..<next]), 0o700)
      guard next < path.endIndex else { return }
      at = path.index(after: next)
    }
  }
}
