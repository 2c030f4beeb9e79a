import EnclaveRuntime
import LinuxABI

/// What /proc and /sys are made of (proc(5)): directories whose entries are found when asked for, files
/// whose content is made when opened, and links that lead somewhere without looking at their text.
struct ProcEntry {
  let name: StaticString
  let make: (ProcDirectory) -> Inode
}

/// A directory of /proc or /sys. Subclasses add entries that come and go.
class ProcDirectory: Inode, @unchecked Sendable {
  /// Entries that are always there.
  func entries() -> [ProcEntry] { [] }
  /// What it is about is no more: it is empty.
  var isGone: Bool { false }
  /// An entry that comes and goes (a process, a descriptor).
  func find(_ name: Name) -> Inode? { nil }
  func names() -> [(name: [UInt8], type: UInt8)] { [] }

  init(_ fileSystem: FileSystem, mode: UInt32 = 0o555, uid: UInt32 = 0, gid: UInt32 = 0) {
    super.init(fileSystem, mode: FileMode.S_IFDIR | mode, uid: uid, gid: gid)
    nlink = 2
  }

  override final func lookup(_ name: Name, in parent: Dentry) throws(Errno) -> Dentry? {
    if isGone { throw .ESRCH }
    for e in entries() where name.matches(e.name) {
      return Dentry(e.make(self), name: name.array, parent: parent)
    }
    if let inode = find(name) { return Dentry(inode, name: name.array, parent: parent) }
    return nil
  }

  /// `names` are numbers, and nothing comes before them: they are positions, as in Linux proc_readfd_common().
  var namesAreNumbers: Bool { false }

  override final func readDirectory(
    from cookie: UInt64, in dentry: Dentry, _ emit: (DirectoryEntry) -> Bool
  ) throws(Errno) {
    if isGone { return }
    var index: UInt64 = 2
    for e in entries() {
      if index >= cookie {
        let inode = e.make(self)
        let entry = DirectoryEntry(
          name: [UInt8](staticString: e.name), inode: inode.number, type: inode.directoryType,
          next: index + 1)
        if !emit(entry) { return }
      }
      index += 1
    }
    for n in names() {
      // A list that changes while it is read: what goes does not move the others.
      if namesAreNumbers {
        var number: UInt64 = 0
        for digit in n.name { number = number * 10 + UInt64(digit & 15) }
        index = number + 2
      }
      if index >= cookie {
        let entry = DirectoryEntry(
          name: n.name, inode: UInt64(Name.hash(n.name)), type: n.type, next: index + 1)
        if !emit(entry) { return }
      }
      index += 1
    }
  }

  override final func open(_ dentry: Dentry, flags: OpenFlags) throws(Errno) -> File {
    DirectoryFile(dentry, flags: flags)
  }
}

/// A directory whose entries never change.
final class ProcFixedDirectory: ProcDirectory, @unchecked Sendable {
  private let list: () -> [ProcEntry]
  init(_ fileSystem: FileSystem, _ list: @escaping () -> [ProcEntry]) {
    self.list = list
    super.init(fileSystem)
  }
  override func entries() -> [ProcEntry] { list() }
}

/// A file whose content is made when it is opened, and read from then on.
final class ProcFileInode: Inode, @unchecked Sendable {
  typealias Make = (Task) throws(Errno) -> [UInt8]
  typealias Store = (Task, [UInt8]) throws(Errno) -> Void
  let make: Make
  let store: Store?

  init(
    _ fileSystem: FileSystem, mode: UInt32 = 0o444, uid: UInt32 = 0, gid: UInt32 = 0,
    store: Store? = nil, _ make: @escaping Make
  ) {
    self.make = make
    self.store = store
    super.init(fileSystem, mode: FileMode.S_IFREG | mode, uid: uid, gid: gid)
  }

  override func open(_ dentry: Dentry, flags: OpenFlags) throws(Errno) -> File {
    ProcFile(dentry, try make(Task.current), store, flags: flags)
  }
  override func truncate(to size: UInt64) throws(Errno) {}
  /// sysfs(5) tells the size of a page for every file.
  override var size: UInt64 { fileSystem.magic == FileSystem.SYSFS_MAGIC ? 4096 : 0 }
}

final class ProcFile: File, @unchecked Sendable {
  private let content: [UInt8]
  private let store: ProcFileInode.Store?

