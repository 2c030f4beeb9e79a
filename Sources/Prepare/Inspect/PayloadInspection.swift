import HostRuntime
import PayloadFormat
import SGX
import SoftwareSGX

/// `cloister inspect`: everything that was measured, in words and as JSON, and what is weak about it.
public struct PayloadInspection {
  let folder: PayloadFolder
  let found: PayloadCheck.Found
  let mrenclave: [(name: String, value: [UInt8])]
  let signatures: [(name: String, value: SIGSTRUCT?)]

  public init(_ folder: PayloadFolder) throws(HostError) {
    self.folder = folder
    found = try PayloadCheck(folder).run(hashing: true)
    var hashes: [(String, [UInt8])] = []
    var signatures: [(String, SIGSTRUCT?)] = []
    for (name, profile) in [("edmm", MeasuredConfiguration.Profile.edmm), ("fixed", .fixed)] {
      let hash = try folder.builder(profile).measure()
      hashes.append((name, hash))
      let signature = try folder.signature(profile)
      if let signature {
        do throws(SGXError) { try signature.verifySignature() } catch {
          throw HostError("\(folder.path): the signature for \(name) is not valid (\(error))")
        }
        guard signature.enclaveHash == hash else {
          throw HostError(
            "\(folder.path): changed after it was signed (\(name) measures \(hexText(hash)), signed is "
              + "\(hexText(signature.enclaveHash)))")
        }
      }
      signatures.append((name, signature))
    }
    mrenclave = hashes
    self.signatures = signatures
  }

  var mrsigner: [UInt8]? { signatures.compactMap { $0.value?.mrsigner }.first }

  /// What a user who trusts this payload should know first.
  public var weaknesses: [String] {
    let c = folder.configuration
    var out: [String] = []
    if c.flags.contains(.insecureDebug) {
      out.append("DEBUG enclave: the host can read and change its memory; nothing is protected")
    }
    if c.flags.contains(.insecureDevelopmentRoot) {
      out.append("the host's own root file system is shown, unverified")
    }
    for mount in c.insecureMounts {
      let parts = mount.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
      out.append(
        "pass-through mount: files of the host's \(text(Array(parts[0]))) appear at "
          + "\(text(Array(parts.last ?? []))), unverified")
    }
    if c.flags.contains(.insecureStrace) {
      out.append("every system call is written to the host's terminal")
    } else if c.flags.contains(.insecureKernelLog) {
      out.append("the kernel logs to the host's terminal")
    }
    for volume in c.volumes where volume.keySource == .insecureKey {
      out.append(
        "the key of volume \(text(volume.name)) stands in the configuration: whoever has the payload can read "
          + "and change the volume")
    }
    if signatures.contains(where: { $0.value == nil }) { out.append("it is not signed") }
    for (name, s) in signatures {
      guard let s else { continue }
      if s.attributes.flags.contains(.DEBUG) != c.flags.contains(.insecureDebug)
        || !s.attributeMask.flags.contains(.DEBUG)
      {
        out.append("the signature for \(name) lets the host choose a debug enclave")
      }
    }
    return out
  }

  public var text: String {
    let c = folder.configuration
    var out = ""
    func line(_ name: String, _ value: String) {
      out += name + String(repeating: " ", count: max(1, 18 - name.count)) + value + "\n"
    }
    for w in weaknesses { out += "WEAK: \(w)\n" }
    for (name, value) in mrenclave { line("MRENCLAVE \(name)", hexText(value)) }
    line("MRSIGNER", mrsigner.map(hexText) ?? "not signed")
    line("ISVPRODID", "\(c.isvProdID)")
    line("ISVSVN", "\(c.isvSVN)")
    for (name, s) in signatures {
      if let s {
        line(
          "signed \(name)",
          "on \(String(s.date, radix: 16)), \(s.attributes.flags.contains(.DEBUG) ? "DEBUG" : "production")"
        )
      }
    }
    line("program", text(c.executable))
    line("arguments", c.arguments.map { quoted(text($0)) }.joined(separator: " "))
    for e in c.environment { line("environment", text(e)) }
    line("user", "\(c.uid):\(c.gid)")
    line("directory", text(c.workingDirectory))
    line("host name", text(c.hostName))
    line(
      "memory",
      "\(c.memorySize >> 20) MiB, of it file cache "
        + (c.pageCacheSize == 0 ? "an eighth" : "\(c.pageCacheSize >> 20) MiB"))
    line("threads", "\(c.threadCount)")
    line("network", c.network == .host ? "the host's" : "none")
    line("attestation", c.flags.contains(.remoteAttestation) ? "dcap" : "none")
    line("inputs are data", c.flags.contains(.inputsAreData) ? "yes" : "not said")
    for m in c.temporaryMounts {
      line("tmpfs", text(m.path) + (m.size == 0 ? "" : ", at most \(m.size) bytes"))
    }
    for v in c.volumes {
      line(
        "volume \(text(v.name))",
        "at \(text(v.path)), \(v.isReadOnly ? "read-only" : "read and write"), \(Self.words(v.keySource))"
          + (v.expectedRoot.map { ", only in state \(hexText($0))" } ?? ""))
    }
    line("system calls", c.systemCalls.map { "\(Self.numbers($0).count) allowed" } ?? "all")
    line(
      "files",
      "\(found.fileCount) files, \(found.directoryCount) directories, "
        + "\(found.linkCount) links, \(found.bytes >> 20) MiB, \(found.siteTableCount) with system-call sites"
    )
    if let m = c.manifest { line("manifest", "\(hexText(m.root)), \(m.size) bytes") }
    return out
  }

