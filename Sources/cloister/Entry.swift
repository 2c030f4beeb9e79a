import Glibc

/// Starts `cloister-run` for `cloister run` before anything else: the rest of the command line links
/// cryptography, HTTP and an argument parser, which would cost the program milliseconds of start-up.
@main
enum Entry {
  static func main() {
    let arguments = CommandLine.arguments
    if arguments.count > 1, arguments[1] == "run" { startRunner(Array(arguments.dropFirst(2))) }
    Cloister.main()
  }

  /// Becomes the runner that lies beside this executable.
  static func startRunner(_ arguments: [String]) -> Never {
    var buffer = [CChar](repeating: 0, count: 4096)
    let size = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    var path = String(decoding: buffer[..<max(size, 0)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    path = path.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/cloister-run"
    var pointers = (["cloister-run"] + arguments).map { strdup($0) }
    pointers.append(nil)
    execv(path, pointers)
    let text = Array("cloister: cannot start \(path): \(String(cString: strerror(errno)))\n".utf8)
    _ = write(2, text, text.count)
    exit(125)
  }
}
