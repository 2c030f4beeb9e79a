import Glibc
import HostRuntime
import PayloadFormat

/// Follows what a program needs: its interpreter, its libraries, the commands of a script, the library trees of
/// languages. Paths are those of this machine, and the same inside.
public final class Closure {
  let files: FileSet
  /// PATH and LD_LIBRARY_PATH of the payload's environment.
  let searchPath: [String]
  let libraryPath: [String]
  private lazy var cache = LibraryCache("/etc/ld.so.cache")
  private var examined = Set<String>()
  private var pending: [(path: String, rpaths: [String])] = []
  private(set) var usesNames = false
  private(set) var usesIconv = false
  private(set) var usesLibraryCache = false
  private(set) var hasLibc = false
  private var treesDone = Set<String>()
  /// A folder whose content is in the payload under another path: what lies in it is not placed under this one.
  private var mounted: String?
  /// Off: only what is named, folders without what is in them (`--trace`).
  var follows = true

  static let defaultDirectories = [
    "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib",
    "/usr/lib",
  ]

  public init(_ files: FileSet, searchPath: String, libraryPath: String = "") {
    self.files = files
    self.searchPath = searchPath.split(separator: ":").map(String.init)
    self.libraryPath = libraryPath.split(separator: ":").map(String.init)
  }

  /// The absolute path of a command, as execvp(3) finds it.
  public func find(_ command: String) -> String? {
    if command.hasPrefix("/") { return access(command, F_OK) == 0 ? command : nil }
    guard !command.contains("/") else { return nil }
    return searchPath.map { $0 + "/" + command }.first {
      access($0, X_OK) == 0 && !Self.isFolder($0)
    }
  }

  static func isFolder(_ path: String) -> Bool {
    status(Array(path.utf8)).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false
  }

  /// Adds a file with everything that leads to it and all that it needs; a folder with everything in it.
  public func add(_ path: String, reason: String) throws(HostError) {
    try place(path, reason: reason, rpaths: [])
    try drain()
  }

  /// Adds what a file needs, and not the file, which lies elsewhere in the payload: below `mounted` on this machine.
  func addNeeds(of path: String, mounted: String) throws(HostError) {
    self.mounted = mounted
    pending.append((path, []))
    try drain()
  }

  /// Adds the commands that a piece of a shell script names.
  func addCommands(in script: String, reason: String) throws(HostError) {
    for command in ShellWords.commands(in: script) {
      guard let found = find(command.name) else { continue }
      try place(found, reason: reason, rpaths: [])
    }
    try drain()
  }

  static func isShell(_ name: some StringProtocol) -> Bool {
    ["sh", "bash", "dash", "ash", "ksh", "zsh"].contains(String(name))
  }

  /// Looks into every file that was added, until nothing new comes.
  func drain() throws(HostError) {
    while let next = pending.popLast() { try examine(next.path, rpaths: next.rpaths) }
  }

  /// Like `add`, when it is there.
  func addIfPresent(_ path: String, reason: String) throws(HostError) {
    if access(path, F_OK) == 0 { try place(path, reason: reason, rpaths: []) }
  }

  /// Puts a path into the tree, following symbolic links component by component.
  @discardableResult
  private func place(_ path: String, reason: String, rpaths: [String]) throws(HostError) -> String?
  {
    guard path.hasPrefix("/") else { throw HostError("\(path): not an absolute path") }
    var rest = path.split(separator: "/").map { Array($0.utf8) }[...]
    var at: [UInt8] = []
    var links = 0
    while let part = rest.popFirst() {
      if part == [0x2E] { continue }
      if part == [0x2E, 0x2E] {
        at = FileSet.split(at).directory
        continue
      }
      let here = at + [0x2F] + part
      guard let s = lstatus(here) else {
        throw HostError("\(path): \(errorText()) (needed: \(reason))")
      }
      let parent = files.root.makeDirectories(at)
      switch s.st_mode & S_IFMT {
      case S_IFLNK:
        links += 1
        guard links <= 40, let target = linkTarget(here) else {
          throw HostError("\(path): too many symbolic links")
        }
        if parent.children[part] == nil, let node = files.node(here, s) {
          parent.insert(part, node)
        }
        files.note(here, reason)
        if target.first == 0x2F { at = [] }
        rest = target.split(separator: 0x2F).map { Array($0) } + rest
      case S_IFDIR:
        at = here
        if parent.children[part] == nil { parent.insert(part, TreeNode.directory(mode: s.st_mode)) }
        if rest.isEmpty, follows { try addTree(here, reason: reason) }
      default:
        guard rest.isEmpty else { throw HostError("\(path): \(text(here)) is not a folder") }
        files.note(here, reason)
        if parent.children[part] == nil, let node = files.node(here, s) {
          parent.insert(part, node)
        }
        if s.st_mode & S_IFMT == S_IFREG { pending.append((text(here), rpaths)) }
        return text(here)
      }
    }
    return nil
  }

