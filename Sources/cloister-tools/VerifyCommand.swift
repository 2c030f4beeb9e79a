import ArgumentParser
import Attestation

/// `cloister verify`: is this quote good, and good enough?
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Verify an SGX or TDX quote, offline or with collateral from a PCCS.",
    discussion: """
      The quote may be binary, hexadecimal, base64 or PEM-like text; "-" is standard input.

      Without a policy file the default policy decides: debug enclaves are refused, UpToDate is
      accepted, SWHardeningNeeded only if every advisory is allowed with --allow-advisory.

      Exit codes: 0 accepted, 1 refused by verification, 2 refused by policy, 3 could not decide
      (missing or stale collateral), 64 usage.
      """)

  @Argument(help: "The quote's file.") var quote: String
  @OptionGroup var rules: PolicyOptions
  @Option(help: "A folder with collateral.") var collateral: String?
  @OptionGroup var server: ServerOptions
  @Option(help: "The time to verify at: 2026-01-31T00:00:00Z, or seconds since 1970.")
  var at: String?
  @Flag(help: "Print the verdict as JSON.") var json = false
  @Option(help: "Also accept a software machine's root, by its SHA-256. NO PROTECTION.")
  var trustSoftwareRoot: String?
  @Option(help: "What REPORTDATA must be, 64 bytes in hexadecimal.") var reportData: String?

  func run() throws {
    let time = try at.map(Arguments.time) ?? .now
    let verifier = Verifier(anchors: try Arguments.anchors(trustSoftwareRoot))
    let context = try rules.context()
    let policy = try readPolicy()
    let input = try Arguments.file(quote, limit: 1 << 20)
    let collateral = try Arguments.collateral(collateral, server, quote: input, at: time)
    let verdict = verifier.verify(
      input: input, collateral: collateral, at: time, policy: policy, context: context)
    print(json ? verdict.json() : verdict.text)
    if !json, rules.policy == nil {
      print(
        "Policy: the default, which refuses debug, accepts UpToDate, and SWHardeningNeeded only "
          + "if --allow-advisory names every advisory")
    }
    throw ExitCode(verdict.exitCode)
  }

  private func readPolicy() throws -> Policy {
    var result = try rules.read()
    if let reportData {
      guard result.reportData == nil else {
        throw ValidationError("--report-data: the policy has a rule for REPORTDATA already")
      }
      result.reportData = .exact(try Arguments.hex(reportData, count: 64...64, "--report-data"))
    }
    return result
  }
}
