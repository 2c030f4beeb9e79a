import Glibc

/// A file that has its name only when it is complete: an interrupted run leaves nothing.
struct ResultFile: Sendable {
  let path: String
  let descriptor: Int32
  /// nil: the file has no name yet (O_TMPFILE, open(2)), and goes with its last descriptor.
  private let temporary: String?

  init(_ path: String) throws(HostError) {
    guard access(path, F_OK) != 0 else {
      throw HostError("\(path) exists already; remove it or choose another name")
    }
    self.path = path
    var folder = "."
    if let slash = path.lastIndex(of: "/") {
      folder = slash == path.startIndex ? "/" : String(path[..<slash])
    }
    let O_TMPFILE: Int32 = 0x41_0000
    let unnamed = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0o644)
    if unnamed >= 0 {
      descriptor = unnamed
      temporary = nil
      return
    }
    // Not every file system has O_TMPFILE.
    let name = "\(path).part.\(getpid())"
    let fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard fd >= 0 else { throw HostError("cannot write \(path): \(lastError())") }
    descriptor = fd
    temporary = name
  }

  /// Gives it its name; never in the place of another file.
  func publish() throws(HostError) {
    let from = temporary ?? "/proc/self/fd/\(descriptor)"
    guard linkat(AT_FDCWD, from, AT_FDCWD, path, temporary == nil ? AT_SYMLINK_FOLLOW : 0) == 0
    else {
      let reason = errno == EEXIST ? "it exists already" : lastError()
      discard()
      throw HostError("cannot write \(path): \(reason)")
    }
    if let temporary { unlink(temporary) }
    close(descriptor)
  }

  func discard() {
    if let temporary { unlink(temporary) }
    close(descriptor)
  }
}
