import ArgumentParser
import HostRuntime

/// `cloister offer`: here only for the list of verbs; the executable `cloister` starts it before any parsing.
struct OfferCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "offer",
    abstract: "Start an instance of a payload that waits for one owner's job.",
    usage: "cloister offer PAYLOAD --owner OWNER.PUB --nonce HEX -o OFFER",
    discussion: "`cloister offer --help` lists the options.")

  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

  func run() throws { Runner.offer(arguments) }
}
