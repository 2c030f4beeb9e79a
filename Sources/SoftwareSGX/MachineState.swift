import Glibc
import SGX

/// The software machine's secrets: 48 random bytes in a file that only its owner can read, so that sealed
/// data outlives the process, as on a CPU.
enum MachineState {
  static let size = 48

  static var defaultPath: String {
    func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    if let folder = variable("CLOISTER_STATE"), !folder.isEmpty { return folder + "/software-sgx" }
    let base: String
    if let state = variable("XDG_STATE_HOME"), state.utf8.first == 0x2F {
      base = state
    } else {
      base = (variable("HOME") ?? "/") + "/.local/state"
    }
    return base + "/cloister/software-sgx"
  }

  /// Reads the file, or makes it. Two processes that make it at once end with the same one.
  static func load(path: String) throws(SGXError) -> [UInt8] {
    if let bytes = try read(path) { return bytes }
    var folder = ""
    for part in path.split(separator: "/").dropLast() {
      folder += (folder.isEmpty && path.utf8.first != 0x2F ? "" : "/") + part
      guard mkdir(folder, 0o700) == 0 || access(folder, F_OK) == 0 else {
        throw .device(.stateFile, errno: errno)
      }
    }
    let temporary = path + ".\(getpid()).\(UInt64.random(in: 0...UInt64.max))"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .device(.stateFile, errno: errno) }
    let fresh = random(size)
    let written = write(descriptor, fresh, fresh.count)
    let code = errno
    close(descriptor)
    defer { unlink(temporary) }
    guard written == fresh.count else { throw .device(.stateFile, errno: code) }
    guard link(temporary, path) == 0 || errno == EEXIST else {
      throw .device(.stateFile, errno: errno)
    }
    guard let bytes = try read(path) else { throw .device(.stateFile, errno: EIO) }
    return bytes
  }

  private static func read(_ path: String) throws(SGXError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw .device(.stateFile, errno: errno)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .device(.stateFile, errno: errno) }
    // Somebody else's eyes on it make it worthless.
    guard status.st_mode & 0o077 == 0 else { throw .device(.stateFile, errno: EACCES) }
    var bytes = [UInt8](repeating: 0, count: size + 1)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    guard count == size else { throw .device(.stateFile, errno: EINVAL) }
    return [UInt8](bytes[..<size])
  }

  static func random(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }
}
