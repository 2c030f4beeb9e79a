import ArgumentParser
import HostRuntime
import Prepare

/// `cloister measure`: MRENCLAVE (and MRSIGNER) of a payload, or of what `cloister run` with the same
/// options would run.
struct MeasureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "measure", abstract: "Print MRENCLAVE without running anything.",
    usage: "cloister measure PAYLOAD\n       cloister measure [options of run] -- PROGRAM [ARGS]")

  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

  func run() throws {
    do throws(HostError) {
      let options = try RunOptions(arguments)
      let lines: [String]
      if let payload = options.payload {
        lines = try measure(payload: PayloadFolder(payload))
      } else {
        lines = try measure(options)
      }
      for line in lines { print(line) }
    } catch {
      fail(error)
    }
  }
}
