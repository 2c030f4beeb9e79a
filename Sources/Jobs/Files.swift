import Glibc

/// Small files, whole: read with a limit, written once and never over something that is there.
enum Files {
  static func read(_ path: String, limit: Int, what: String) throws(JobsError) -> [UInt8] {
    let fd = path == "-" ? dup(0) : open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else {
      throw JobsError(.missing, "cannot open the \(what) \(path): \(errorText())")
    }
    defer { close(fd) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let n = Glibc.read(fd, &piece, piece.count)
      if n < 0 && errno == EINTR { continue }
      guard n >= 0 else {
        throw JobsError(.missing, "cannot read the \(what) \(path): \(errorText())")
      }
      if n == 0 { return bytes }
      bytes += piece[..<n]
      guard bytes.count <= limit else {
        throw JobsError(.malformed, "\(path): too large to be a \(what)")
      }
    }
  }

  /// A new file on disk, complete; on failure there is none.
  static func create(
    _ path: String, _ bytes: [UInt8], mode: mode_t, what: String
  ) throws(JobsError) {
    let fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
    guard fd >= 0 else {
      if errno == EEXIST {
        throw JobsError(
          .cannotCreate, "\(path) exists; nothing is overwritten, choose another name")
      }
      throw JobsError(.cannotCreate, "cannot write the \(what) \(path): \(errorText())")
    }
    defer { close(fd) }
    do throws(JobsError) {
      try write(fd, bytes, path)
      guard fsync(fd) == 0 else { throw writeFailure(path) }
    } catch {
      unlink(path)
      throw error
    }
  }

  static func write(_ fd: Int32, _ bytes: [UInt8], _ path: String) throws(JobsError) {
    var done = 0
    while done < bytes.count {
      let n = bytes.withUnsafeBytes { Glibc.write(fd, $0.baseAddress! + done, $0.count - done) }
      if n < 0 && errno == EINTR { continue }
      guard n > 0 else { throw writeFailure(path) }
      done += n
    }
  }

  static func writeFailure(_ path: String) -> JobsError {
    JobsError(.inputOutput, "cannot write \(path): \(errorText()); nothing was left behind")
  }

  static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }
}

func errorText() -> String { String(cString: strerror(errno)) }

func hexText(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var out: [UInt8] = []
  for byte in bytes {
    out.append(digits[Int(byte >> 4)])
    out.append(digits[Int(byte & 15)])
  }
  return String(decoding: out, as: UTF8.self)
}
