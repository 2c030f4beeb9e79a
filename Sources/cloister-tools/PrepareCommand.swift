import ArgumentParser
import Glibc
import HostRuntime
import PayloadFormat
import Prepare

/// `cloister prepare`: a program, a payload.toml or a whole tree becomes a payload folder.
struct PrepareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prepare",
    abstract: "Make a payload folder: exactly these files, this program, these arguments.",
    usage: """
      cloister prepare PROGRAM -o PAYLOAD [options] [-- ARGS]
      cloister prepare payload.toml -o PAYLOAD [options]
      """,
    discussion: """
      The closure of a program is found by itself: libraries, interpreters, the commands of a script,
      library trees of Python, Perl and Java, NSS and gconv modules, locales and certificates.
      File times are clamped to SOURCE_DATE_EPOCH, and owners become root, so that the same tree gives
      the same MRENCLAVE everywhere. Docs/Payload.md describes payload.toml.
      """)

  @Argument(help: "A program, or a description that ends in .toml.") var program: String
  @Option(name: .shortAndLong, help: "The payload folder to write.") var output: String
  @Option(help: "Take a whole tree as the root file system; PROGRAM is a path in it.")
  var rootfs: String?
  @Option(help: "Say why this file is in the payload.") var explain: [String] = []
  @Flag(
    help:
      "Run the program once on this machine (with ARGS), and keep just the files and system calls it used."
  ) var trace = false
  @Option(help: "With --trace: how the program ends when all is well; anything else is an error.")
  var traceStatus: Int32 = 0
  @Flag(help: "Keep the owners of files instead of making them root's.") var keepOwners = false
  @Flag(help: "Hash everything afresh and leave the cache alone.") var noCache = false
  @Option(help: "The enclave image to put in.") var image: String?
  @Flag(help: "Print the result as JSON.") var json = false
  @Flag(name: .shortAndLong, help: "No progress, no warnings.") var quiet = false
  @Argument(parsing: .postTerminator, help: "Arguments of the program (with PROGRAM).")
  var arguments: [String] = []

  func run() throws {
    do throws(HostError) { try prepare() } catch { fail(error) }
  }

  private func prepare() throws(HostError) {
    var description = try readDescription()
    if !arguments.isEmpty {
      guard description.argv == nil else {
        throw HostError(
          "\(program): loader.argv says the arguments already; remove it or those after --")
      }
      description.argv = [description.entrypoint] + arguments
    }
    let imagePath: String
    if let image { imagePath = image } else { imagePath = try EnclaveImage.find() }
    var preparation = Preparation(description, output: trimmed(output), image: imagePath)
    preparation.rootfs = rootfs
    preparation.keepsOwners = keepOwners
    preparation.traces = trace
    preparation.traceStatus = traceStatus
    preparation.usesCache = !noCache
    preparation.progress = Progress(isQuiet: quiet)
    let outcome = try preparation.run()
    if !quiet {
      for w in outcome.files.warnings { say("cloister: warning: \(w)") }
      if !outcome.leftOut.isEmpty, !json {
        say("left out, because the traced run did not use them (\(outcome.leftOut.count)):")
        for path in outcome.leftOut.prefix(20) { say("  \(path)") }
        if outcome.leftOut.count > 20 { say("  ... (--json lists all)") }
      }
    }
    print(json ? outcome.json : outcome.text(output: output))
    for file in explain { for line in try Explanation.lines(output, file) { print(line) } }
  }

  private func trimmed(_ path: String) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }

  private func readDescription() throws(HostError) -> PayloadDescription {
    guard program.hasSuffix(".toml") else { return PayloadDescription(program: program) }
    let bytes = try readFile(program, limit: 4 << 20, what: "description")
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw HostError("\(program): not UTF-8 text")
    }
    var folder = "."
    if let slash = program.lastIndex(of: "/") { folder = String(program[..<slash]) }
    if let real = realpath(folder.isEmpty ? "/" : folder, nil) {
      folder = String(cString: real)
      free(real)
    }
    return try PayloadDescription(toml: text, file: program, folder: folder)
  }

  private func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(2, bytes, bytes.count)
  }
}
