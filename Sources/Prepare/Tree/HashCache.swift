import Crypto
import Glibc
import HostRuntime
import PayloadFormat

/// What hashing found out about files, by identity (device, inode, size, both times): the second `prepare` of the
/// same tree reads no file content but for copying it.
///
/// One file, `$XDG_CACHE_HOME/cloister/prepare/v1` (or `~/.cache/...`), mode 0600: records of 40 bytes of
/// identity, root (32), length of the nodes (4) and of the site table (4), both; at the end SHA-256 over everything.
/// A file that does not hash right counts as absent. Not kept: files that changed within the last two
/// seconds, whose times may not show another change.
///
/// It decides nothing about trust: a wrong entry makes a payload that does not run.
struct HashCache {
  struct Found {
    var hash: ContentHash
    var sites: [UInt8]
  }
  private var known: [FileIdentity: Found] = [:]
  private var used: [FileIdentity: Found] = [:]
  private let path: String?
  private static let magic = Array("CLHASH01".utf8)

  init(isEnabled: Bool = true) {
    path = isEnabled ? Self.defaultPath() : nil
    if let path { load(path) }
  }

  private static func defaultPath() -> String? {
    if let xdg = getenv("XDG_CACHE_HOME"), xdg.pointee == 0x2F {
      return String(cString: xdg) + "/cloister/prepare/v1"
    }
    if let home = getenv("HOME"), home.pointee == 0x2F {
      return String(cString: home) + "/.cache/cloister/prepare/v1"
    }
    return nil
  }

  mutating func find(_ identity: FileIdentity) -> Found? {
    guard let found = known[identity] else { return nil }
    used[identity] = found
    return found
  }

  mutating func add(_ identity: FileIdentity, _ found: Found) {
    let now = Int64(time(nil)) * 1_000_000_000
    guard identity.mtimeNs < now - 2_000_000_000, identity.ctimeNs < now - 2_000_000_000 else {
      return
    }
    known[identity] = found
    used[identity] = found
  }

  private mutating func load(_ path: String) {
    guard let bytes = try? readFile(path, limit: 1 << 30, what: "cache"),
      bytes.count >= 40, Array(bytes[0..<8]) == Self.magic
    else { return }
    let end = bytes.count - 32
    let digest = bytes.withUnsafeBytes {
      var sha = SHA256()
      sha.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[0..<end]))
      return [UInt8](sha.finalize())
    }
    guard digest == Array(bytes[end...]) else { return }
    var at = 8
    while at + 80 <= end {
      func word(_ i: Int) -> UInt64 { bytes.littleEndian(at: at + 8 * i, count: 8) }
      let identity = FileIdentity(
        device: word(0), inode: word(1), size: word(2), mtimeNs: Int64(bitPattern: word(3)),
        ctimeNs: Int64(bitPattern: word(4)))
      let root = Array(bytes[(at + 40)..<(at + 72)])
      let nodes = Int(bytes.littleEndian(at: at + 72, count: 4))
      let sites = Int(bytes.littleEndian(at: at + 76, count: 4))
      at += 80
      guard nodes + sites <= end - at else { return }
      known[identity] = Found(
        hash: ContentHash(root: root, nodes: Array(bytes[at..<(at + nodes)])),
        sites: Array(bytes[(at + nodes)..<(at + nodes + sites)]))
      at += nodes + sites
    }
  }

  /// Writes the cache back; one that cannot be written is no error. Old entries go when there are many.
  func save() {
    guard let path, let slash = path.lastIndex(of: "/") else { return }
    var made = ""
    for part in path[..<slash].split(separator: "/") {
      made += "/" + part
      mkdir(made, 0o700)
    }
    var out = Self.magic
    for (identity, found) in known.count > 200_000 ? used : known {
      for w in [
        identity.device, identity.inode, identity.size, UInt64(bitPattern: identity.mtimeNs),
        UInt64(bitPattern: identity.ctimeNs),
      ] { out.appendLittleEndian(w, count: 8) }
      out += found.hash.root
      out.appendLittleEndian(UInt64(found.hash.nodes.count), count: 4)
      out.appendLittleEndian(UInt64(found.sites.count), count: 4)
      out += found.hash.nodes
      out += found.sites
    }
    out += [UInt8](SHA256.hash(data: out))
    let temporary = "\(path).\(getpid())"
    let fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard fd >= 0 else { return }
    defer { close(fd) }
    let isWritten: Void? = out.withUnsafeBytes { try? writeAll(fd, $0, "cache") }
    if isWritten == nil || rename(temporary, path) != 0 { unlink(temporary) }
  }
}
