import Glibc
import HostRuntime
import PayloadFormat

/// `cloister prepare`: gathers the files, and writes the payload.
public struct Preparation {
  public var description: PayloadDescription
  /// A whole tree; nil: the closure of the program.
  public var rootfs: String?
  public var output: String
  public var image: String
  public var keepsOwners = false
  /// Run the program once on this machine and keep what it used.
  public var traces = false
  /// How the traced run must end: of one that failed nobody knows what it would have used.
  public var traceStatus: Int32 = 0
  public var usesCache = true
  public var progress = Progress()

  public init(_ description: PayloadDescription, output: String, image: String) {
    self.description = description
    self.output = output
    self.image = image
  }

  public struct Outcome {
    public var summary: PayloadWriter.Summary
    public var files: FileSet
    public var mrenclave: [String]
    /// `--trace`: what the closure would have had, and the program did not use.
    public var leftOut: [String] = []
  }

  public func run() throws(HostError) -> Outcome {
    var (files, executable) = try gather()
    var configuration = try description.configuration(executable: executable)
    var leftOut: [String] = []
    if traces {
      guard rootfs == nil else {
        throw HostError("--trace and --rootfs: the program is traced with this machine's own files")
      }
      let trace = try Trace(
        program: mounted(executable)?.host ?? executable,
        arguments: configuration.arguments.map { text($0) },
        environment: configuration.environment.map { text($0) },
        directory: mounted(description.startDirectory)?.host ?? description.startDirectory)
      guard trace.exitStatus == traceStatus else {
        throw HostError(
          "the traced run ended with status \(trace.exitStatus), and so no payload is made: what it would have "
            + "used is not known; if it is to end like that, say --trace-status \(trace.exitStatus)"
        )
      }
      configuration.systemCalls = trace.systemCallBits
      let used = try keep(trace, executable)
      leftOut = files.regularPaths.filter { !used.contains(Array($0.utf8)) }
      files = used
    }
    var writer = PayloadWriter(files, output: output)
    writer.usesCache = usesCache
    writer.progress = progress
    let summary = try writer.write(configuration, image: image, newestNs: try newestNs())
    let folder = try PayloadFolder(output)
    return Outcome(
      summary: summary, files: files, mrenclave: try measure(payload: folder), leftOut: leftOut)
  }

  /// Where something that fs.mounts copies into the payload lies on this machine; nil: no mount has it. `source` is the
  /// folder that the mount copies.
  private func mounted(_ guest: String) -> (host: String, source: String)? {
    var best: (path: String, source: String)?
    for mount in description.mounts {
      guard case .chroot(let source) = mount.kind,
        guest == mount.path || guest.hasPrefix(mount.path + "/"),
        mount.path.utf8.count >= best?.path.utf8.count ?? 0
      else { continue }
      best = (mount.path, source)
    }
    guard let best else { return nil }
    return (best.source + guest.dropFirst(best.path.count), best.source)
  }

  /// Adds the program, or, when a mount brings it, what it needs.
  private func addProgram(_ executable: String, to closure: Closure) throws(HostError) {
    if let (host, source) = mounted(executable) {
      try closure.addNeeds(of: host, mounted: source)
    } else {
      try closure.add(executable, reason: "the program")
    }
  }

  /// Exactly the files that a run used.
  private func keep(_ trace: Trace, _ executable: String) throws(HostError) -> FileSet {
    let files = FileSet()
    files.keepsOwners = keepsOwners
    let closure = Closure(files, searchPath: "", libraryPath: "")
    closure.follows = false
    try addProgram(executable, to: closure)
    let outside = ["/proc", "/sys", "/dev", "/tmp"]
    // The run took place in the folders that mounts copy: what it used of them is in the payload under the mount's path,
    // and not under the name that the folder happens to have on this machine.
    let copied = [mounted(executable)?.source, mounted(description.startDirectory)?.source]
      .compactMap { $0.flatMap { realpath($0, nil) } }
      .map { (p: UnsafeMutablePointer<CChar>) -> String in
        defer { free(p) }
        return String(cString: p)
      }
    for path in trace.paths.sorted() {
      guard let normal = Self.normalised(path),
        !copied.contains(where: { normal == $0 || normal.hasPrefix($0 + "/") }),
        !outside.contains(where: { normal == $0 || normal.hasPrefix($0 + "/") }),
        access(normal, F_OK) == 0
      else { continue }
      try closure.add(normal, reason: "used by the traced run")
    }
    for mount in description.mounts {
      if case .chroot(let source) = mount.kind { try copy(source, to: mount.path, files) }
      files.addDirectory(Array(mount.path.utf8))
    }
    for volume in description.volumes { files.addDirectory(volume.path) }
    try closure.addRuntimeFiles(
      environment: [:], uid: description.uid, gid: description.gid, usesNetwork: false)
    let cwd = Array(description.startDirectory.utf8)
    if files.root.find(cwd) == nil { files.addDirectory(cwd) }
    return files
  }

  /// Without `.`, `//`; `..` stays for the walk, which knows the links.
  private static func normalised(_ path: String) -> String? {
    guard path.hasPrefix("/"), !path.hasSuffix(" (deleted)") else { return nil }
    return "/" + path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
  }