  /// Everything in a folder.
  private func addTree(_ folder: [UInt8], reason: String) throws(HostError) {
    guard treesDone.insert(text(folder)).inserted else { return }
    files.note(folder, reason)
    var stack = [folder]
    while let directory = stack.popLast() {
      let node = files.root.makeDirectories(directory)
      guard let names = names(in: directory) else {
        files.warn("\(text(directory)): cannot be read, left out")
        continue
      }
      for name in names {
        let path = directory + [0x2F] + name
        guard let s = lstatus(path) else { continue }
        switch s.st_mode & S_IFMT {
        case S_IFDIR:
          if node.children[name] == nil { node.insert(name, TreeNode.directory(mode: s.st_mode)) }
          stack.append(path)
        case S_IFREG:
          if node.children[name] == nil, let made = files.node(path, s) { node.insert(name, made) }
          pending.append((text(path), []))
        case S_IFLNK:
          if status(path) == nil {
            // Leads nowhere here either.
            if node.children[name] == nil, let made = files.node(path, s) {
              node.insert(name, made)
            }
          } else if Self.isFolder(text(path)) {
            // Its target comes along only when it lies within: a link to / would bring the machine.
            if node.children[name] == nil, let made = files.node(path, s) {
              node.insert(name, made)
            }
          } else {
            try place(text(path), reason: "link in \(text(folder))", rpaths: [])
          }
        default: continue
        }
      }
    }
  }

  private func examine(_ path: String, rpaths: [String]) throws(HostError) {
    guard examined.insert(path).inserted else { return }
    guard let s = status(Array(path.utf8)) else { return }
    let isProgram = s.st_mode & 0o111 != 0
    guard isProgram || path.contains(".so") else { return }
    let file = try MappedContent(Array(path.utf8), FileIdentity(s))
    if file.bytes.count > 2, file.bytes[0] == 0x23, file.bytes[1] == 0x21 {
      if isProgram { try script(path, file.bytes) }
      return
    }
    guard let needs = ELFNeeds(file.bytes) else { return }
    if let interpreter = needs.interpreter {
      try place(interpreter, reason: "interpreter of \(path)", rpaths: [])
    }
    // The kernel loads interpreters itself: no traced call names them.
    if !follows { return }
    // libc itself defines these names.
    if !path.contains("/libc.so") && !path.contains("/libc-") {
      usesNames = usesNames || needs.usesNames
      usesIconv = usesIconv || needs.usesIconv
    }
    let origin = text(FileSet.split(Array(path.utf8)).directory)
    func expand(_ directories: [String]) -> [String] {
      directories.map { directory in
        var d = directory
        for name in ["${ORIGIN}", "$ORIGIN"] {
          while let r = d.range(of: name) { d.replaceSubrange(r, with: origin) }
        }
        return d
      }
    }
    let inherited = needs.runpath.isEmpty ? expand(needs.rpath) + rpaths : []
    for name in needs.needed {
      if name.hasPrefix("libc.so.6") { hasLibc = true }
      guard let found = library(name, expand(needs.runpath), inherited) else {
        files.warn("\(path) needs \(name), which is not on this machine")
        continue
      }
      // A library that the program brought along ($ORIGIN) lies beside it inside, too.
      if let mounted, found.hasPrefix(mounted + "/"), path.hasPrefix(mounted + "/") {
        pending.append((found, inherited))
        continue
      }
      try place(found, reason: "library of \(path)", rpaths: inherited)
    }
    try languages(path)
  }

  private func library(_ name: String, _ runpath: [String], _ rpath: [String]) -> String? {
    if name.contains("/") { return access(name, F_OK) == 0 ? name : nil }
    let before = (runpath.isEmpty ? rpath : []) + libraryPath + runpath
    for directory in before where access(directory + "/" + name, F_OK) == 0 {
      return directory + "/" + name
    }
    for directory in Self.defaultDirectories where access(directory + "/" + name, F_OK) == 0 {
      return directory + "/" + name
    }
    if let path = cache.paths[name], access(path, F_OK) == 0 {
      usesLibraryCache = true
      return path
    }
    return nil
  }

  private func script(_ path: String, _ bytes: UnsafeRawBufferPointer) throws(HostError) {
    let source = String(decoding: bytes.prefix(4 << 20), as: UTF8.self)
    let first = source.dropFirst(2).prefix { $0 != "\n" }
    let words = first.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
    guard let interpreter = words.first else { return }
    guard access(interpreter, F_OK) == 0 else {
      files.warn("\(path) wants the interpreter \(interpreter), which is not on this machine")
      return
    }
    try place(interpreter, reason: "interpreter of \(path)", rpaths: [])
    var name = interpreter.split(separator: "/").last.map(String.init) ?? ""
    if name == "env" {
      guard
        let program = words.dropFirst().first(where: { !$0.hasPrefix("-") && !$0.contains("=") })
      else { return }
      guard let found = find(program) else {
        files.warn("\(path) wants \(program), which is not in PATH")
        return
      }
      try place(found, reason: "interpreter of \(path)", rpaths: [])
      name = program
    }
    guard follows, Self.isShell(name) else { return }
    for command in ShellWords.commands(in: source) {
      guard let found = find(command.name) else { continue }
      try place(
        found, reason: "\(command.isSourced ? "read" : "named") by \(path) line \(command.line)",
        rpaths: [])
    }
  }
}
