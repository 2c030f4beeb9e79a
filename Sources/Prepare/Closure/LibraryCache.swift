import HostRuntime
import PayloadFormat

/// /etc/ld.so.cache (ldconfig(8)), format `glibc-ld.so.cache1.1`: library names to paths.
struct LibraryCache {
  private(set) var paths: [String: String] = [:]

  init(_ path: String) {
    guard let b = try? readFile(path, limit: 64 << 20, what: "library cache") else { return }
    let magic = Array("glibc-ld.so.cache1.1".utf8)
    guard b.count >= 48, Array(b[0..<20]) == magic else { return }
    let count = Int(b.littleEndian(at: 20, count: 4))
    guard count <= (b.count - 48) / 24 else { return }
    func string(_ at: UInt64) -> String? {
      guard at < UInt64(b.count) else { return nil }
      return String(decoding: b[Int(at)...].prefix { $0 != 0 }, as: UTF8.self)
    }
    for i in 0..<count {
      let at = 48 + i * 24
      // FLAG_ELF_LIBC6 | FLAG_X8664_LIB64
      guard b.littleEndian(at: at, count: 4) == 0x0303,
        let name = string(b.littleEndian(at: at + 4, count: 4)),
        let path = string(b.littleEndian(at: at + 8, count: 4))
      else { continue }
      if paths[name] == nil { paths[name] = path }
    }
  }
}
