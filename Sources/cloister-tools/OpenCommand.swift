import ArgumentParser
import Attestation
import Foundation
import HostRuntime
import JobFormat
import Jobs

/// `cloister open`: check a result and decrypt it.
struct OpenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "open",
    abstract: "Check that a result is this job's, and decrypt it into a new folder.",
    discussion: """
      The folder gets output/ (what the program left in /output), stdout, stderr and receipt (and \
      volumes, with their roots, if the job brought keys of volumes). The result must be of the \
      ticket's job, input, payload and enclave, and its receipt's quote is verified with the policy of \
      `cloister seal`.

      The job's ticket lies beside the result, or here:

      cloister open result -o pictures

      The program's own exit code is printed and is in the receipt; it is not this command's.

      Exit codes: 0 opened; 1 the result is refused by verification, 2 by policy, 3 could not decide \
      (collateral stale); 64 usage; 65 a file that is not what it should be; 66 a file that cannot be \
      read, or no ticket; 73 the folder exists or cannot be made; 74 reading or writing failed.
      """)

  @Argument(help: "The result.") var result: String
  @Option(name: .shortAndLong, help: .init("The folder to make.", valueName: "folder"))
  var output: String
  @Flag(help: "Only check the result and write its receipt; the output stays closed.")
  var receiptOnly = false
  @Option(
    help: .init("The job's ticket (default: the one beside RESULT or here).", valueName: "file"))
  var ticket: String?
  @Option(
    help: .init("Newer collateral than at the time of sealing.", valueName: "folder"))
  var collateral: String?
  @Flag(help: "Print JSON.") var json = false
  @Flag(help: "Each second a line of JSON on stderr: bytes done, and in all.") var progress = false

  func run() throws {
    try withJobsErrors(json: json) {
      let path = try ticket ?? OpenedResult.findTicket(for: result)
      let ticket = try JobTicket(contentsOf: path)
      var trust: JobTrust?
      if let collateral {
        do {
          trust = ticket.trust(with: try CollateralFolder.read(collateral))
        } catch { throw ValidationError("\(error)") }
      }
      Interruption.watch()
      let shown = JobArguments.progress("opening", lines: progress)
      let opened = try OpenedResult(
        result, ticket: ticket, to: output, trust: trust, receiptOnly: receiptOnly
      ) { what, done, total in
        shown?(what, done, total)
        Interruption.check { OpenedResult.removePartial(of: output) }
      }
      for name in opened.skipped {
        Arguments.warn("\(name): neither file, folder nor link; left out")
      }
      if json {
        var object = JobArguments.json(opened.receipt)
        object["folder"] = output
        object["files"] = opened.files
        object["bytes"] = opened.bytes
        printJSON(object)
      } else {
        print(JobArguments.text(opened.receipt))
        print(
          receiptOnly
            ? "\(output)/receipt" : "\(output): \(opened.files) files, \(opened.bytes) bytes")
      }
    }
  }
}
