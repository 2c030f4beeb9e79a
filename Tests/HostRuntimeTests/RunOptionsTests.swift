import Foundation
import PayloadFormat
import Testing

@testable import HostRuntime

@Suite("cloister run: options")
struct RunOptionsTests {
  @Test("options end at -- or at the program")
  func program() throws {
    #expect(try RunOptions(["--stats", "ls", "--stats"]).program == ["ls", "--stats"])
    let options = try RunOptions(["--memory=2G", "--threads", "8", "--", "--odd", "x"])
    #expect(options.program == ["--odd", "x"])
    #expect(options.memorySize == 2 << 30 && options.threadCount == 8)
  }

  @Test(
    "bad options are one line",
    arguments: [
      [], ["--"], ["--nonsense", "ls"], ["--memory", "x", "ls"], ["--memory", "0", "ls"],
      ["--memory", "99999999999G", "ls"], ["--threads", "0", "ls"], ["--threads", "5000", "ls"],
      ["--machine", "quantum", "ls"], ["--env", "NOVALUE", "ls"], ["--cwd", "relative", "ls"],
      ["--profile", "other", "ls"], ["--json"], ["--configid", "", "ls"],
      ["--configid", "abc", "ls"], ["--configid", "0x10", "ls"], ["--configid", "+1", "ls"],
      ["--configid", String(repeating: "00", count: 65), "ls"], ["--configsvn", "1", "ls"],
      ["--configid", "00", "--configsvn", "65536", "ls"],
    ])
  func bad(arguments: [String]) {
    #expect(throws: HostError.self) { _ = try RunOptions(arguments) }
  }

  @Test("--configid binds the instance, and the SECS has it with KSS")
  func binding() throws {
    let options = try RunOptions(["--configid", "A1b2", "--configsvn", "7", "ls"])
    let binding = try #require(options.binding)
    #expect(binding.configID == [0xA1, 0xB2] + [UInt8](repeating: 0, count: 62))
    #expect(binding.configSVN == 7)
    #expect(try RunOptions(["ls"]).binding == nil)
    #expect(throws: HostError.self) {
      try InstanceBinding(configID: [UInt8](repeating: 0, count: 65))
    }
  }

  @Test("the environment is small and clean, and --env adds to it")
  func environment() throws {
    var options = try RunOptions(["--env", "A=1", "--env", "LANG=de", "--env", "A=2", "ls"])
    let all = options.fullEnvironment()
    #expect(all.contains("A=2") && !all.contains("A=1") && all.contains("LANG=de"))
    #expect(all.count == 5)
    options.passesHostEnvironment = true
    #expect(options.fullEnvironment().count > 5)
  }

  @Test(
    "options that would do nothing are refused, with and without a job",
    arguments: [
      ["-o", "R", "P"], ["--key", "K", "P"], ["--job", "J", "-o", "R", "--stats", "P"],
      ["--job", "J", "-o", "R", "--strict", "P"],
      ["--job", "J", "-o", "R", "--machine", "software", "P"],
      ["--job", "J", "-o", "R", "--volume", "a=b", "P"],
      ["--job", "J", "-o", "R", "--key", "K", "--stats", "P"],
      ["--job", "J", "-o", "R", "--key", "K", "--configid", "00", "P"],
    ])
  func jobOptions(_ arguments: [String]) throws {
    #expect(throws: HostError.self) { try RunOptions(arguments) }
  }

  @Test("a job goes with its result, and with its key and the machine for it")
  func job() throws {
    let plain = try RunOptions(["--job", "J", "-o", "R", "P"])
    #expect(plain.jobFile == "J" && plain.resultFile == "R" && plain.program == ["P"])
    let again = try RunOptions(["--job=J", "--output=R", "--key", "K", "--strict", "P"])
    #expect(again.keyFile == "K" && again.isStrict)
  }

  @Test("programs are found as execvp(3) finds them, with podman's exit codes")
  func search() throws {
    let folder = TemporaryFolder()
    folder.write("script", "#!/bin/sh\n")
    folder.write("text", "hello, world, this is no program")
    folder.write("denied", "#!/bin/sh\n")
    for name in ["script", "text"] { chmod(folder.path + "/" + name, 0o755) }
    let search = ProgramSearch(
      path: "/nonexistent:\(folder.path):/bin", workingDirectory: folder.path, mounts: [])
    func code(_ name: String) -> Int32 {
      do throws(HostError) {
        _ = try search.find(name)
        return 0
      } catch {
        return error.exitCode
      }
    }
    #expect(try search.find("script") == folder.path + "/script")
    #expect(try search.find("./script") == folder.path + "/./script")
    #expect(code("sh") == 0)
    #expect(code("nothing-like-this") == 127)
    #expect(code("./nothing") == 127)
    #expect(code("text") == 126)
    #expect(code("denied") == 126)
    #expect(code("/tmp") == 126)
    #expect(code("") == 127)
  }

  @Test("paths below a mount are looked for on the host's side of it")
  func mounts() throws {
    let folder = TemporaryFolder()
    let mount = try Mount("\(folder.path):/data/set/")
    #expect(mount.guest == "/data/set")
    #expect(hostPath("/data/set/x", mounts: [mount]) == folder.path + "/x")
    #expect(hostPath("/data/setx", mounts: [mount]) == "/data/setx")
    #expect(mount.record == Array(folder.path.utf8) + [0] + Array("/data/set".utf8))
  }
}
