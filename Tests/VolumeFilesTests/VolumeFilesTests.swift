import Glibc
import SealedVolume
import Testing

@testable import VolumeFiles

private final class Storage: VolumeStorage {
  var content: [UInt8] = []
  override func read(_ offset: UInt64, into memory: VolumeMemory) throws(VolumeError) {
    memory.zero()
    guard offset < UInt64(content.count) else { return }
    let n = min(memory.count, content.count - Int(offset))
    memory.copy(from: [UInt8](content[Int(offset)..<Int(offset) + n]))
  }
  override func write(
    _ offset: UInt64, from memory: VolumeMemory, durable: Bool
  ) throws(VolumeError) {
    let end = Int(offset) + memory.count
    if end > content.count { content += [UInt8](repeating: 0, count: end - content.count) }
    content.replaceSubrange(Int(offset)..<end, with: memory.bytes)
  }
}

/// A folder for one test, in /dev/shm: a file system with holes and attributes.
private final class Folder {
  let path: String
  init() {
    var name = Array("/dev/shm/volume-files-XXXXXX".utf8CString)
    precondition(mkdtemp(&name) != nil)
    path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
  deinit { HostPath(path).removeTree() }

  /// Runs a shell command in the folder; its output.
  @discardableResult func shell(_ command: String) -> String {
    guard let pipe = popen("cd \(path) && { \(command); } 2>&1", "r") else { return "" }
    var out: [UInt8] = []
    var c = fgetc(pipe)
    while c != EOF {
      out.append(UInt8(c))
      c = fgetc(pipe)
    }
    pclose(pipe)
    return String(decoding: out, as: UTF8.self)
  }
}

private let key = [UInt8](repeating: 7, count: 32)

private func put(_ folder: String, replaces: Bool = true) throws -> SealedVolume {
  let volume = try SealedVolume.create(Storage(), key: key)
  var packer = VolumePacker(volume, .init(keepsOwners: true, replaces: replaces))
  try packer.addContents(of: HostPath(folder), to: VolumeFormat.rootInode)
  try volume.commit()
  return volume
}

private let policy = VolumeUnpacker.Policy(
  merges: true, keepsOwners: true, keepsFoldersOpen: false, isDurable: false)

/// A file that makes no sense to the tools: its record, without a name.
extension SealedVolume {
  fileprivate func file(_ mode: UInt32) throws -> UInt64 {
    var inode = VolumeInode()
    inode.mode = mode
    let number = try allocateInode()
    try setInode(number, inode)
    return number
  }
  fileprivate func name(_ name: String, in directory: UInt64, _ number: UInt64, type: UInt8) throws
  {
    try setEntry(directory, VolumeEntry(name: Array(name.utf8), inode: number, type: type))
  }
}

@Suite("files into a volume and back", .serialized) struct VolumeFilesTests {
  /// What there is to see of a tree: kinds, modes, owners, sizes, blocks, times, links, targets, contents, attributes.
  private static let listing =
    "find . -mindepth 1 -printf '%P %y %m %U:%G %s %n %l %T@\\n' | sort; "
    + "find . -type f -print0 | sort -z | xargs -0 sha256sum; find . -type f -printf '%b %P\\n' | sort -k 2; "
    + "find . -print0 | sort -z | xargs -0 getfattr -h -d -m user. 2>&1 | grep -v Removing"

