import Foundation
import PayloadFormat
import Testing

@testable import Payload

@Suite("Site cache")
struct SiteCacheTests {
  private let folder = Toolbox.folder + "/cache-\(UUID().uuidString)"
  private var cache: SiteCache { SiteCache(directory: folder) }
  private let code: [UInt8] = [0xB8, 39, 0, 0, 0, 0x0F, 0x05, 0xC3]

  private func write(_ bytes: [UInt8], _ name: String) throws -> String {
    let path = Toolbox.folder + "/" + name + UUID().uuidString
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }
  private func entries(_ kind: String) -> [String] {
    let parent = folder + "/v" + SiteCache.version + "/" + kind
    return ((try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? [])
      .map { parent + "/" + $0 }
  }

  @Test("the second answer is the first; copies share a table; nothing temporary stays")
  func hit() throws {
    let path = try write(TinyELF.file(code), "hit")
    let first = try cache.analysis(path: path)
    #expect(first.rewritten.syscall == 1)
    #expect(try cache.analysis(path: path) == first)
    #expect(try cache.analysis(path: write(TinyELF.file(code), "copy")) == first)
    #expect(entries("table").count == 1)
    #expect(entries("stat").count == 2)
  }

  @Test("a changed file is analysed anew")
  func changed() throws {
    let path = try write(TinyELF.file(code), "changed")
    #expect(try cache.analysis(path: path).found.total == 1)
    try Data(TinyELF.file(code + code)).write(to: URL(fileURLWithPath: path))
    #expect(try cache.analysis(path: path).found.total == 2)
  }

  @Test("a damaged entry counts as absent")
  func damaged() throws {
    let path = try write(TinyELF.file(code), "damaged")
    let first = try cache.analysis(path: path)
    for entry in entries("table") + entries("stat") {
      for bad in [[], [1, 2, 3], [UInt8](repeating: 7, count: 32)] as [[UInt8]] {
        try Data(bad).write(to: URL(fileURLWithPath: entry))
        #expect(try cache.analysis(path: path) == first)
      }
    }
  }

  @Test("a cache that cannot be written is no error")
  func readOnly() throws {
    let path = try write(TinyELF.file(code), "readonly")
    #expect(try SiteCache(directory: "/proc/nowhere").analysis(path: path).found.total == 1)
  }

  @Test("what is no ELF file is refused, not kept")
  func refused() throws {
    let path = try write([1, 2, 3], "refused")
    #expect(throws: SiteAnalysisError.notELF) { try cache.analysis(path: path) }
    #expect(entries("table").isEmpty)
  }
}
