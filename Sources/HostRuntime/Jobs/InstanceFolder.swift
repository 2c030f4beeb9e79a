import CHostRuntime
import Glibc

/// Where waiting instances and `cloister run --job` find each other: the user's state folder, mode 0700. An instance's
/// socket has the digest of its offer as its name, which every job for it states.
struct InstanceFolder {
  let path: String

  init(_ state: StateFolder) throws(HostError) {
    path = state.file("instances")
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw HostError("cannot make \(path): \(lastError())")
    }
  }

  func socket(offer digest: [UInt8]) -> String { "\(path)/\(hexText(Array(digest.prefix(16))))" }
  /// Before the instance has made its offer.
  func unnamedSocket(pid: pid_t) -> String { "\(path)/.\(pid)" }
  func log(pid: pid_t) -> String { "\(path)/\(pid).log" }

  /// A listening socket under the name of a process.
  func listen(pid: pid_t) throws(HostError) -> Int32 {
    removeLeftOvers()
    let name = unnamedSocket(pid: pid)
    let fd = Glibc.socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard fd >= 0 else { throw HostError("cannot make a socket: \(lastError())") }
    unlink(name)
    let bound = try Self.withAddress(name) { bind(fd, $0, $1) }
    guard bound == 0, Glibc.listen(fd, 4) == 0 else {
      throw HostError("cannot listen at \(name): \(lastError())")
    }
    return fd
  }

  /// nil: nobody is there.
  func connect(offer digest: [UInt8]) throws(HostError) -> Int32? {
    try Self.connect(socket(offer: digest))
  }

  private static func connect(_ name: String) throws(HostError) -> Int32? {
    let fd = Glibc.socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard fd >= 0 else { throw HostError("cannot make a socket: \(lastError())") }
    if try withAddress(name, { Glibc.connect(fd, $0, $1) }) == 0 { return fd }
    close(fd)
    return nil
  }

  private static func withAddress(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) throws(HostError) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw HostError(
        "\(path) is too long for a socket's name; set CLOISTER_STATE to a shorter folder")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }

  /// Sockets and logs of instances that are gone.
  private func removeLeftOvers() {
    guard let folder = opendir(path) else { return }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    for name in names {
      let file = path + "/" + name
      if name.hasSuffix(".log") {
        if let pid = pid_t(name.dropLast(4)), kill(pid, 0) != 0, errno == ESRCH { unlink(file) }
        continue
      }
      var status = stat()
      guard lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { continue }
      let live = try? Self.connect(file)
      if let fd = live ?? nil { close(fd) } else if errno == ECONNREFUSED { unlink(file) }
    }
  }
}