  /// The files, and the program's path inside.
  public func gather() throws(HostError) -> (FileSet, executable: String) {
    let files = FileSet()
    files.keepsOwners = keepsOwners
    var environment: [String: String] = [:]
    for (name, value) in description.environment { environment[name] = value }
    let closure = Closure(
      files, searchPath: environment["PATH"] ?? "",
      libraryPath: environment["LD_LIBRARY_PATH"] ?? "")
    let executable: String
    if let rootfs {
      var base = Array(rootfs.utf8)
      while base.count > 1, base.last == 0x2F { base.removeLast() }
      if base == [0x2F] { base = [] }
      var scan = RootScan(base: base.isEmpty ? [0x2F] : base, files: files)
      for path in [output, rootfs + "/" + output] {
        if let s = status(Array(path.utf8)) { scan.excluded.append(FileIdentity(s)) }
      }
      try scan.run()
      executable = try findInTree(files, environment["PATH"] ?? "")
    } else {
      executable = try findProgram(closure, environment["PATH"] ?? "")
      try addProgram(executable, to: closure)
      // `sh -c SCRIPT` is a script, too.
      if let argv = description.argv, let option = argv.firstIndex(of: "-c"),
        option + 1 < argv.count,
        let name = executable.split(separator: "/").last, Closure.isShell(name)
      {
        try closure.addCommands(in: argv[option + 1], reason: "named by the script in loader.argv")
      }
    }
    for path in description.trustedFiles {
      guard access(path, F_OK) == 0 else {
        throw HostError("sgx.trusted_files: \(path): \(errorText())")
      }
      try closure.add(path, reason: "sgx.trusted_files")
    }
    for mount in description.mounts {
      if case .chroot(let source) = mount.kind { try copy(source, to: mount.path, files) }
      files.addDirectory(Array(mount.path.utf8))
    }
    for volume in description.volumes { files.addDirectory(volume.path) }
    if rootfs == nil {
      try closure.addRuntimeFiles(
        environment: environment, uid: description.uid, gid: description.gid,
        usesNetwork: description.network == .host)
    }
    let cwd = Array(description.startDirectory.utf8)
    if files.root.find(cwd) == nil { files.addDirectory(cwd) }
    return (files, executable)
  }

  /// The program's path inside.
  private func findProgram(_ closure: Closure, _ searchPath: String) throws(HostError) -> String {
    let program = description.entrypoint
    if let (host, _) = mounted(program) {
      guard access(host, F_OK) == 0 else {
        throw HostError("\(program): \(host): \(errorText())", exitCode: 127)
      }
      return program
    }
    if let found = closure.find(program) ?? absolute(program) { return found }
    throw HostError(
      program.contains("/")
        ? "\(program): \(errorText())" : "\(program): not found in PATH (\(searchPath))",
      exitCode: 127)
  }

  private func absolute(_ path: String) -> String? {
    guard path.contains("/"), let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }

  /// The program in a whole tree: by its path, or through PATH inside the tree.
  private func findInTree(_ files: FileSet, _ path: String) throws(HostError) -> String {
    let program = description.entrypoint
    let candidates =
      program.hasPrefix("/")
      ? [program] : path.split(separator: ":").map { "\($0)/\(program)" }
    for candidate in candidates where Self.resolve(candidate, files.root) != nil {
      return candidate
    }
    throw HostError("\(program): not in the tree \(rootfs ?? "")", exitCode: 127)
  }

  /// Follows a path inside the tree, links included.
  static func resolve(_ path: String, _ root: TreeNode) -> TreeNode? {
    var rest = path.split(separator: "/").map { Array($0.utf8) }[...]
    var stack = [root]
    var links = 0
    while let part = rest.popFirst() {
      if part == [0x2E] { continue }
      if part == [0x2E, 0x2E] {
        if stack.count > 1 { stack.removeLast() }
        continue
      }
      guard let next = stack.last?.children[part] else { return nil }
      if case .symlink(let target) = next.kind {
        links += 1
        if links > 40 { return nil }
        if target.first == 0x2F { stack = [root] }
        rest = target.split(separator: 0x2F).map { Array($0) } + rest
        continue
      }
      stack.append(next)
    }
    return stack.last
  }

  /// fs.mounts of type chroot: a copy of a folder at another place.
  private func copy(_ source: String, to guest: String, _ files: FileSet) throws(HostError) {
    guard let s = status(Array(source.utf8)) else {
      throw HostError("fs.mounts: \(source): \(errorText())")
    }
    guard s.st_mode & S_IFMT == S_IFDIR else {
      let (directory, name) = FileSet.split(Array(guest.utf8))
      if let node = files.node(Array(source.utf8), s) {
        files.root.makeDirectories(directory).insert(name, node)
        files.note(Array(guest.utf8), "fs.mounts: \(source)")
      }
      return
    }
    let inner = FileSet()
    inner.keepsOwners = files.keepsOwners
    try RootScan(base: Array(source.utf8), files: inner).run()
    let at = files.root.makeDirectories(Array(guest.utf8))
    for (name, node) in inner.root.sortedChildren { at.insert(name, node) }
    files.newest(inner.newestNs)
    files.note(Array(guest.utf8), "fs.mounts: \(source)")
  }

  /// What file times are clamped to: SOURCE_DATE_EPOCH, else the newest commit when the tree is a git checkout,
  /// else the tree's newest file (nil).
  private func newestNs() throws(HostError) -> Int64? {
    if let text = environmentText("SOURCE_DATE_EPOCH") {
      guard let epoch = Int64(text), epoch >= 0, epoch < 1 << 33 else {
        throw HostError("SOURCE_DATE_EPOCH=\(text): not a number of seconds since 1970")
      }
      return epoch * 1_000_000_000
    }
    guard let rootfs, access(rootfs + "/.git", F_OK) == 0,
      let out = ExternalCommand.run(
        "git -C '\(rootfs.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''"))' "
          + "log -1 --format=%ct", input: [], limit: 64),
      let epoch = Int64(
        String(decoding: out, as: UTF8.self).split(separator: "\n").first.map(String.init) ?? "")
    else { return nil }
    return epoch * 1_000_000_000
  }

  private func environmentText(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }
}
