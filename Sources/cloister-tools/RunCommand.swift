import ArgumentParser
import HostRuntime

/// `cloister run`: here only for the list of verbs; the executable `cloister` runs it before any parsing.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a program of this machine inside an enclave (development).",
    usage: "cloister run [options] -- PROGRAM [ARGS]",
    discussion: "`cloister run --help` lists the options.")

  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

  func run() throws { Runner.main(arguments) }
}
