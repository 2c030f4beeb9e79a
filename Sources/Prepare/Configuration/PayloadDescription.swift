import HostRuntime
import PayloadFormat
import TOMLInput
import TOMLKit

/// What payload.toml says (Docs/Payload.md), or what is assumed for a program that is named on the command line.
public struct PayloadDescription {
  public struct Mount: Equatable {
    public enum Kind: Equatable {
      /// A verified copy of a folder of the machine that prepares.
      case chroot(source: String)
      /// Bytes; 0: as much as there is.
      case tmpfs(size: UInt64)
      case insecurePassthrough(source: String)
    }
    public var kind: Kind
    public var path: String
  }
  public var entrypoint = ""
  public var argv: [String]?
  public var environment: [(name: String, value: String)] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root"),
    ("LANG", "C.UTF-8"),
  ]
  public var uid: UInt32 = 0
  public var gid: UInt32 = 0
  public var startDirectory = "/"
  public var hostName = "cloister"
  public var mounts: [Mount] = []
  public var volumes: [VolumeMount] = []
  public var trustedFiles: [String] = []
  public var memorySize: UInt64 = 4 << 30
  public var pageCacheSize: UInt64 = 0
  public var threadCount: UInt32 = 64
  public var isvProdID: UInt16 = 0
  public var isvSVN: UInt16 = 0
  public var flags: MeasuredConfiguration.Flags = []
  public var network: MeasuredConfiguration.Network = .none

  public init() {}

  public init(program: String) { entrypoint = program }

  /// - Parameter folder: what relative paths are relative to.
  public init(toml text: String, file: String, folder: String) throws(HostError) {
    let root: TOMLTable
    do throws(TOMLInput.Failure) { root = try TOMLInput.parse(text) } catch {
      throw HostError("\(file):\(error.line):\(error.column): not TOML: \(error.reason)")
    }
    let context = DescriptionReader.Context(file: file, location: TOMLLocation(text))
    let reader = DescriptionReader(root, path: [], context: context)
    func host(_ uri: String) -> String {
      let path = uri.hasPrefix("file:") ? String(uri.dropFirst(5)) : uri
      return path.hasPrefix("/") ? path : folder + "/" + path
    }
    try readLoader(reader)
    if let fs = try reader.table("fs") { try readFiles(fs, host) }
    if let sgx = try reader.table("sgx") {
      try readSGX(sgx, host)
    } else {
      flags.insert(.remoteAttestation)
    }
    if let sys = try reader.table("sys") {
      if let name = try sys.string("host_name") { hostName = name }
      if try sys.flag("insecure_kernel_log") == true { flags.insert(.insecureKernelLog) }
      if try sys.flag("insecure_strace") == true {
        flags.formUnion([.insecureStrace, .insecureKernelLog])
      }
      try sys.finish(refused: [
        "stack": "the stack is as large as the program asks for (RLIMIT_STACK); remove the key",
        "enable_sigterm_injection": "signals of the host never reach the program; remove the key",
        "enable_extra_runtime_domain_names_conf":
          "nothing of the host reaches the program; put /etc/resolv.conf into sgx.trusted_files",
      ])
    }
    if let net = try reader.table("net") {
      switch try net.string("policy") {
      case nil, "none": network = .none
      case "host": network = .host
      case let other?: throw net.error("policy", "\"\(other)\" is not known; use none or host")
      }
      try net.finish()
    }
    if try reader.flag("inputs_are_data") == true { flags.insert(.inputsAreData) }
    if let job = try reader.table("job") { try readJob(job) }
    try readVolumes(reader, host)
    try reader.finish()
    guard !entrypoint.isEmpty else {
      throw HostError("\(file): libos.entrypoint is missing: which program is to run?")
    }
  }

  private mutating func readLoader(_ reader: DescriptionReader) throws(HostError) {
    if let libos = try reader.table("libos") {
      if let program = try libos.string("entrypoint") { entrypoint = program }
      try libos.finish(refused: ["check_invalid_pointers": "pointers are always checked"])
    }
    guard let loader = try reader.table("loader") else { return }
    if let program = try loader.string("entrypoint") {
      guard entrypoint.isEmpty else {
        throw loader.error("entrypoint", "libos.entrypoint says it already; keep one of them")
      }
      entrypoint = program
    }
    argv = try loader.strings("argv")
    if let argv, argv.isEmpty { throw loader.error("argv", "empty; argv[0] is the program's name") }
    if let env = try loader.table("env") {
      for name in env.keys.sorted() {
        guard !name.isEmpty, !name.contains("=") else {
          throw env.error(name, "not a variable's name")
        }
        environment.removeAll { $0.name == name }
        if let details = try? env.table(name) {
          if try details.flag("passthrough") == true {
            throw env.error(
              name,
              "passthrough is not possible: nothing of the host reaches the program; give the value"
            )
          }
          guard let value = try details.string("value") else {
            throw env.error(name, "has no value")
          }
          try details.finish()
          environment.append((name, value))
        } else if let value = try env.string(name) {
          environment.append((name, value))
        }
      }
      environment.sort { $0.name < $1.name }
    }
    if let n = try loader.integer("uid", in: 0...Int(UInt32.max) - 1) { uid = UInt32(n) }
    if let n = try loader.integer("gid", in: 0...Int(UInt32.max) - 1) { gid = UInt32(n) }
    let fromHost =
      "arguments and environment come only from the measured configuration; use loader."
    try loader.finish(refused: [
      "log_level": "use sys.insecure_kernel_log = true, which leaks what the program does",
      "insecure__use_cmdline_argv": fromHost + "argv",
      "insecure__use_host_env": fromHost + "env",
      "argv_src_file": fromHost + "argv",
      "env_src_file": fromHost + "env",
      "insecure__disable_aslr": "addresses are fixed by the layout; remove the key",
      "pal_internal_mem_size": "the kernel takes what it needs; remove the key",
    ])
  }

  /// Docs/Job.md
  private mutating func readJob(_ job: DescriptionReader) throws(HostError) {
    flags.insert(.acceptsJobs)
    guard flags.contains(.remoteAttestation) else {
      throw job.error("arguments", "jobs need quotes; remove sgx.remote_attestation")
    }
    if try job.flag("arguments") == true { flags.insert(.jobArguments) }
    if try job.flag("environment") == true {
      guard !flags.contains(.inputsAreData) else {
        throw job.error(
          "environment",
          "variables such as LD_PRELOAD make code of data; remove the key, or inputs_are_data")
      }
      flags.insert(.jobEnvironment)
    }
    if try job.flag("insecure_show_output") == true { flags.insert(.insecureJobStreams) }
    try job.finish()
  }

  private mutating func readFiles(
    _ fs: DescriptionReader, _ host: (String) -> String
  ) throws(HostError) {
    if let directory = try fs.string("start_dir") {
      guard directory.hasPrefix("/") else { throw fs.error("start_dir", "not an absolute path") }
      startDirectory = directory
    }
    if let n = try fs.size("page_cache_size") { pageCacheSize = n }
    for mount in try fs.tables("mounts") {
      guard let path = try mount.string("path"), path.hasPrefix("/"), path != "/" else {
        throw mount.error("path", "missing, or not an absolute path below /")
      }
      let type = try mount.string("type") ?? "chroot"
      let uri = try mount.string("uri")
      func source() throws(HostError) -> String {
        guard let uri else { throw mount.error("uri", "missing: which folder?") }
        return host(uri)
      }
      switch type {
      case "chroot": mounts.append(Mount(kind: .chroot(source: try source()), path: path))
      case "tmpfs":
        let size = try mount.size("size") ?? 0
        mounts.append(Mount(kind: .tmpfs(size: size), path: path))
      case "insecure_passthrough":
        mounts.append(Mount(kind: .insecurePassthrough(source: try source()), path: path))
      case "encrypted":
        throw mount.error("type", "what is to be encrypted is a volume; use [[volumes]]")
      default:
        throw mount.error(
          "type", "\"\(type)\" is not known; use chroot, tmpfs or insecure_passthrough")
      }
      try mount.finish(
        refused: type == "tmpfs" ? [:] : ["size": "only a mount of type tmpfs has a size"])
    }
    try fs.finish(refused: [
      "root": "the root is the payload's; use `cloister prepare --rootfs DIR` for a whole tree",
      "insecure__keys": "keys in a manifest protect nothing; remove the key",
    ])
  }

  private mutating func readSGX(
    _ sgx: DescriptionReader, _ host: (String) -> String
  ) throws(HostError) {
    trustedFiles = (try sgx.strings("trusted_files") ?? []).map(host)
    if let n = try sgx.size("enclave_size") {
      guard n >= 32 << 20 else { throw sgx.error("enclave_size", "too small; give it 32M or more") }
      memorySize = n
    }
    if let n = try sgx.integer("max_threads", in: 1...EnclaveLayout.maximumThreadCount) {
      threadCount = UInt32(n)
    }
    if let n = try sgx.integer("isvprodid", in: 0...65535) { isvProdID = UInt16(n) }
    if let n = try sgx.integer("isvsvn", in: 0...65535) { isvSVN = UInt16(n) }
    if try sgx.flag("insecure_debug") == true { flags.insert(.insecureDebug) }
    switch try sgx.string("remote_attestation") {
    case nil, "dcap": flags.insert(.remoteAttestation)
    case "none": break
    case let other?:
      throw sgx.error("remote_attestation", "\"\(other)\" is not known; use dcap or none")
    }
    if let cpu = try sgx.table("cpu_features") {
      let features: [(String, MeasuredConfiguration.Flags, MeasuredConfiguration.Flags)] = [
        ("avx", .requiresAVX, .refusesAVX), ("avx512", .requiresAVX512, .refusesAVX512),
      ]
      for (name, required, refused) in features {
        switch try cpu.string(name) {
        case nil, "unspecified": break
        case "required": flags.insert(required)
        case "disabled": flags.insert(refused)
        case let other?:
          throw cpu.error(name, "\"\(other)\" is not known; use unspecified, required or disabled")
        }
      }
      try cpu.finish()
    }
    try sgx.finish(refused: [
      "debug": "use sgx.insecure_debug = true: a debug enclave protects nothing",
      "thread_num": "use sgx.max_threads",
      "allowed_files":
        "files that nobody checks: use an fs.mounts entry of type insecure_passthrough",
      "file_check_policy": "files that are not in the payload do not exist; remove the key",
      "edmm_enable": "both profiles are measured and signed; choose with `cloister run --profile`",
      "nonpie_binary": "ET_EXEC programs always work; remove the key",
      "preheat_enclave": "use `cloister run --profile fixed`, which adds all memory at the start",
    ])
  }

  /// What is measured, but for the manifest.
  public func configuration(executable: String) throws(HostError) -> MeasuredConfiguration {
    var c = MeasuredConfiguration()
    c.executable = Array(executable.utf8)
    c.arguments = (argv ?? [entrypoint]).map { Array($0.utf8) }
    c.environment = environment.map { Array("\($0.name)=\($0.value)".utf8) }
    c.workingDirectory = Array(startDirectory.utf8)
    c.hostName = Array(hostName.utf8)
    c.uid = uid
    c.gid = gid
    c.memorySize = memorySize
    c.pageCacheSize = pageCacheSize
    c.threadCount = threadCount
    c.isvProdID = isvProdID
    c.isvSVN = isvSVN
    c.flags = flags
    c.network = network
    for mount in mounts {
      switch mount.kind {
      case .chroot: break
      case .tmpfs(let size):
        c.temporaryMounts.append(TemporaryMount(path: Array(mount.path.utf8), size: size))
      case .insecurePassthrough(let source):
        c.insecureMounts.append(Array(source.utf8) + [0] + Array(mount.path.utf8))
      }
    }
    c.volumes = volumes
    return c
  }
}
