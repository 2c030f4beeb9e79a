import Glibc
import PayloadFormat

/// `--volume FILE:KEYFILE:GUEST[:ro]`: the developer's way to mount a sealed volume. The host reads the key and puts it
/// into the measured configuration, where it can be read: insecure by name. With `@mrenclave` or `@mrsigner` for KEYFILE
/// the key comes from the processor (EGETKEY), and an empty file becomes a new volume.
struct VolumeOption {
  var file: String
  var mount: VolumeMount

  init(_ text: String) throws(HostError) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3 || parts.count == 4 && parts[3] == "ro", !parts[0].isEmpty,
      !parts[1].isEmpty,
      parts[2].first == "/", parts[2].utf8.count > 1
    else {
      throw HostError(
        "--volume \(text): use FILE:KEYFILE:GUEST, or FILE:KEYFILE:GUEST:ro; GUEST is an absolute path"
      )
    }
    file = parts[0]
    var guest = parts[2]
    while guest.utf8.last == 0x2F { guest.removeLast() }
    guard !guest.isEmpty else { throw HostError("--volume \(text): a volume cannot be the root") }
    switch parts[1] {
    case "@mrenclave": mount = Self.mount(guest, .sealingMRENCLAVE)
    case "@mrsigner": mount = Self.mount(guest, .sealingMRSIGNER)
    default:
      mount = Self.mount(guest, .insecureKey)
      mount.insecureKey = try VolumeKeyFile.read(parts[1])
    }
    mount.isReadOnly = parts.count == 4
  }

  /// On the command line a volume is called by its mount point.
  private static func mount(_ guest: String, _ source: VolumeMount.KeySource) -> VolumeMount {
    VolumeMount(name: Array(guest.utf8), path: Array(guest.utf8), keySource: source)
  }
}

/// A key file: 32 bytes as 64 hexadecimal digits and a newline, readable by its owner alone.
public enum VolumeKeyFile {
  public static func read(_ path: String) throws(HostError) -> [UInt8] {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { throw HostError("cannot read the key file \(path): \(lastError())") }
    defer { close(fd) }
    var status = stat()
    guard fstat(fd, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw HostError("the key file \(path) is not a regular file")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw HostError("the key file \(path) can be read by others; run `chmod 600 \(path)`")
    }
    var text = [UInt8](repeating: 0, count: 66)
    let n = text.withUnsafeMutableBytes { Glibc.read(fd, $0.baseAddress, $0.count) }
    guard n == 64 || n == 65 && text[64] == 0x0A else {
      throw HostError("the key file \(path) does not hold 64 hexadecimal digits")
    }
    guard let key = hexadecimal(String(decoding: text[..<64], as: UTF8.self)) else {
      throw HostError("the key file \(path) does not hold 64 hexadecimal digits")
    }
    return key
  }
}
