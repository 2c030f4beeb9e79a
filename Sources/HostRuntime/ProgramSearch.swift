import Glibc

/// Finds the program the way execvp(3) does, so that what cannot run is said before an enclave is built.
///
/// The kernel inside looks again and decides; this only gives the better message and the exit codes of
/// `podman run`: 127 not found, 126 found but not executable.
struct ProgramSearch {
  var path: String
  var workingDirectory: String
  var mounts: [Mount]

  /// The absolute path of `program` inside the enclave.
  func find(_ program: String) throws(HostError) -> String {
    if program.utf8.contains(0x2F) {
      let absolute = program.utf8.first == 0x2F ? program : workingDirectory + "/" + program
      try check(absolute, name: program)
      return absolute
    }
    guard !program.isEmpty else { throw HostError("the program's name is empty", exitCode: 127) }
    var denied: HostError?
    for directory in path.split(separator: ":", omittingEmptySubsequences: false) {
      let candidate = (directory.isEmpty ? workingDirectory : String(directory)) + "/" + program
      do throws(HostError) {
        try check(candidate, name: program)
        return candidate
      } catch {
        if error.exitCode == 126, denied == nil { denied = error }
      }
    }
    throw denied ?? HostError("\(program): not found in PATH (\(path))", exitCode: 127)
  }

  private func check(_ guest: String, name: String) throws(HostError) {
    let host = hostPath(guest, mounts: mounts)
    var status = stat()
    guard stat(host, &status) == 0 else {
      let code: Int32 = errno == ENOENT || errno == ENOTDIR ? 127 : 126
      throw HostError("\(name): \(lastError())", exitCode: code)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw HostError("\(name): it is not a regular file", exitCode: 126)
    }
    guard status.st_mode & 0o111 != 0, access(host, X_OK) == 0 else {
      throw HostError("\(name): permission denied (chmod +x?)", exitCode: 126)
    }
    let fd = open(host, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { throw HostError("\(name): \(lastError())", exitCode: 126) }
    defer { close(fd) }
    var head = [UInt8](repeating: 0, count: 20)
    let count = read(fd, &head, 20)
    guard count >= 2 else { throw HostError("\(name): the file is empty", exitCode: 126) }
    if head[0] == 0x23, head[1] == 0x21 { return }  // #!
    guard count == 20, head[0..<4] == [0x7F, 0x45, 0x4C, 0x46] else {
      throw HostError("\(name): it is neither an ELF file nor a #! script", exitCode: 126)
    }
    guard head[4] == 2, head[5] == 1, head[18] == 62, head[19] == 0 else {
      throw HostError("\(name): it is an ELF file, but not for x86-64", exitCode: 126)
    }
  }
}
