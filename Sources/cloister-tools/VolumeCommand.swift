import ArgumentParser
import EnclaveCrypto
import Foundation
import HostRuntime
import SealedVolume
import VolumeFiles

/// `cloister volume`: sealed volumes on the user's side (Docs/Volume.md).
struct VolumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "volume",
    abstract: "Make sealed volumes, put files into them and take files out.",
    subcommands: [
      VolumeKeyCommand.self, VolumeCreateCommand.self, VolumePutCommand.self, VolumeGetCommand.self,
      VolumeListCommand.self, VolumeCheckCommand.self,
    ])
}

struct VolumeArguments: ParsableArguments {
  @Option(name: .long, help: "The key file (mode 0600); `cloister volume keygen` makes one.")
  var key: String
  @Option(name: .long, help: "The volume's root that you kept: any other state is refused.")
  var expect: String?
  @Flag(name: .long, help: "Print JSON.") var json = false

  func open(_ file: String, isReadOnly: Bool) throws(HostError) -> SealedVolume {
    let key = try VolumeKeyFile.read(self.key)
    var root: VolumeRoot?
    if let expect {
      guard let bytes = hexadecimal(expect), let r = VolumeRoot(bytes) else {
        throw HostError(
          "--expect wants the 80 hexadecimal digits that `cloister volume check` prints")
      }
      root = r
    }
    do throws(VolumeError) {
      return try SealedVolume.open(
        try storage(file, isReadOnly: isReadOnly), key: key, isReadOnly: isReadOnly, expected: root)
    } catch { throw volumeError(file, error) }
  }

  private func storage(_ file: String, isReadOnly: Bool) throws(VolumeError) -> FileStorage {
    do throws(HostError) { return try FileStorage(file, isReadOnly: isReadOnly) } catch {
      fail(error)
    }
  }

  func printRoot(_ volume: SealedVolume, _ more: [String: Any] = [:]) {
    let root = hexText(volume.root.bytes)
    if json {
      var object = more
      object["root"] = root
      object["sequence"] = volume.sequence
      printJSON(object)
    } else {
      print("root \(root)")
    }
  }
}

func printJSON(_ object: Any) {
  let data = try? JSONSerialization.data(
    withJSONObject: object, options: [.sortedKeys, .prettyPrinted])
  print(String(decoding: data ?? Data(), as: UTF8.self))
}

func volumeError(_ file: String, _ error: VolumeError) -> HostError {
  switch error {
  case .rolledBack(let found, let expected):
    HostError("\(file): \(error.text) (commit \(found) is there, commit \(expected) was expected)")
  case .newerVersion(let version): HostError("\(file): version \(version): \(error.text)")
  default: HostError("\(file): \(error.text)")
  }
}

/// Runs `body`, and ends with one line if the volume cannot do it.
func withVolumeErrors<R>(_ file: String, _ body: () throws(VolumeError) -> R) -> R {
  do throws(VolumeError) { return try body() } catch { fail(volumeError(file, error)) }
}

struct VolumeKeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keygen", abstract: "Make a key file: 32 random bytes, readable by you alone.")
  @Argument(help: "The file to write; it must not exist.") var file: String

  func run() throws {
    let fd = Glibc.open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard fd >= 0 else {
      fail(HostError("cannot make \(file): \(String(cString: strerror(errno)))"))
    }
    let text = Array((hexText(EnclaveCrypto.random(32)) + "\n").utf8)
    guard write(fd, text, text.count) == text.count, fsync(fd) == 0 else {
      fail(HostError("cannot write \(file): \(String(cString: strerror(errno)))"))
    }
  }
}

struct VolumeCreateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make an empty volume.")
  @Argument(help: "The volume's file; it must not exist.") var file: String
  @OptionGroup var options: VolumeArguments

  func run() throws {
    do throws(HostError) {
      let key = try VolumeKeyFile.read(options.key)
      let storage = try FileStorage(file, create: true, isReadOnly: false)
      let volume = withVolumeErrors(file) { () throws(VolumeError) in
        try SealedVolume.create(
          storage, key: key, uid: getuid(), gid: getgid(),
          timeNs: Int64(Date().timeIntervalSince1970 * 1e9))
      }
      options.printRoot(volume)
    } catch { fail(error) }
  }
}

struct VolumePutCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "put",
    abstract: "Copy files and folders into a volume; all of it or, if it fails, nothing.",
    discussion: "As `cp -a` does: links, hard links, holes, owners, permissions, times and user.* "
      + "attributes are kept. A file takes the place of one that has its name. Devices, pipes and "
      + "sockets are refused.")
  @Argument(help: "The volume's file.") var file: String
  @Argument(help: "Files, folders and links of this machine.") var sources: [String]
  @Option(name: .long, help: "The folder in the volume; it is made.") var to: String = "/"
  @OptionGroup var options: VolumeArguments

  func run() throws {
    do throws(HostError) {
      let volume = try options.open(file, isReadOnly: false)
      var copy = VolumeCopyIn(volume, file: file, sources: sources)
      try copy.run(to: to)
      withVolumeErrors(file) { () throws(VolumeError) in try volume.commit() }
      warn(copy.warnings)
      options.printRoot(volume, ["files": copy.files, "bytes": copy.bytes])
    } catch { fail(error) }
  }
}

