import EnclaveRuntime
import LinuxABI

/// Extended attributes (xattr(7)) as tmpfs keeps them: user, trusted and security names.
extension Inode {
  private enum Kind { case user, trusted, security }

  private static func kind(_ name: [UInt8]) throws(Errno) -> Kind {
    guard !name.isEmpty, name.count <= 255 else { throw .ERANGE }
    for (prefix, kind) in [
      ("user.", Kind.user), ("trusted.", .trusted), ("security.", .security),
    ] as [(StaticString, Kind)] where name.starts(with: prefix) {
      return kind
    }
    throw .EOPNOTSUPP
  }

  /// xattr_permission of the kernel: what a read of the wrong kind finds is no data.
  private func checkAttribute(
    _ name: [UInt8], _ credentials: FileCredentials, write: Bool
  ) throws(Errno) {
    try checkPermission(try Self.kind(name), credentials, write: write)
    // A prefix and nothing behind it.
    if name.last == 0x2E && name.firstIndex(of: 0x2E) == name.count - 1 { throw .EINVAL }
  }

  private func checkPermission(
    _ kind: Kind, _ credentials: FileCredentials, write: Bool
  ) throws(Errno) {
    if write && fileSystem.isReadOnly { throw .EROFS }
    switch kind {
    case .security:
      if write && !credentials.isPrivileged { throw .EPERM }
      return
    case .trusted:
      if !credentials.isPrivileged { throw write ? .EPERM : .ENODATA }
      return
    case .user:
      guard isRegular || isDirectory else { throw write ? .EPERM : .ENODATA }
      if isDirectory && mode & FileMode.S_ISVTX != 0 && write && !credentials.owns(self) {
        throw .EPERM
      }
    }
    try credentials.check(self, write ? .write : .read)
  }

  func getAttribute(_ name: [UInt8], _ credentials: FileCredentials) throws(Errno) -> [UInt8] {
    try checkAttribute(name, credentials, write: false)
    lock.lock()
    defer { lock.unlock() }
    for a in attributes where a.name == name { return a.value }
    throw .ENODATA
  }

  func setAttribute(
    _ name: [UInt8], _ value: [UInt8], create: Bool, replace: Bool,
    _ credentials: FileCredentials
  ) throws(Errno) {
    try checkAttribute(name, credentials, write: true)
    let now = Inode.now()
    lock.lock()
    defer { lock.unlock() }
    for i in attributes.indices where attributes[i].name == name {
      if create { throw .EEXIST }
      attributes[i].value = value
      ctimeNs = now
      return
    }
    if replace { throw .ENODATA }
    var total = 0
    for a in attributes { total += a.name.count + a.value.count }
    if total + name.count + value.count > 1 << 20 { throw .ENOSPC }
    // tmpfs lists them from the last name to the first (simple_xattr_list).
    let at = attributes.firstIndex { $0.name.lexicographicallyPrecedes(name) } ?? attributes.count
    attributes.insert(ExtendedAttribute(name: name, value: value), at: at)
    ctimeNs = now
  }

  func removeAttribute(_ name: [UInt8], _ credentials: FileCredentials) throws(Errno) {
    try checkAttribute(name, credentials, write: true)
    let now = Inode.now()
    lock.lock()
    defer { lock.unlock() }
    for i in attributes.indices where attributes[i].name == name {
      attributes.remove(at: i)
      ctimeNs = now
      return
    }
    throw .ENODATA
  }

  /// The names, each with its NUL. Trusted ones are shown to the privileged only.
  func listAttributes(_ credentials: FileCredentials) -> [UInt8] {
    lock.lock()
    defer { lock.unlock() }
    var out: [UInt8] = []
    for a in attributes {
      if a.name.starts(with: "trusted.") && !credentials.isPrivileged { continue }
      out.append(contentsOf: a.name)
      out.append(0)
    }
    return out
  }
}

extension [UInt8] {
  func starts(with prefix: StaticString) -> Bool {
    let p = [UInt8](staticString: prefix)
    if count < p.count { return false }
    for i in p.indices where self[i] != p[i] { return false }
    return true
  }
}
