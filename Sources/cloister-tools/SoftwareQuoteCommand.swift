import ArgumentParser
import Attestation
import Glibc
import HostRuntime
import SoftwareQuoting

/// `cloister software-quote`: the software machine's quoting enclave. The broker of `cloister run` starts
/// it with a socket as standard input and output; one `QuoteMessage` each way. Not for people.
struct SoftwareQuoteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "software-quote",
    abstract: "Make the software machine's quotes, for \"cloister run\". NO PROTECTION.",
    shouldDisplay: false)

  func run() throws {
    var request = [UInt8](repeating: 0, count: QuoteMessage.requestSize + 1)
    let size = read(0, &request, request.count)
    let reply: QuoteMessage.Reply
    if size == QuoteMessage.requestSize {
      reply = answer(Array(request[..<QuoteMessage.reportSize]))
    } else {
      reply = .failed(EINVAL)
    }
    let bytes = QuoteMessage.encode(reply)
    guard write(1, bytes, bytes.count) == bytes.count else { throw ExitCode(1) }
  }

  private func answer(_ report: [UInt8]) -> QuoteMessage.Reply {
    do throws(FormatError) {
      let enclave = try SoftwareQuotingEnclave(platform: try SoftwarePlatform.open())
      guard let quote = try enclave.quote(report: report) else {
        return .target(enclave.targetInfo)
      }
      return .quote(quote)
    } catch {
      Arguments.warn("no quote: \(error)")
      return .failed(EIO)
    }
  }
}
