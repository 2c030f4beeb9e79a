import Glibc

/// `--mount HOST:GUEST`: a host directory shown read-only.
public struct Mount: Sendable {
  public var host: String
  public var guest: String

  public init(_ text: String) throws(HostError) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0].first == "/", parts[1].first == "/" else {
      throw HostError("--mount \(text): use HOST:GUEST, both absolute paths")
    }
    host = String(parts[0])
    guest = String(parts[1])
    while guest.utf8.count > 1, guest.utf8.last == 0x2F { guest.removeLast() }
    guard access(host, R_OK) == 0 else {
      throw HostError("cannot read mount \(host): \(lastError()); check the path and its mode")
    }
  }

  /// `HOST\0GUEST`, as the measured configuration has it.
  public var record: [UInt8] { Array(host.utf8) + [0] + Array(guest.utf8) }
}

/// Where a path of the enclave lies on the host: under the longest mount that covers it, else as is.
func hostPath(_ guest: String, mounts: [Mount]) -> String {
  var best: Mount?
  for mount in mounts where guest == mount.guest || guest.hasPrefix(mount.guest + "/") {
    if best == nil || best!.guest.utf8.count < mount.guest.utf8.count { best = mount }
  }
  guard let best else { return guest }
  return best.host + String(guest.dropFirst(best.guest.count))
}
