import HostRuntime
import PayloadFormat
import Testing

@testable import Prepare

@Suite("payload.toml") struct DescriptionTests {
  func parse(_ text: String) throws -> PayloadDescription {
    try PayloadDescription(toml: text, file: "p.toml", folder: "/base")
  }
  func failure(_ text: String) -> String {
    do {
      _ = try parse(text)
      return "no error"
    } catch { return "\(error)" }
  }

  @Test("every key") func everything() throws {
    let d = try parse(
      """
      inputs_are_data = true
      [libos]
      entrypoint = "/bin/x"
      [loader]
      argv = ["x", "y"]
      uid = 5
      gid = 6
      env.A = "1"
      env.B = { value = "2" }
      [fs]
      start_dir = "/work"
      page_cache_size = "64M"
      mounts = [{ type = "chroot", uri = "file:here", path = "/there" }, { type = "tmpfs", path = "/t" }]
      [sgx]
      trusted_files = ["file:/etc/x", "file:relative"]
      enclave_size = "1G"
      max_threads = 9
      isvprodid = 1
      isvsvn = 2
      cpu_features.avx512 = "disabled"
      [net]
      policy = "host"
      [sys]
      host_name = "h"
      """)
    let c = try d.configuration(executable: "/bin/x")
    #expect(c.arguments == ["x", "y"].map { Array($0.utf8) })
    #expect(c.environment.contains(Array("B=2".utf8)))
    #expect(c.uid == 5 && c.gid == 6 && c.isvProdID == 1 && c.isvSVN == 2 && c.threadCount == 9)
    #expect(c.memorySize == 1 << 30 && c.pageCacheSize == 64 << 20 && c.network == .host)
    #expect(c.flags.isSuperset(of: [.inputsAreData, .refusesAVX512]))
    #expect(c.temporaryMounts == [Array("/t".utf8)])
    #expect(d.trustedFiles == ["/etc/x", "/base/relative"])
    #expect(MeasuredConfiguration(c.encoded())?.encoded() == c.encoded())
  }

  @Test("errors name file, line, column and what to do")
  func errors() {
    #expect(
      failure("libos.entrypoint = \"x\"\nsgx.isvsvm = 1\n").hasPrefix("p.toml:2:1: sgx.isvsvm"))
    #expect(failure("libos.entrypoint = \"x\"\nsgx.isvsvm = 1\n").contains("did you mean isvsvn?"))
    #expect(failure("[libos]\nentrypoint = \"x\n").hasPrefix("p.toml:2:"))
    #expect(failure("libos.entrypoint = 3\n").contains("not a string"))
    #expect(failure("libos.entrypoint = \"x\"\n[sgx]\n  debug = true\n").hasPrefix("p.toml:3:3"))
    #expect(
      failure("libos.entrypoint = \"x\"\nfs.mounts = [{ path = \"/x\", type = \"ext4\" }]\n")
        .contains("ext4"))
    #expect(
      failure("libos.entrypoint = \"x\"\nloader.insecure__use_cmdline_argv = true\n").contains(
        "loader.argv"))
    #expect(failure("").contains("libos.entrypoint is missing"))
  }

  @Test("the measured configuration is read as it was written, and nothing else")
  func configuration() {
    var c = MeasuredConfiguration()
    c.arguments = [[1, 2, 3]]
    c.manifest = .init(root: [UInt8](repeating: 9, count: 32), size: 77)
    c.systemCalls = [0xFF]
    let good = c.encoded()
    #expect(MeasuredConfiguration(good)?.encoded() == good)
    var refused = 0
    for at in 0..<good.count {
      var bytes = good
      bytes[at] ^= 0x80
      // Whatever is accepted is written back as it was.
      if let read = MeasuredConfiguration(bytes) {
        #expect(read.encoded() == bytes)
      } else {
        refused += 1
      }
    }
    #expect(refused > 40)
    #expect(MeasuredConfiguration(good + [0, 0, 0, 0, 0, 0, 0, 0]) == nil)
  }
}

@Suite("Commands of shell scripts") struct ShellWordsTests {
  func names(_ script: String) -> [String] { ShellWords.commands(in: script).map(\.name) }

  @Test func commands() {
    #expect(
      names("#!/bin/sh\nx=1 grep a b | sort -u; if test -f x; then wc \"$f\"; fi") == [
        "grep", "sort", "wc",
      ])
    #expect(names("echo $(date +%s) `hostname`") == ["date", "hostname"])
    #expect(
      names("# cat nothing\n  'quoted name' x\nexec /usr/bin/env python3 y").contains(
        "/usr/bin/env"))
    #expect(names("a() { ls; }\nfoo && bar || baz &") == ["a", "ls", "foo", "bar", "baz"])
    #expect(
      ShellWords.commands(in: ". /etc/profile\n") == [
        .init(name: "/etc/profile", line: 1, isSourced: true)
      ])
  }
}
