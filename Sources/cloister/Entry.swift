import Glibc
import HostRuntime

/// The command people type. `run` happens here, so that a program starts in milliseconds; every other verb
/// is in `cloister-tools`, which links cryptography, HTTP and an argument parser and lies beside this file.
@main
enum Entry {
  static func main() {
    let arguments = CommandLine.arguments
    if arguments.count > 1, arguments[1] == "run" { Runner.main(Array(arguments.dropFirst(2))) }
    if arguments.count > 1, arguments[1] == "offer" { Runner.offer(Array(arguments.dropFirst(2))) }
    startTools(Array(arguments.dropFirst()))
  }

  /// Becomes the other executable.
  static func startTools(_ arguments: [String]) -> Never {
    let path = toolsPath()
    var pointers = (["cloister"] + arguments).map { strdup($0) }
    pointers.append(nil)
    execv(path, pointers)
    let reason = String(cString: strerror(errno))
    let text = Array(
      "cloister: cannot start \(path): \(reason); build and install both executables\n".utf8)
    _ = write(2, text, text.count)
    exit(125)
  }
}
