import CPrepare
import Glibc

/// Runs a command of the user's through the shell, with bytes in and bytes out. Its stderr is ours.
enum ExternalCommand {
  /// nil: it could not be started, ended with another status than 0, or wrote more than `limit` bytes.
  static func run(_ command: String, input: [UInt8], limit: Int) -> [UInt8]? {
    var toChild: [Int32] = [-1, -1]
    var fromChild: [Int32] = [-1, -1]
    guard clp_pipe(&toChild) == 0, clp_pipe(&fromChild) == 0 else { return nil }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
    posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
    var child: pid_t = 0
    let words: [String] = ["/bin/sh", "-c", command]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    arguments.append(nil)
    defer { for a in arguments { free(a) } }
    let started = posix_spawn(&child, "/bin/sh", &actions, nil, arguments, environ) == 0
    close(toChild[0])
    close(fromChild[1])
    defer { close(fromChild[0]) }
    guard started else {
      close(toChild[1])
      return nil
    }
    signal(SIGPIPE, SIG_IGN)
    // The input is smaller than a pipe.
    _ = input.withUnsafeBytes { write(toChild[1], $0.baseAddress, $0.count) }
    close(toChild[1])
    var out: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while out.count <= limit {
      let n = read(fromChild[0], &buffer, buffer.count)
      if n < 0 && errno == EINTR { continue }
      if n <= 0 { break }
      out += buffer[..<n]
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    return status == 0 && out.count <= limit ? out : nil
  }
}
