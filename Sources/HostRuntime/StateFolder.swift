import Glibc

/// The user's folder of keys and caches: $CLOISTER_STATE, else $XDG_STATE_HOME/cloister, else
/// ~/.local/state/cloister. Made on first use, readable by the user only.
public struct StateFolder: Sendable {
  public let path: String

  public init() throws(HostError) {
    if let explicit = environmentVariable("CLOISTER_STATE"), !explicit.isEmpty {
      path = explicit
    } else if let state = environmentVariable("XDG_STATE_HOME"), state.utf8.first == 0x2F {
      path = state + "/cloister"
    } else {
      let home = environmentVariable("HOME") ?? "/tmp/cloister-\(getuid())"
      path = home + "/.local/state/cloister"
    }
    var made = ""
    for part in path.split(separator: "/") {
      made += "/" + part
      if mkdir(made, 0o700) != 0 && errno != EEXIST && errno != EISDIR {
        throw HostError("cannot make the state folder \(made): \(lastError()); set CLOISTER_STATE")
      }
    }
  }

  public func file(_ name: String) -> String { path + "/" + name }

  /// The file's bytes, nil when there is none.
  public func read(_ name: String) -> [UInt8]? {
    try? readFile(file(name), limit: 16 << 20, what: "state file")
  }

  /// Writes a file of mode 0600 in one step, so that another process sees all of it or nothing.
  public func write(_ name: String, _ bytes: [UInt8]) throws(HostError) {
    let temporary = file("\(name).\(getpid())")
    let fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard fd >= 0 else { throw HostError("cannot write \(temporary): \(lastError())") }
    var done = 0
    while done < bytes.count {
      let n = bytes.withUnsafeBytes { Glibc.write(fd, $0.baseAddress! + done, $0.count - done) }
      if n <= 0 { break }
      done += n
    }
    close(fd)
    guard done == bytes.count, rename(temporary, file(name)) == 0 else {
      unlink(temporary)
      throw HostError("cannot write \(file(name)): \(lastError())")
    }
  }
}

func environmentVariable(_ name: String) -> String? {
  getenv(name).map { String(cString: $0) }
}
