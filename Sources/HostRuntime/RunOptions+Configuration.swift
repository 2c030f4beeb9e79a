import Glibc
import PayloadFormat

extension RunOptions {
  static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  func parsedMounts() throws(HostError) -> [Mount] {
    var out: [Mount] = []
    for mount in mounts { out.append(try Mount(mount)) }
    // /tmp inside is the enclave's own. A person who works below the host's /tmp means those files.
    for folder in [workingDirectory ?? currentDirectory(), programFolder] {
      guard let folder, folder.hasPrefix("/tmp/"),
        !out.contains(where: { folder == $0.guest || folder.hasPrefix($0.guest + "/") })
      else { continue }
      if let mount = try? Mount("\(folder):\(folder)") { out.append(mount) }
    }
    return out
  }

  /// What the program finds in `environ`: later settings win, in the order in which they came first.
  func fullEnvironment() -> [String] {
    var order: [String] = []
    var values: [String: String] = [:]
    func set(_ pair: String) {
      guard let equals = pair.firstIndex(of: "=") else { return }
      let name = String(pair[..<equals])
      if values.updateValue(pair, forKey: name) == nil { order.append(name) }
    }
    if passesHostEnvironment {
      var at = environ
      while let pair = at.pointee {
        set(String(cString: pair))
        at += 1
      }
    } else {
      set("PATH=" + Self.defaultPath)
      set("HOME=" + (environmentVariable("HOME") ?? "/"))
      set("TERM=" + (environmentVariable("TERM") ?? "dumb"))
      set("LANG=C.UTF-8")
    }
    for pair in environment { set(pair) }
    return order.map { values[$0]! }
  }

  /// What is measured.
  func measuredConfiguration() throws(HostError) -> MeasuredConfiguration {
    if let memorySize, memorySize < 32 << 20 {
      throw HostError("--memory is too small for the library OS and a program; give it 32M or more")
    }
    if let memorySize, memorySize < 32 << 20 {
      throw HostError("--memory is too small for the library OS and a program; give it 32M or more")
    }
    if profile == .fixed, let memorySize, memorySize < EnclaveLayout.fixedMinimumMemory {
      throw HostError("--memory is too small for --profile fixed; give it 128M or more")
    }
    var c = MeasuredConfiguration()
    let mounts = try parsedMounts()
    let environment = fullEnvironment()
    let directory = workingDirectory ?? currentDirectory()
    let path = environment.first { $0.hasPrefix("PATH=") }.map { String($0.dropFirst(5)) }
    let search = ProgramSearch(
      path: path ?? Self.defaultPath, workingDirectory: directory, mounts: mounts)
    c.profile = profile
    c.executable = Array(try search.find(program[0]).utf8)
    c.arguments = program.map { Array($0.utf8) }
    c.environment = environment.map { Array($0.utf8) }
    c.workingDirectory = Array(directory.utf8)
    c.hostName = Array("cloister".utf8)
    c.insecureMounts = mounts.map(\.record)
    for volume in volumes { c.volumes.append(try VolumeOption(volume).mount) }
    c.uid = geteuid()
    c.gid = getegid()
    if let threadCount { c.threadCount = threadCount }
    c.memorySize = memorySize ?? Self.defaultMemory(profile)
    c.flags = [.insecureDevelopmentRoot]
    if hasRemoteAttestation { c.flags.insert(.remoteAttestation) }
    if wantsKernelLog || wantsStrace { c.flags.insert(.insecureKernelLog) }
    if wantsStrace { c.flags.insert(.insecureStrace) }
    return c
  }

  /// `fixed` adds all of its memory before the first instruction runs, so it gets less by default.
  static func defaultMemory(_ profile: MeasuredConfiguration.Profile) -> UInt64 {
    profile == .fixed ? 512 << 20 : MeasuredConfiguration().memorySize
  }

  /// The folder of a program that is given by its absolute path.
  private var programFolder: String? {
    guard let path = program.first, path.utf8.first == 0x2F,
      let slash = path.utf8.lastIndex(of: 0x2F)
    else { return nil }
    return String(path[..<slash])
  }

  private func currentDirectory() -> String {
    guard let path = getcwd(nil, 0) else { return "/" }
    defer { free(path) }
    return String(cString: path)
  }
}
