import Foundation
import HostRuntime
import Testing

@testable import Prepare

@Suite("Files that change while they are prepared") struct ChangingFileTests {
  @Test("before, and during hashing") func changed() throws {
    let path = NSTemporaryDirectory() + "cloister-changing-\(getpid())"
    defer { unlink(path) }
    try Data("first".utf8).write(to: URL(fileURLWithPath: path))
    let bytes = Array(path.utf8)
    let identity = FileIdentity(try #require(lstatus(bytes)))
    let file = try MappedContent(bytes, identity)
    try file.checkUnchanged()
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data("more".utf8))
    try handle.close()
    #expect(throws: HostError.self) { try file.checkUnchanged() }
    do {
      _ = try MappedContent(bytes, identity)
      Issue.record("a changed file was taken")
    } catch {
      #expect("\(error)".contains("changed while it was being prepared"))
    }
  }

  @Test("a payload folder that holds something else is not replaced") func foreignFolder() throws {
    let folder = NSTemporaryDirectory() + "cloister-foreign-\(getpid())"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for name in ["configuration", "diary"] {
      try Data("mine".utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
    }
    let writer = PayloadWriter(FileSet(), output: folder)
    #expect(throws: HostError.self) { try writer.write(.init(), image: "/none", newestNs: 0) }
    #expect(FileManager.default.contents(atPath: folder + "/diary") == Data("mine".utf8))
  }
}