  init(_ dentry: Dentry, _ content: [UInt8], _ store: ProcFileInode.Store?, flags: OpenFlags) {
    self.content = content
    self.store = store
    super.init(dentry, flags: flags)
  }

  override var hasPosition: Bool { true }

  override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    let start = offset ?? self.offset
    guard start < UInt64(content.count) else { return 0 }
    let n = try buffer.write(content, from: Int(start))
    if offset == nil { self.offset = start + UInt64(n) }
    return n
  }

  override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard let store else { throw .EACCES }
    let count = buffer.remaining
    try store(Task.current, try buffer.read(count: min(count, 4096)))
    return count
  }

  override func seek(_ offset: Int, _ whence: Int32) throws(Errno) -> Int {
    let base: Int
    switch whence {
    case 0: base = 0
    case 1: base = Int(self.offset)
    default: throw .EINVAL
    }
    let (sum, overflow) = base.addingReportingOverflow(offset)
    guard !overflow, sum >= 0 else { throw .EINVAL }
    self.offset = UInt64(sum)
    return sum
  }
}

/// A link with a text for readlink(2), which when followed leads to a dentry directly.
final class ProcLinkInode: Inode, @unchecked Sendable {
  private let text: (Task) throws(Errno) -> [UInt8]
  private let target: ((Task) throws(Errno) -> Dentry?)?

  init(
    _ fileSystem: FileSystem, mode: UInt32 = 0o777,
    text: @escaping (Task) throws(Errno) -> [UInt8],
    target: ((Task) throws(Errno) -> Dentry?)? = nil
  ) {
    self.text = text
    self.target = target
    super.init(fileSystem, mode: FileMode.S_IFLNK | mode)
  }
  override func readLink(_ task: Task) throws(Errno) -> [UInt8] { try text(task) }
  override func magicTarget(_ task: Task) throws(Errno) -> Dentry? {
    guard let target else { return nil }
    return try target(task)
  }
}

extension ProcEntry {
  static func file(_ name: StaticString, _ make: @escaping ProcFileInode.Make) -> ProcEntry {
    ProcEntry(name: name) { d in ProcFileInode(d.fileSystem, make) }
  }
  /// A file that never says anything else.
  static func text(_ name: StaticString, _ text: StaticString) -> ProcEntry {
    ProcEntry(name: name) { d in
      ProcFileInode(d.fileSystem) { (_) throws(Errno) in [UInt8](staticString: text) }
    }
  }
  /// A setting that changes nothing here and is told as it was last written: a number within a range.
  static func setting(
    _ name: StaticString, _ initial: Int, _ range: ClosedRange<Int> = 0...Int(Int32.max)
  ) -> ProcEntry {
    ProcEntry(name: name) { d in
      ProcFileInode(
        d.fileSystem, mode: 0o644,
        store: { (_, bytes) throws(Errno) in
          guard let value = ProcSettings.number(bytes), range.contains(value) else { throw .EINVAL }
          var text: [UInt8] = []
          text.append(decimal: value)
          ProcSettings.set(name, text)
        }
      ) { (_) throws(Errno) in
        var text = ProcSettings.get(name) ?? []
        if text.isEmpty { text.append(decimal: initial) }
        text.append(0x0A)
        return text
      }
    }
  }
  /// The same for a line of text.
  static func textSetting(_ name: StaticString, _ initial: StaticString) -> ProcEntry {
    ProcEntry(name: name) { d in
      ProcFileInode(
        d.fileSystem, mode: 0o644,
        store: { (_, bytes) throws(Errno) in
          ProcSettings.set(name, [UInt8](bytes.prefix { $0 != 0x0A }))
        }
      ) { (_) throws(Errno) in
        var text = ProcSettings.get(name) ?? [UInt8](staticString: initial)
        text.append(0x0A)
        return text
      }
    }
  }
  static func directory(
    _ name: StaticString, _ list: @escaping () -> [ProcEntry]
  ) -> ProcEntry {
    ProcEntry(name: name) { d in ProcFixedDirectory(d.fileSystem, list) }
  }
  static func link(_ name: StaticString, _ target: StaticString) -> ProcEntry {
    ProcEntry(name: name) { d in
      ProcLinkInode(d.fileSystem, text: { (_) throws(Errno) in [UInt8](staticString: target) })
    }
  }
}