  public var json: String {
    let c = folder.configuration
    func strings(_ list: [[UInt8]]) -> JSONText { .array(list.map { .string(text($0)) }) }
    let mounts = c.insecureMounts.map { mount -> JSONText in
      let parts = mount.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
      return .object([
        ("host", .string(text(Array(parts[0])))), ("path", .string(text(Array(parts.last ?? [])))),
      ])
    }
    return JSONText.object([
      ("weaknesses", .array(weaknesses.map { .string($0) })),
      ("mrenclave", .object(mrenclave.map { ($0.name, .string(hexText($0.value))) })),
      ("mrsigner", mrsigner.map { .string(hexText($0)) } ?? .null),
      ("isvprodid", .number(UInt64(c.isvProdID))), ("isvsvn", .number(UInt64(c.isvSVN))),
      ("entrypoint", .string(text(c.executable))), ("argv", strings(c.arguments)),
      ("env", strings(c.environment)), ("uid", .number(UInt64(c.uid))),
      ("gid", .number(UInt64(c.gid))), ("startDir", .string(text(c.workingDirectory))),
      ("hostName", .string(text(c.hostName))), ("memory", .number(c.memorySize)),
      ("pageCache", .number(c.pageCacheSize)), ("threads", .number(UInt64(c.threadCount))),
      ("network", .string(c.network == .host ? "host" : "none")),
      ("remoteAttestation", .bool(c.flags.contains(.remoteAttestation))),
      ("inputsAreData", .bool(c.flags.contains(.inputsAreData))),
      ("debug", .bool(c.flags.contains(.insecureDebug))),
      (
        "tmpfs",
        .array(
          c.temporaryMounts.map {
            .object([("path", .string(text($0.path))), ("size", .number($0.size))])
          })
      ),
      (
        "volumes",
        .array(
          c.volumes.map {
            .object([
              ("name", .string(text($0.name))), ("path", .string(text($0.path))),
              ("readOnly", .bool($0.isReadOnly)), ("key", .string(Self.keyword($0.keySource))),
              ("expect", $0.expectedRoot.map { .string(hexText($0)) } ?? .null),
            ])
          })
      ),
      ("insecurePassthrough", .array(mounts)),
      (
        "systemCalls",
        c.systemCalls.map { .array(Self.numbers($0).map { .number(UInt64($0)) }) } ?? .null
      ),
      ("files", .number(UInt64(found.fileCount))),
      ("directories", .number(UInt64(found.directoryCount))),
      ("links", .number(UInt64(found.linkCount))), ("bytes", .number(found.bytes)),
      ("manifestRoot", c.manifest.map { .string(hexText($0.root)) } ?? .null),
      ("manifestSize", c.manifest.map { .number($0.size) } ?? .null),
    ]).rendered
  }

  static func numbers(_ bits: [UInt8]) -> [Int] {
    (0..<(bits.count * 8)).filter { bits[$0 / 8] >> UInt8($0 % 8) & 1 == 1 }
  }

  static func keyword(_ source: VolumeMount.KeySource) -> String {
    switch source {
    case .insecureKey: "insecure_key_file"
    case .sealingMRENCLAVE: "mrenclave"
    case .sealingMRSIGNER: "mrsigner"
    case .job: "job"
    }
  }

  private static func words(_ source: VolumeMount.KeySource) -> String {
    switch source {
    case .insecureKey: "INSECURE: its key is in the configuration"
    case .sealingMRENCLAVE: "its key is this payload's on one machine (MRENCLAVE)"
    case .sealingMRSIGNER:
      "its key is the signer's on one machine (MRSIGNER, this ISVSVN or a higher one)"
    case .job: "its key comes with a job"
    }
  }

  private func quoted(_ s: String) -> String {
    s.isEmpty
      || s.contains(where: { $0 == " " || $0 == "'" || $0 == "\"" || $0 == "\\" || $0 == "\n" })
      ? "'" + s.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
        + "'"
      : s
  }
  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}

/// `cloister measure PAYLOAD`.
public func measure(payload folder: PayloadFolder) throws(HostError) -> [String] {
  var lines: [String] = []
  for (name, profile) in [("edmm", MeasuredConfiguration.Profile.edmm), ("fixed", .fixed)] {
    lines.append("\(name)\t\(hexText(try folder.builder(profile).measure()))")
  }
  if let signature = try folder.signature(.edmm) {
    lines.append("MRSIGNER\t\(hexText(signature.mrsigner))")
  }
  return lines
}
