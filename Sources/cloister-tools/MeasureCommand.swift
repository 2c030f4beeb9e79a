import ArgumentParser
import HostRuntime

/// `cloister measure`: MRENCLAVE of what `cloister run` with the same options would run.
struct MeasureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "measure", abstract: "Print MRENCLAVE without running anything.",
    usage: "cloister measure [options of run] -- PROGRAM [ARGS]")

  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

  func run() throws {
    do throws(HostError) {
      for line in try measure(try RunOptions(arguments)) { print(line) }
    } catch {
      fail(error)
    }
  }
}