struct VolumeGetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Copy a file or folder out of a volume.",
    discussion: "With links, hard links, holes, permissions, times and user.* attributes, and, for "
      + "root, owners. Set-user-ID bits are dropped, devices, pipes and sockets left out. Files go "
      + "into folders that exist; a file that exists is not overwritten.")
  @Argument(help: "The volume's file.") var file: String
  @Argument(help: "The path in the volume.") var path: String
  @Option(name: [.short, .long], help: "Where to put it; `-`: a file's bytes to standard output.")
  var output: String
  @Flag(name: .long, help: "Make all of it mine, as root too.") var noSameOwner = false
  @OptionGroup var options: VolumeArguments

  func run() throws {
    do throws(HostError) {
      let volume = try options.open(file, isReadOnly: true)
      var copy = VolumeCopyOut(
        volume, file: file, keepsOwners: geteuid() == 0 && !noSameOwner)
      try copy.run(path, output)
      warn(copy.warnings)
      if options.json { printJSON(["files": copy.files, "bytes": copy.bytes] as [String: Any]) }
    } catch { fail(error) }
  }
}

struct VolumeListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ls", abstract: "List a folder of a volume.")
  @Argument(help: "The volume's file.") var file: String
  @Argument(help: "The path in the volume.") var path: String = "/"
  @Flag(name: [.customShort("R"), .long], help: "And everything below it.") var recursive = false
  @OptionGroup var options: VolumeArguments

  func run() throws {
    do throws(HostError) {
      let volume = try options.open(file, isReadOnly: true)
      var rows: [[String: Any]] = []
      withVolumeErrors(file) { () throws(VolumeError) in
        let at = try volume.resolve(Array(path.utf8))
        guard let inode = try volume.inode(at) else { throw .notFound }
        var visited: Set<UInt64> = []
        if inode.isDirectory {
          try list(volume, at, "", &visited, &rows)
        } else {
          row(inode, path, &rows)
        }
      }
      if options.json { printJSON(rows) }
    } catch { fail(error) }
  }

  private func list(
    _ volume: SealedVolume, _ at: UInt64, _ prefix: String, _ visited: inout Set<UInt64>,
    _ rows: inout [[String: Any]]
  ) throws(VolumeError) {
    // Whoever has the key can make folders that lie in each other.
    guard visited.insert(at).inserted else { throw .damaged("its folders are not a tree") }
    var entries: [VolumeEntry] = []
    try volume.forEachEntry(at) { (e) throws(VolumeError) in entries.append(e) }
    entries.sort { $0.name.lexicographicallyPrecedes($1.name) }
    for e in entries {
      guard let inode = try volume.inode(e.inode) else { throw .damaged("a name leads to no file") }
      let name = prefix + String(decoding: e.name, as: UTF8.self)
      row(inode, name, &rows)
      if recursive && inode.isDirectory {
        try list(volume, e.inode, name + "/", &visited, &rows)
      }
    }
  }

  private func row(_ inode: VolumeInode, _ name: String, _ rows: inout [[String: Any]]) {
    let kind =
      switch inode.mode >> 12 {
      case 4: "d"
      case 8: "-"
      case 10: "l"
      case 2: "c"
      case 6: "b"
      case 1: "p"
      default: "s"
      }
    let mode = String(inode.mode & 0o7777, radix: 8)
    if options.json {
      rows.append([
        "name": name, "type": kind, "mode": mode, "uid": inode.uid, "gid": inode.gid,
        "size": inode.size,
        "mtimeNs": inode.mtimeNs, "links": inode.nlink,
      ])
    } else {
      let size = String(inode.size)
      let pad = String(repeating: " ", count: max(0, 14 - size.count))
      print(
        "\(kind) \(String(repeating: " ", count: 4 - mode.count))\(mode) \(inode.uid):\(inode.gid) \(pad)\(size) \(HostPath.text(Array(name.utf8)))"
      )
    }
  }
}

struct VolumeCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Open every block of a volume and compare names with files; print its root.")
  @Argument(help: "The volume's file.") var file: String
  @Flag(
    name: .long, help: "With --json: list every block, with its place in the tree and its nonce.")
  var blocks = false
  @OptionGroup var options: VolumeArguments

  func run() throws {
    do throws(HostError) {
      let volume = try options.open(file, isReadOnly: true)
      var list: [VolumeBlock] = []
      var progress = VolumeProgress("checking", total: 0)
      var seen = 0
      let report = withVolumeErrors(file) { () throws(VolumeError) in
        try volume.check(
          progress: { blocks in
            progress.add((blocks - seen) * 4096)
            seen = blocks
          }, onBlock: blocks ? { list.append($0) } : nil)
      }
      progress.end()
      if !options.json {
        print(
          "\(report.files) files, \(report.directories) folders, \(report.bytes) bytes; \(report.blocks) blocks"
        )
        if volume.hasDamagedCopy {
          print("one copy of the superblock is damaged; the next writing mends it")
        }
      }
      var more: [String: Any] = [
        "files": report.files, "directories": report.directories, "bytes": report.bytes,
        "blocks": report.blocks,
        "mounts": report.mounts, "damagedCopy": volume.hasDamagedCopy,
      ]
      if blocks {
        more["blockList"] = list.map { b -> [String: Any] in
          [
            "block": b.block, "object": b.object, "index": b.index, "level": b.level,
            "salt": hexText(volume.salt(ofMount: b.mount) ?? []), "counter": b.counter,
          ]
        }
      }
      options.printRoot(volume, more)
    } catch { fail(error) }
  }
}
