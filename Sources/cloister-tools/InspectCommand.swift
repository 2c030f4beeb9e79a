import ArgumentParser
import HostRuntime
import Prepare

/// `cloister inspect`: what is in a payload, and what is weak about it.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Say everything that is measured of a payload, and check it all.")

  @Argument(help: "The payload folder.") var payload: String
  @Flag(help: "Print JSON.") var json = false
  @Option(help: "Say why this file is in the payload, and nothing else.") var explain: String?

  func run() throws {
    do throws(HostError) {
      if let explain {
        for line in try Explanation.lines(payload, explain) { print(line) }
        return
      }
      let inspection = try PayloadInspection(try PayloadFolder(payload))
      print(json ? inspection.json : inspection.text, terminator: json ? "\n" : "")
    } catch {
      fail(error)
    }
  }
}
