import Foundation

/// Runs the machine's own tools: compilers, objdump, and the programs under test.
enum Toolbox {
  struct Output {
    var status: Int32
    var text: String
  }

  private static let path = NSTemporaryDirectory() + "/cloister-payload-\(getpid())"

  /// A folder of this test run, below the temporary folder.
  static let folder: String = {
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    atexit { try? FileManager.default.removeItem(atPath: Toolbox.path) }
    return path
  }()

  static func find(_ tool: String) -> String? {
    ["/usr/bin/", "/bin/", "/usr/local/bin/", "/usr/local/go/bin/"].map { $0 + tool }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  static func run(_ path: String, _ arguments: [String], environment: [String: String] = [:])
    -> Output
  {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let out = folder + "/out-\(UUID().uuidString)"
    _ = FileManager.default.createFile(atPath: out, contents: nil)
    guard let handle = FileHandle(forWritingAtPath: out) else {
      return Output(status: -1, text: "")
    }
    defer { try? FileManager.default.removeItem(atPath: out) }
    process.standardOutput = handle
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    // The test's thread blocks signals, and a child inherits that: a shell would wait for ever.
    var none = sigset_t()
    var old = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &old)
    defer { pthread_sigmask(SIG_SETMASK, &old, nil) }
    do { try process.run() } catch { return Output(status: -1, text: "\(error)") }
    // A program that was patched wrongly may well hang.
    let pid = process.processIdentifier
    let watch = DispatchWorkItem { kill(pid, SIGKILL) }
    DispatchQueue.global().asyncAfter(deadline: .now() + 120, execute: watch)
    process.waitUntilExit()
    watch.cancel()
    let text = String(decoding: FileManager.default.contents(atPath: out) ?? Data(), as: UTF8.self)
    return Output(
      status: process.terminationReason == .exit
        ? process.terminationStatus : 128 + process.terminationStatus, text: text)
  }

  /// Compiles a source text with gcc; nil when there is no compiler.
  static func compile(
    _ source: String, name: String, arguments: [String], with tool: String = "gcc"
  )
    -> String?
  {
    guard let gcc = find(tool) else { return nil }
    let input = folder + "/" + name + ".src"
    let output = folder + "/" + name
    try? source.write(toFile: input, atomically: true, encoding: .utf8)
    let result = run(gcc, arguments + [input, "-o", output])
    return result.status == 0 ? output : nil
  }

  /// A static Go program; nil when there is no Go.
  static func go(_ source: String, name: String, flags: [String] = []) -> String? {
    guard let go = find("go") else { return nil }
    let input = folder + "/" + name + ".go"
    let output = folder + "/" + name
    try? source.write(toFile: input, atomically: true, encoding: .utf8)
    let result = run(
      go, ["build"] + flags + ["-o", output, input],
      environment: [
        "CGO_ENABLED": "0", "GOCACHE": folder + "/gocache", "GOFLAGS": "-mod=mod",
        "GO111MODULE": "off", "HOME": folder,
      ])
    return result.status == 0 ? output : nil
  }
}
