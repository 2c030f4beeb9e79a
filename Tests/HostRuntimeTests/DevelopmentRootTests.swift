import Foundation
import HostInterface
import LinuxABI
import Testing

@testable import HostRuntime

@Suite("development root")
struct DevelopmentRootTests {
  let folder = TemporaryFolder()

  /// Object 1 is the folder.
  func root() throws -> DevelopmentRoot {
    folder.write("file", "content")
    try FileManager.default.createDirectory(
      atPath: folder.path + "/directory/inner", withIntermediateDirectories: true)
    symlink("file", folder.path + "/link")
    symlink("/etc", folder.path + "/outside")
    return try DevelopmentRoot(mounts: [folder.path])
  }

  @Test("one component at a time: no slash, no dot-dot, nothing empty or too long")
  func names() throws {
    let root = try root()
    for name in ["", ".", "..", "a/b", "/", "/etc", "../etc", "file/", "fi\0le", "nothing"] {
      #expect(throws: Errno.ENOENT) { try root.lookup(directory: 1, name: Array(name.utf8)) }
    }
    #expect(throws: Errno.ENAMETOOLONG) {
      try root.lookup(directory: 1, name: [UInt8](repeating: 65, count: 256))
    }
    #expect(throws: Errno.ENOENT) { try root.lookup(directory: 99, name: Array("file".utf8)) }
    #expect(throws: Errno.ENOENT) { try root.lookup(directory: .max, name: Array("file".utf8)) }
  }

  @Test("a file keeps its index, a file in its place gets another")
  func indices() throws {
    let root = try root()
    let first = try root.lookup(directory: 1, name: Array("file".utf8))
    #expect(try root.lookup(directory: 1, name: Array("file".utf8)) == first)
    #expect(first.size == 7 && first.mode & 0o170000 == 0o100000)
    folder.write("other", "more content")
    rename(folder.path + "/other", folder.path + "/file")
    let second = try root.lookup(directory: 1, name: Array("file".utf8))
    #expect(second.index != first.index && second.size == 12)
    #expect(try root.status(of: second.index) == second)
  }

  @Test("symbolic links are objects and are never followed")
  func links() throws {
    let root = try root()
    let link = try root.lookup(directory: 1, name: Array("link".utf8))
    #expect(link.mode & 0o170000 == 0o120000)
    guard case .bytes(let target) = try root.open(link.index) else {
      Issue.record("a link has bytes")
      return
    }
    #expect(target == Array("file".utf8))
    let outside = try root.lookup(directory: 1, name: Array("outside".utf8))
    #expect(throws: Errno.self) {
      _ = try root.entries(of: outside.index, cookie: 0, limit: 4096)
    }
  }

  @Test("directories in depth, and what is below a regular file")
  func depth() throws {
    let root = try root()
    let directory = try root.lookup(directory: 1, name: Array("directory".utf8))
    let inner = try root.lookup(directory: directory.index, name: Array("inner".utf8))
    #expect(inner.mode & 0o170000 == 0o040000)
    let file = try root.lookup(directory: 1, name: Array("file".utf8))
    #expect(throws: Errno.ENOTDIR) { try root.lookup(directory: file.index, name: [65]) }
    #expect(throws: Errno.ENOTDIR) { try root.entries(of: file.index, cookie: 0, limit: 4096) }
  }

  @Test("entries come in pieces, each once, without dot and dot-dot")
  func listing() throws {
    let root = try root()
    var expected: Set<String> = ["file", "directory", "link", "outside"]
    for i in 0..<500 {
      folder.write("entry-\(i)", "")
      expected.insert("entry-\(i)")
    }
    var found: [String] = []
    var cookie: UInt64 = 0
    while true {
      let bytes = try root.entries(of: 1, cookie: cookie, limit: 1024)
      if bytes.isEmpty { break }
      #expect(bytes.count <= 1024)
      var at = 0
      while at < bytes.count {
        cookie = (0..<8).reduce(0) { $0 | UInt64(bytes[at + $1]) << (8 * UInt64($1)) }
        let length = Int(bytes[at + 9])
        found.append(String(decoding: bytes[(at + 10)..<(at + 10 + length)], as: UTF8.self))
        at += 10 + length
      }
    }
    #expect(Set(found) == expected && found.count == expected.count)
  }

  @Test("procfs and sysfs are shown empty")
  func hidden() throws {
    let root = try DevelopmentRoot(mounts: [])
    for name in ["proc", "sys"] {
      let object = try root.lookup(directory: 0, name: Array(name.utf8))
      #expect(try root.entries(of: object.index, cookie: 0, limit: 4096).isEmpty)
      #expect(throws: Errno.ENOENT) {
        try root.lookup(directory: object.index, name: Array("self".utf8))
      }
    }
  }

  @Test("the cache reads at offsets and keeps few files open")
  func cache() throws {
    let root = try root()
    let cache = ObjectCache(source: root, capacity: 4)
    var indices: [UInt64] = []
    for i in 0..<50 {
      folder.write("n\(i)", "number \(i)")
      indices.append(try root.lookup(directory: 1, name: Array("n\(i)".utf8)).index)
    }
    let before = openDescriptors()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
    defer { buffer.deallocate() }
    for _ in 0..<2 {
      for (i, index) in indices.enumerated() {
        let count = try cache.read(index, offset: 7, into: buffer)
        #expect(Array(buffer[..<count]) == Array(String(i).utf8))
      }
    }
    #expect(openDescriptors() <= before + 4)
    #expect(try cache.read(indices[0], offset: 1000, into: buffer) == 0)
    #expect(throws: Errno.EIO) { try cache.read(indices[0], offset: .max, into: buffer) }
  }

  private func openDescriptors() -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
  }

  @Test("a mount that cannot be read is an error with its path")
  func unreadable() {
    #expect(throws: HostError.self) { _ = try DevelopmentRoot(mounts: ["/nonexistent/folder"]) }
    #expect(throws: HostError.self) { _ = try Mount("/nonexistent/folder:/data") }
    #expect(throws: HostError.self) { _ = try Mount("relative:/data") }
  }
}
