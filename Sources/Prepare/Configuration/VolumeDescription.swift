import HostRuntime
import PayloadFormat

/// `[[volumes]]` of payload.toml: where sealed volumes are mounted and where their keys come from. Which file each one
/// is, `cloister run --volume NAME=FILE` says.
extension PayloadDescription {
  mutating func readVolumes(
    _ reader: DescriptionReader, _ host: (String) -> String
  ) throws(HostError) {
    for table in try reader.tables("volumes") {
      guard let path = try table.string("path"), Self.isPlainPath(path) else {
        throw table.error("path", "missing, or not an absolute path below / without ., .. and //")
      }
      let name = try table.string("name") ?? ""
      guard !name.isEmpty, name.utf8.allSatisfy(Self.isNameCharacter) else {
        throw table.error("name", "missing, or not of letters, digits, `-`, `_` and `.` alone")
      }
      var volume = VolumeMount(
        name: Array(name.utf8), path: Array(path.utf8), keySource: .sealingMRENCLAVE)
      let keyFile = try table.string("insecure_key_file")
      switch try table.string("key") {
      case nil:
        guard let keyFile else {
          throw table.error("key", "missing; use \"mrsigner\", \"mrenclave\" or \"job\"")
        }
        volume.keySource = .insecureKey
        do throws(HostError) { volume.insecureKey = try VolumeKeyFile.read(host(keyFile)) } catch {
          throw table.error("insecure_key_file", error.description)
        }
      case .some where keyFile != nil:
        throw table.error("key", "insecure_key_file is there, too; keep one of them")
      case "mrenclave": volume.keySource = .sealingMRENCLAVE
      case "mrsigner": volume.keySource = .sealingMRSIGNER
      case "job":
        guard flags.contains(.acceptsJobs) else {
          throw table.error("key", "the payload takes no jobs; add a [job] table")
        }
        guard name.utf8.count <= 64 else {
          throw table.error("name", "at most 64 characters where the key comes with a job")
        }
        volume.keySource = .job
      case let other?:
        throw table.error(
          "key", "\"\(other)\" is not known; use \"mrsigner\", \"mrenclave\" or \"job\"")
      }
      volume.isReadOnly = try table.flag("read_only") ?? false
      if let text = try table.string("expect") {
        guard let root = hexadecimal(text), root.count == 40 else {
          throw table.error(
            "expect", "not the 80 hexadecimal digits that `cloister volume check` prints")
        }
        volume.expectedRoot = root
      }
      try table.finish(refused: [
        "type": "every volume is a sealed one; remove the key",
        "uri": "the file is given when the payload is run: `cloister run --volume \(name)=FILE`",
        "key_name": "use key: \"mrsigner\", \"mrenclave\" or \"job\"",
        "key_file":
          "a key that the payload carries protects nothing; use key, or insecure_key_file while developing",
      ])
      guard !volumes.contains(where: { $0.name == volume.name }) else {
        throw table.error("name", "there are two volumes \(name)")
      }
      volumes.append(volume)
    }
    guard volumes.filter({ $0.keySource == .job }).count <= 16 else {
      throw reader.error("volumes", "at most 16 can have keys that come with a job")
    }
    try refuseNestedMounts(reader)
  }

  /// What is mounted below a volume would become a directory of the volume; two mounts at one place hide each other.
  private func refuseNestedMounts(_ reader: DescriptionReader) throws(HostError) {
    let job = flags.contains(.acceptsJobs) ? ["/input", "/output"] : []
    let others = mounts.map(\.path) + ["/proc", "/sys", "/dev"] + job
    for (i, volume) in volumes.enumerated() {
      let path = String(decoding: volume.path, as: UTF8.self)
      let all = volumes.map { String(decoding: $0.path, as: UTF8.self) } + others
      for (j, other) in all.enumerated() where i != j {
        if other == path || other.hasPrefix(path + "/") {
          throw reader.error("volumes", "\(other) is mounted at or below the volume at \(path)")
        }
      }
      for system in ["/proc", "/sys", "/dev"] + job where path.hasPrefix(system + "/") {
        throw reader.error("volumes", "\(path): nothing can be mounted below \(system)")
      }
    }
  }

  private static func isPlainPath(_ path: String) -> Bool {
    guard path.hasPrefix("/"), path != "/" else { return false }
    return path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
      .allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
  }

  private static func isNameCharacter(_ c: UInt8) -> Bool {
    switch c {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
    default: false
    }
  }
}
