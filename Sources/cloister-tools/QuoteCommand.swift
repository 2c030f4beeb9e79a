import ArgumentParser
import Attestation

/// `cloister quote`: what a quote says. Nothing is verified.
struct QuoteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quote", abstract: "Look at quotes.", subcommands: [Show.self])

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print every field of a quote; measurements in both byte orders.",
      discussion: "This verifies nothing: anybody can write such a quote. See \"verify\".")

    @Argument(help: "The quote's file; - is standard input.") var quote: String
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let input = try Arguments.file(quote, limit: 1 << 20)
      do {
        let quote = try Quote(try QuoteInput.decode(input))
        print(json ? quote.json() : quote.text)
      } catch {
        Arguments.warn("\(error)")
        throw ExitCode(1)
      }
    }
  }
}