  @Test("links, hard links, modes, owners, times, holes, attributes, names of any bytes")
  func roundTrip() throws {
    let source = Folder()
    source.shell(
      """
      mkdir -p a/b/c 'with space'; head -c 300000 /dev/urandom > a/random; ln a/random a/b/second; ln a/random third
      printf x > "$(printf 'latin-\\\\344')"; ln -s ../missing a/link; touch empty; chmod 0500 a/b/c; chmod 1777 'with space'
      truncate -s 30M sparse; printf end | dd of=sparse bs=1 seek=20000000 conv=notrunc
      printf tail > odd; truncate -s 10001 odd; touch -d 1961-02-03T04:05:06.7 odd; touch -h -d 2001-01-01 a/link
      setfattr -n user.note -v hello a/random; setfattr -n user.empty a; chmod 0640 a/random; touch -d 2020-02-02 a/b a
      """)
    let target = Folder()
    let volume = try put(source.path)
    #expect((volume.root.sequence) > 0)
    var unpacker = VolumeUnpacker(volume, policy)
    try unpacker.copyContents(VolumeFormat.rootInode, to: HostPath(target.path))
    let before = source.shell(Self.listing)
    #expect(before.contains("user.note=\"hello\"") || before.contains("getfattr: not found"))
    #expect(target.shell(Self.listing) == before)
    #expect(unpacker.warnings == [])
    let report = try volume.check()
    #expect(report.blocks < 200)
  }

  @Test("attributes without getfattr: the calls themselves")
  func attributes() throws {
    let source = Folder()
    source.shell("touch file; mkdir folder")
    for name in ["file", "folder"] {
      let path = HostPath(source.path + "/" + name)
      let isSet = HostAttributes.set(
        path, VolumeAttribute(name: Array("user.a".utf8), value: Array("value of \(name)".utf8)))
      #expect(isSet)
    }
    let target = Folder()
    var unpacker = VolumeUnpacker(try put(source.path), policy)
    try unpacker.copyContents(VolumeFormat.rootInode, to: HostPath(target.path))
    for name in ["file", "folder"] {
      #expect(
        HostAttributes.read(HostPath(target.path + "/" + name)) == [
          VolumeAttribute(name: Array("user.a".utf8), value: Array("value of \(name)".utf8))
        ])
    }
  }

  @Test("a pipe, a socket or a device is refused by its name")
  func special() throws {
    let source = Folder()
    source.shell("mkfifo pipe")
    do {
      _ = try put(source.path)
      Issue.record("it was taken")
    } catch let error as VolumeFilesError {
      #expect(
        error.text.hasSuffix(
          "/pipe is a pipe, neither a file, nor a folder, nor a link; leave it out"))
    }
  }

  @Test(
    "putting again replaces files and keeps hard links one file; a folder is not replaced by a file"
  )
  func again() throws {
    let source = Folder()
    source.shell("mkdir d; echo 1 > d/f; ln d/f d/g; touch x")
    let volume = try put(source.path)
    source.shell("echo 22 > d/f")
    var packer = VolumePacker(volume, .init(keepsOwners: true, replaces: true))
    try packer.addContents(of: HostPath(source.path), to: VolumeFormat.rootInode)
    try volume.commit()
    #expect(try volume.check().files == 2)
    let f = try volume.resolve(Array("d/g".utf8))
    #expect(try volume.inode(f)?.nlink == 2)
    #expect(try volume.readAll(f, limit: 100) == Array("22\n".utf8))
    source.shell("rm -r d; touch d")
    #expect(throws: VolumeFilesError.self) {
      try packer.addContents(of: HostPath(source.path), to: VolumeFormat.rootInode)
    }
  }

  @Test("nothing that exists is overwritten, and no half a file stays")
  func existing() throws {
    let source = Folder()
    source.shell("echo new > f")
    let target = Folder()
    target.shell("echo old > f")
    var unpacker = VolumeUnpacker(try put(source.path), policy)
    #expect(throws: VolumeFilesError.self) {
      try unpacker.copyContents(VolumeFormat.rootInode, to: HostPath(target.path))
    }
    #expect(target.shell("cat f") == "old\n")
  }
}

