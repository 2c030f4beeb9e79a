import CHostRuntime
import Glibc
import LinuxABI
import PayloadFormat
import SGX

/// `cloister run PAYLOAD`: builds the enclave that a payload folder describes and runs it.
extension Runner {
  mutating func run(payload path: String, offering: Offering? = nil) throws(HostError) -> Never {
    try options.refuseMeasuredOptions(payload: path)
    let folder = try PayloadFolder(path)
    let configuration = folder.configuration(options.profile)
    let volumeFiles = try options.volumeFiles(configuration, payload: path)
    let isDebug = configuration.flags.contains(.insecureDebug)
    let signature = try folder.signature(options.profile)
    guard signature != nil || isDebug else {
      throw HostError("\(path): the payload is not signed; use `cloister sign \(path) --key KEY`")
    }
    let report = try RunReport(options)
    clock.lap("payload")

    clh_close_from(3, offering.map(\.ready) ?? report.descriptor)
    let jobs = try offering?.broker(configuration: configuration.encoded())
    var mounts: [String] = []
    for record in configuration.insecureMounts {
      let host = String(decoding: record.prefix { $0 != 0 }, as: UTF8.self)
      mounts.append(host)
    }
    let state = try StateFolder()
    let root = try DevelopmentRoot(
      mounts: mounts, showsRoot: configuration.flags.contains(.insecureDevelopmentRoot))
    let choice = try MachineChoice(options.machine, isStrict: options.isStrict)
    let broker = try Broker.fork(
      serving: root, quoting: QuotingSide(isHardware: choice.kind == .hardware),
      jobs: jobs
    ) { (mrenclave, attributes) throws(HostError) in
      // Only an enclave that says of itself that it is a debug enclave gets the debug key's signature.
      guard isDebug else { throw HostError("the debug key signs debug enclaves only") }
      return try DebugSigner(state).sign(
        mrenclave: mrenclave, attributes: ATTRIBUTES(attributes)
      ).encoded()
    }
    _ = TSCFrequency.shared
    let objects = try PayloadObjects(folder)
    let volumes = try VolumeFiles(
      volumeFiles, expectations: options.expectedRoots, savedTo: options.savedRoots)
    clock.lap("broker")

    if !options.isQuiet, let warning = choice.payloadWarning(isDebug: isDebug) {
      EnclaveProcess.say(warning)
    }
    if options.binding != nil, let signature, signature.attributeMask.flags.contains(.KSS),
      !signature.attributes.flags.contains(.KSS)
    {
      throw HostError(
        "\(path): its signature does not permit KSS, so no instance can belong to one owner; sign the "
          + "payload again")
    }
    let builder = folder.builder(
      options.profile, xfrm: Self.xfrm(for: signature), binding: options.binding)
    let built = try choice.build(builder, clock: &clock) {
      (mrenclave, attributes) throws(HostError) in
      guard let signature else {
        return try broker.sigstruct(mrenclave: mrenclave, attributes: attributes)
      }
      guard signature.enclaveHash == mrenclave else {
        throw HostError(
          "\(path): changed after it was signed (measured \(hexText(mrenclave)), signed "
            + "\(hexText(signature.enclaveHash))); get it again, or prepare and sign it again")
      }
      return signature
    }

    let timings = clock
    let machineName = choice.name
    let process = EnclaveProcess(
      machine: built.machine, configuration: configuration, source: broker, payload: objects,
      quoting: broker, volumes: volumes,
      jobs: offering.map {
        JobObjects(
          owner: $0.options.owner.encoded(),
          key: $0.options.keyFile == nil ? nil : $0.options.key, broker: broker)
      }
    ) { process, code in
      report.write(
        machine: machineName, mrenclave: built.mrenclave, timings: timings, exitCode: code,
        statistics: process.statistics(), volumes: process.volumes.roots.all)
    }
    let signals = SignalWait()
    try Sandbox.enter(allowsNetwork: configuration.network == .host)
    do throws(Errno) {
      try process.start(0)
    } catch {
      throw HostError("cannot start the first thread")
    }
    process.end(128 + signals.waitForEnd())
  }

  /// What of this CPU's state components the signature lets the enclave have.
  static func xfrm(for signature: SIGSTRUCT?) -> ATTRIBUTES.XFRM {
    guard let signature else { return supportedXFRM() }
    let allowed = signature.attributes.xfrm.rawValue | ~signature.attributeMask.xfrm.rawValue
    return supportedXFRM().intersection(ATTRIBUTES.XFRM(rawValue: allowed))
  }
}

extension RunOptions {
  /// The files of a payload's volumes, in the order of its configuration: each needs a `--volume NAME=FILE`.
  func volumeFiles(
    _ configuration: MeasuredConfiguration, payload: String
  ) throws(HostError) -> [VolumeFiles.File] {
    var paths: [String: String] = [:]
    let names = configuration.volumes.map { String(decoding: $0.name, as: UTF8.self) }
    for text in volumes {
      guard let equals = text.firstIndex(of: "="), equals != text.startIndex,
        text.index(after: equals) != text.endIndex
      else {
        throw HostError(
          "--volume \(text): use NAME=FILE; where it is mounted and what its key is, "
            + "\(payload) says")
      }
      let name = String(text[..<equals])
      guard names.contains(name) else {
        throw HostError(
          "--volume \(text): \(payload) has no volume \(name)"
            + (names.isEmpty ? "" : "; it has \(names.joined(separator: ", "))"))
      }
      guard paths.updateValue(String(text[text.index(after: equals)...]), forKey: name) == nil
      else {
        throw HostError("--volume \(text): \(name) is given twice")
      }
    }
    var out: [VolumeFiles.File] = []
    for (name, mount) in zip(names, configuration.volumes) {
      guard let path = paths[name] else {
        throw HostError(
          "\(payload) needs its volume \(name) "
            + "(at \(String(decoding: mount.path, as: UTF8.self))); "
            + "give its file with --volume \(name)=FILE")
      }
      out.append(.init(mount, path: path))
    }
    return out
  }

  /// What a payload says itself cannot be said on the command line: nothing from the host reaches the program.
  func refuseMeasuredOptions(payload: String) throws(HostError) {
    func refuse(_ isGiven: Bool, _ option: String, _ key: String) throws(HostError) {
      guard isGiven else { return }
      throw HostError(
        "\(option) is part of the measured configuration of \(payload); set \(key) in payload.toml, "
          + "prepare and sign")
    }
    try refuse(program.count > 1, "an argument", "loader.argv")
    try refuse(!environment.isEmpty, "--env", "loader.env")
    try refuse(passesHostEnvironment, "--env-host", "loader.env")
    try refuse(workingDirectory != nil, "--cwd", "fs.start_dir")
    try refuse(!mounts.isEmpty, "--mount", "fs.mounts")
    try refuse(memorySize != nil, "--memory", "sgx.enclave_size")
    try refuse(threadCount != nil, "--threads", "sgx.max_threads")
    try refuse(wantsStrace, "--strace", "sys.insecure_strace")
    try refuse(wantsKernelLog, "--log", "sys.insecure_kernel_log")
    try refuse(imageFile != nil, "--image", "no key (the payload has its own image)")
  }
}
