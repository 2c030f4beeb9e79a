import Glibc
import HostRuntime
import PayloadFormat

/// Writes a payload folder: beside its place first, then renamed, so that there is a whole one or none.
public struct PayloadWriter {
  public struct Summary: Sendable {
    public var inodeCount = 0
    public var fileCount = 0
    public var cachedCount = 0
    public var bytesHashed: UInt64 = 0
    public var dataSize: UInt64 = 0
    public var manifestSize = 0
    public var newestNs: Int64 = 0
  }

  public let files: FileSet
  public let output: String
  public var usesCache = true
  public var progress = Progress()

  public init(_ files: FileSet, output: String) {
    self.files = files
    self.output = output
  }

  /// - Parameters:
  ///   - configuration: all but the manifest, which is filled in.
  ///   - image: path of the enclave image to put in.
  ///   - newestNs: what file times are clamped to; nil: the tree's newest.
  public func write(
    _ configuration: MeasuredConfiguration, image: String, newestNs: Int64?
  ) throws(HostError) -> Summary {
    try checkOutput()
    files.settleDirectoryTimes()
    var cache = HashCache(isEnabled: usesCache)
    let hashed = try Hashing.run(files.allContents, cache: &cache, progress: progress)
    cache.save()
    let newest = newestNs ?? files.newestNs
    let tree = TreeWriter(files.root, newestNs: newest)
    let manifestHash = ContentHash(tree.manifest)
    var configuration = configuration
    configuration.manifest = MeasuredConfiguration.Manifest(
      root: manifestHash.root, size: UInt64(tree.manifest.count))
    let encoded = configuration.encoded()
    guard encoded.count <= Int(EnclaveLayout.configurationMaximumSize) else {
      throw HostError("arguments and environment are too long for the measured configuration")
    }

    let folder = "\(output).partial.\(getpid())"
    try Self.makeFolder(folder)
    do throws(HostError) {
      try Self.write(encoded, folder, PayloadFolder.configurationName)
      try Self.write(
        try readFile(image, limit: 1 << 30, what: "enclave image"), folder,
        PayloadFolder.imageName)
      // The nodes of the manifest's own tree follow it.
      try Self.write(
        tree.manifest + manifestHash.nodes, folder, PayloadFolder.manifestName)
      try writeData(tree, folder)
      try Self.write(explanation(), folder, PayloadFolder.explanationName)
      try install(folder)
    } catch {
      Self.removeFolder(folder)
      throw error
    }
    var summary = Summary()
    summary.inodeCount = tree.inodeCount
    summary.fileCount = hashed.fileCount
    summary.cachedCount = hashed.cachedCount
    summary.bytesHashed = hashed.bytesHashed
    summary.dataSize = tree.dataSize
    summary.manifestSize = tree.manifest.count
    summary.newestNs = newest
    return summary
  }

  /// What is there already must be a payload, which is replaced, or nothing.
  private func checkOutput() throws(HostError) {
    guard lstatus(Array(output.utf8)) != nil else { return }
    guard PayloadFolder.isPayload(output) else {
      throw HostError("\(output): exists and is not a payload folder; choose another -o")
    }
    let unknown = (names(in: Array(output.utf8)) ?? []).map(text)
      .filter { !PayloadFolder.fileNames.contains($0) }
    guard unknown.isEmpty else {
      throw HostError(
        "\(output): holds \(unknown[0]), which no payload has, and would be lost; choose another -o"
      )
    }
  }

  private static func makeFolder(_ path: String) throws(HostError) {
    guard mkdir(path, 0o755) == 0 else { throw HostError("cannot make \(path): \(errorText())") }
  }

  static func write(_ bytes: [UInt8], _ folder: String, _ name: String) throws(HostError) {
    let path = folder + "/" + name
    let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard fd >= 0 else { throw HostError("cannot write \(path): \(errorText())") }
    defer { close(fd) }
    var failure: HostError?
    bytes.withUnsafeBytes { bytes in
      do throws(HostError) { try writeAll(fd, bytes, path) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  private func writeData(_ tree: TreeWriter, _ folder: String) throws(HostError) {
    let path = folder + "/" + PayloadFolder.dataName
    let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard fd >= 0 else { throw HostError("cannot write \(path): \(errorText())") }
    defer { close(fd) }
    guard ftruncate(fd, off_t(tree.dataSize)) == 0 else {
      throw HostError("cannot write \(path): \(errorText())")
    }
    func put(_ bytes: [UInt8], at offset: UInt64) throws(HostError) {
      lseek(fd, off_t(offset), SEEK_SET)
      var failure: HostError?
      bytes.withUnsafeBytes { bytes in
        do throws(HostError) { try writeAll(fd, bytes, path) } catch { failure = error }
      }
      if let failure { throw failure }
    }
    var done: UInt64 = 0
    for content in tree.contents {
      if let nodes = content.hash?.nodes, !nodes.isEmpty {
        try put(nodes, at: content.nodesOffset)
      }
      if content.size > 0 {
        switch content.source {
        case .bytes(let bytes): try put(bytes, at: content.contentOffset)
        case .file(let host):
          guard let identity = content.identity else { break }
          let file = try MappedContent(host, identity)
          lseek(fd, off_t(content.contentOffset), SEEK_SET)
          try file.copy(to: fd)
          try file.checkUnchanged()
        }
      }
      if !content.sites.isEmpty { try put(content.sites, at: content.sitesOffset) }
      done += content.size
      progress.show("writing", done, of: tree.dataSize)
    }
    progress.clear()
  }

  /// For people, not measured: why each file is in.
  private func explanation() -> [UInt8] {
    var out: [UInt8] = []
    for path in files.reasons.keys.sorted() {
      for reason in files.reasons[path] ?? [] { out += Array("\(path)\t\(reason)\n".utf8) }
    }
    return out
  }

  private func install(_ folder: String) throws(HostError) {
    let old = "\(output).old.\(getpid())"
    let had = rename(output, old) == 0
    guard rename(folder, output) == 0 else {
      let reason = errorText()
      if had { rename(old, output) }
      throw HostError("cannot write \(output): \(reason)")
    }
    if had { Self.removeFolder(old) }
  }

  /// Removes a payload folder, and nothing that is not one's file.
  static func removeFolder(_ path: String) {
    for name in PayloadFolder.fileNames { unlink(path + "/" + name) }
    rmdir(path)
  }
}
