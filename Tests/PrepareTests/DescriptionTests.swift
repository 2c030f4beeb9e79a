import Glibc
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
      mounts = [{ type = "chroot", uri = "file:here", path = "/there" }, { type = "tmpfs", path = "/t", size = "1M" }]
      [sgx]
      trusted_files = ["file:/etc/x", "file:relative"]
      enclave_size = "1G"
      max_threads = 9
      isvprodid = 1
      isvsvn = 2
      cpu_features.avx512 = "disabled"
      [[volumes]]
      name = "data"
      path = "/data"
      key = "mrsigner"
      [[volumes]]
      name = "in"
      path = "/in"
      key = "job"
      read_only = true
      expect = "\(String(repeating: "ab", count: 40))"
      [job]
      arguments = true
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
    #expect(c.flags.isSuperset(of: [.inputsAreData, .refusesAVX512, .acceptsJobs]))
    #expect(c.temporaryMounts == [TemporaryMount(path: Array("/t".utf8), size: 1 << 20)])
    #expect(c.volumes.map(\.name) == ["data", "in"].map { Array($0.utf8) })
    #expect(c.volumes.map(\.path) == ["/data", "/in"].map { Array($0.utf8) })
    #expect(c.volumes.map(\.keySource) == [.sealingMRSIGNER, .job])
    #expect(c.volumes.map(\.isReadOnly) == [false, true])
    #expect(c.volumes.map(\.expectedRoot) == [nil, [UInt8](repeating: 0xAB, count: 40)])
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

  @Test("volumes: what is wrong is one line that says what to do")
  func volumes() throws {
    func volume(_ text: String, _ more: String = "") -> String {
      failure("libos.entrypoint = \"x\"\n\(more)\n[[volumes]]\n\(text)\n")
    }
    let name = "name = \"a\"\n"
    let good = name + "path = \"/a\"\nkey = \"mrsigner\"\n"
    #expect(volume(good) == "no error")
    #expect(volume(name + "path = \"/a\"").contains("volumes.key: missing"))
    #expect(volume(name + "path = \"/\"\nkey = \"job\"").contains("volumes.path"))
    #expect(volume(name + "path = \"/a/../b\"\nkey = \"job\"").contains("volumes.path"))
    #expect(volume("path = \"/a\"\nkey = \"job\"").contains("volumes.name"))
    #expect(volume("name = \"a b\"\npath = \"/a\"\nkey = \"job\"").contains("volumes.name"))
    #expect(volume(name + "path = \"/a\"\nkey = \"signer\"").contains("\"signer\" is not known"))
    #expect(volume(good + "uri = \"file:x\"").contains("--volume a=FILE"))
    #expect(volume(good + "expect = \"12\"").contains("80 hexadecimal digits"))
    #expect(volume(good + "insecure_key_file = \"k\"").contains("keep one of them"))
    #expect(volume(good + "[[volumes]]\n" + good).contains("two volumes a"))
    #expect(
      volume(good + "[[volumes]]\nname = \"b\"\npath = \"/a/b\"\nkey = \"mrenclave\"")
        .contains("at or below the volume at /a"))
    #expect(
      volume(good, "fs.mounts = [{ type = \"tmpfs\", path = \"/a/t\" }]").contains("at or below"))
    #expect(volume(name + "path = \"/proc/a\"\nkey = \"mrsigner\"").contains("below /proc"))
    #expect(volume(name + "path = \"/a\"\nkey = \"job\"").contains("add a [job] table"))
    #expect(volume(name + "path = \"/a\"\nkey = \"job\"", "[job]") == "no error")
    #expect(
      volume(name + "path = \"/input/a\"\nkey = \"job\"", "[job]").contains("below /input"))
    #expect(volume(good.replacing("/a", with: "/output"), "[job]").contains("/output is mounted"))
    let long = String(repeating: "n", count: 65)
    #expect(
      volume("name = \"\(long)\"\npath = \"/a\"\nkey = \"job\"", "[job]").contains("at most 64"))
    let many = (0..<17).map { "name = \"v\($0)\"\npath = \"/v\($0)\"\nkey = \"job\"\n" }
    #expect(volume(many.joined(separator: "[[volumes]]\n"), "[job]").contains("at most 16"))
    #expect(
      volume(good, "fs.mounts = [{ type = \"encrypted\", path = \"/t\" }]").contains("[[volumes]]"))
    #expect(
      volume(good, "fs.mounts = [{ uri = \"/usr\", path = \"/t\", size = \"1M\" }]").contains(
        "tmpfs"))
  }

  @Test("a volume's key file that others can read is refused") func openKeyFile() throws {
    let folder = "/tmp/cloister-volume-key-\(getpid())"
    mkdir(folder, 0o700)
    defer { rmdir(folder) }
    let path = folder + "/key"
    let fd = open(path, O_WRONLY | O_CREAT, 0o600)
    let text = Array(String(repeating: "5a", count: 32).utf8)
    #expect(write(fd, text, text.count) == text.count)
    close(fd)
    defer { unlink(path) }
    let toml =
      "libos.entrypoint = \"x\"\n[[volumes]]\nname = \"a\"\npath = \"/a\"\n"
      + "insecure_key_file = \"\(path)\"\n"
    let c = try parse(toml).configuration(executable: "/x")
    #expect(c.volumes.first?.insecureKey == [UInt8](repeating: 0x5A, count: 32))
    chmod(path, 0o640)
    #expect(failure(toml).contains("chmod 600"))
  }

  @Test("the measured configuration is read as it was written, and nothing else")
  func configuration() {
    var c = MeasuredConfiguration()
    c.arguments = [[1, 2, 3]]
    c.manifest = .init(root: [UInt8](repeating: 9, count: 32), size: 77)
    c.systemCalls = [0xFF]
    c.temporaryMounts = [TemporaryMount(path: [0x2F, 0x61], size: 4096)]
    var volume = VolumeMount(name: [0x61], path: [0x2F, 0x62], keySource: .insecureKey)
    volume.insecureKey = [UInt8](repeating: 3, count: 32)
    volume.expectedRoot = [UInt8](repeating: 4, count: 40)
    c.volumes = [volume, VolumeMount(name: [0x62], path: [0x2F, 0x63], keySource: .job)]
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
