import Glibc

/// A file that gets its name when it is complete, and never in another one's place. Whoever is interrupted, or gives up, leaves
/// nothing.
final class NewFile {
  let path: String
  let descriptor: Int32
  private let what: String
  /// nil: the file has no name yet (O_TMPFILE, open(2)), and goes with its descriptor.
  private let temporary: String?

  /// - Parameter what: for messages.
  init(_ path: String, mode: mode_t, what: String) throws(JobsError) {
    self.path = path
    self.what = what
    var folder = "."
    if let slash = path.lastIndex(of: "/") {
      folder = slash == path.startIndex ? "/" : String(path[..<slash])
    }
    let O_TMPFILE: Int32 = 0x41_0000
    let unnamed = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, mode)
    if unnamed >= 0 {
      descriptor = unnamed
      temporary = nil
      return
    }
    // Not every file system has O_TMPFILE.
    let name = "\(path).partial.\(getpid())"
    descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
    temporary = name
    guard descriptor >= 0 else {
      throw JobsError(.cannotCreate, "cannot write the \(what) \(path): \(errorText())")
    }
  }

  deinit {
    if let temporary, descriptor >= 0 { unlink(temporary) }
    if descriptor >= 0 { close(descriptor) }
  }

  /// Puts it on the medium, and gives it its name. link(2), not rename(2): it does not replace what somebody else put there
  /// meanwhile.
  func publish() throws(JobsError) {
    guard fsync(descriptor) == 0 else { throw Files.writeFailure(path) }
    let from = temporary ?? "/proc/self/fd/\(descriptor)"
    guard linkat(AT_FDCWD, from, AT_FDCWD, path, temporary == nil ? AT_SYMLINK_FOLLOW : 0) == 0
    else { throw JobsError(.cannotCreate, "cannot write the \(what) \(path): \(errorText())") }
  }
}