/// Trees that only a holder of the key can make.
@Suite("volumes that are no trees") struct HostileTreeTests {
  private func unpack(_ make: (SealedVolume) throws -> Void) throws -> (
    String?, Folder, VolumeUnpacker
  ) {
    let storage = Storage()
    let made = try SealedVolume.create(storage, key: key)
    try make(made)
    try made.commit()
    let volume = try SealedVolume.open(storage, key: key, isReadOnly: true)
    let folder = Folder()
    folder.shell("mkdir out outside")
    var unpacker = VolumeUnpacker(volume, policy)
    do throws(VolumeFilesError) {
      try unpacker.copyContents(VolumeFormat.rootInode, to: HostPath(folder.path + "/out"))
      return (nil, folder, unpacker)
    } catch { return (error.text, folder, unpacker) }
  }

  @Test("a folder within itself, and a file under many names with one link")
  func circle() throws {
    let (circle, _, _) = try unpack { v in
      let a = try v.make(1, Array("a".utf8), inode(0o040755))
      try v.name("b", in: a, a, type: 4)
    }
    #expect(circle?.hasSuffix("its folders are not a tree") == true)
    let (names, _, _) = try unpack { v in
      let f = try v.make(1, Array("f".utf8), inode(0o100644))
      for i in 0..<5 { try v.name("\(i)", in: 1, f, type: 8) }
    }
    #expect(names?.hasSuffix("a file has more names than it says") == true)
  }

  @Test("very deep folders end with an error")
  func deep() throws {
    let (error, _, _) = try unpack { v in
      var at: UInt64 = 1
      for _ in 0..<1500 { at = try v.make(at, [0x61], inode(0o040755)) }
    }
    #expect(error?.contains("1000 folders lie in each other") == true)
  }

  @Test("a name twice, first a link that leads out, then a folder: the link is not followed")
  func twice() throws {
    let (error, folder, _) = try unpack { v in
      // Entries of one bucket in the order in which they were made; the second name is changed on its way to the medium.
      let link = try v.make(1, Array("xx".utf8), inode(0o120777))
      try v.replaceAll(link, Array("../outside".utf8))
      let d = try v.make(1, Array("xy".utf8), inode(0o040755))
      _ = try v.make(d, Array("evil".utf8), inode(0o100644))
      v.changeBeforeSealing { copy, object, _, _ in
        guard object == 1, let at = copy.bytes.lastIndex(of: 0x79) else { return }
        copy.slice(at, 1).copy(from: [0x78])
      }
    }
    #expect(error?.contains("File exists") == true)
    #expect(folder.shell("ls outside") == "")
  }

  @Test("`..` as a name is damage")
  func dots() throws {
    let (error, folder, _) = try unpack { v in
      let d = try v.make(1, Array("xy".utf8), inode(0o040755))
      _ = try v.make(d, Array("evil".utf8), inode(0o100644))
      v.changeBeforeSealing { copy, object, _, _ in
        guard object == 1, let at = copy.bytes.lastIndex(of: 0x79) else { return }
        copy.slice(at - 1, 1).copy(from: [0x2E])
        copy.slice(at, 1).copy(from: [0x2E])
      }
    }
    #expect(error?.contains("a directory makes no sense") == true)
    #expect(folder.shell("ls out outside") == "out:\n\noutside:\n")
  }

  @Test(
    "a file of 2^53 bytes with nothing in it takes no time; set-user-ID bits and devices stay inside"
  )
  func emptyAndSpecial() throws {
    let (error, folder, unpacker) = try unpack { v in
      let f = try v.make(1, Array("huge".utf8), inode(0o104755))
      try v.truncate(f, to: 1 << 40)
      var device = inode(0o020666)
      device.rdev = 0x103
      _ = try v.make(1, Array("null\u{1B}[2J".utf8), device)
    }
    #expect(error == nil || error?.contains("File too large") == true)
    if error == nil {
      #expect(folder.shell("stat -c '%a %s %b' out/huge") == "755 1099511627776 0\n")
    }
    #expect(unpacker.skipped.count == 1)
    #expect(unpacker.skipped[0].hasSuffix("/null\\x1b[2J"))
  }

  private func inode(_ mode: UInt32) -> VolumeInode {
    var inode = VolumeInode()
    inode.mode = mode
    return inode
  }
}
