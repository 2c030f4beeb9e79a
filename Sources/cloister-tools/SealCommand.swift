import ArgumentParser
import Attestation
import Foundation
import HostRuntime
import JobFormat
import Jobs

/// `cloister seal`: verify an offer completely, then encrypt a job to its enclave.
struct SealCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "seal",
    abstract: "Verify an offer, and encrypt input, arguments and variables to its enclave.",
    discussion: """
      Of each INPUT folder the contents appear in /input, of anything else itself by its name. The \
      job's ticket (JOB.ticket) opens its result: keep it, and keep it secret.

      Nothing is encrypted before the offer has passed: its nonce and age, its quote, the policy, and \
      that the instance belongs to this owner. There is no way to skip that.

      The nonce goes to the provider with owner.pub; an offer comes back:

      nonce=$(openssl rand -hex 32)
      cloister seal --to offer --owner owner.pem --nonce $nonce \\
        --policy policy.toml --pccs https://api.trustedservices.intel.com \\
        --arg 12 -o job scene/

      The policy names the enclave, by what `cloister inspect PAYLOAD` shows of a payload that you \
      trust:

      [enclave]
      mrenclave = ["59f633f0..."]

      A payload may have volumes with key = "job": files at the provider that the instance opens with \
      keys that you release to it, and to nobody else. `cloister volume keygen` makes such a key, \
      `cloister volume create` and `put` such a volume. The result's file `volumes` has the root that \
      each one has afterwards; name it with --volume-root in the next job, and an older copy is \
      refused.

      Exit codes: 0 sealed; 1 the offer is refused by verification, 2 by policy, 3 could not decide \
      (collateral missing or stale); 64 usage; 65 a file that is not what it should be; 66 a file that \
      cannot be read; 73 the output exists or cannot be made; 74 reading or writing failed.
      """)

  @Option(name: .customLong("to"), help: .init("The offer.", valueName: "offer")) var offer: String
  @Option(help: .init("The owner's private key.", valueName: "owner.pem")) var owner: String
  @Option(
    help: .init(
      "The nonce that the offer was asked for with, 64 hexadecimal digits.", valueName: "hex"))
  var nonce: String
  @Option(
    help: .init(
      "What the enclave must be; see Docs/Attestation.md.", valueName: "policy.toml"))
  var policy: String
  @OptionGroup var trust: JobTrustOptions
  @Option(
    name: .customLong("arg"), parsing: .unconditionalSingleValue,
    help: "An argument for the program, behind the payload's own; may be given again.")
  var arguments: [String] = []
  @Option(
    name: .customLong("env"),
    help: .init("A variable for the program; may be given again.", valueName: "name=value"))
  var environment: [String] = []
  @Option(
    name: .customLong("volume-key"),
    help: .init(
      "The key of one of the payload's volumes; may be given again.", valueName: "name=keyfile"))
  var volumeKeys: [String] = []
  @Option(
    name: .customLong("volume-root"),
    help: .init(
      "Any other state of that volume is refused; may be given again.", valueName: "name=root"))
  var volumeRoots: [String] = []
  @Flag(help: "The job may be run more than once.") var allowRepeats = false
  @Option(help: .init("The ticket's file (default: JOB.ticket).", valueName: "file")) var ticket:
    String?
  @Option(name: .shortAndLong, help: .init("The job to write.", valueName: "job"))
  var output: String
  @Flag(help: "Print JSON.") var json = false
  @Flag(help: "Each second a line of JSON on stderr: bytes done, and in all.") var progress = false
  @Argument(help: "Files and folders.") var inputs: [String]

  func run() throws {
    try withJobsErrors(json: json) {
      let owner = try OwnerKey(contentsOf: owner)
      let nonce = try JobArguments.nonce(nonce)
      let policy = try JobPolicy(contentsOf: policy)
      let verified = try VerifiedOffer(
        contentsOf: offer, owner: owner.publicKey, nonce: nonce, policy: policy,
        trust: try trust.trust(quote: Self.quote(offer)))
      for warning in verified.verdict.warnings { Arguments.warn(warning) }
      if verified.verdict.isSoftware {
        Arguments.warn("the offer is a software machine's: NO PROTECTION")
      }
      var sealing = Sealing(to: verified, owner: owner)
      sealing.arguments = arguments
      sealing.environment = environment
      sealing.volumeKeys = try JobVolumeOptions.keys(volumeKeys, roots: volumeRoots)
      sealing.allowsRepeats = allowRepeats
      sealing.progress = JobArguments.progress("sealing", lines: progress)
      let ticketPath = ticket ?? JobTicket.path(for: output)
      let done = try sealing.run(inputs: inputs, job: output, ticket: ticketPath)
      if json {
        printJSON([
          "job": output, "ticket": ticketPath, "digest": hexText(done.job),
          "input": hexText(done.inputCommitment), "suite": done.suite, "files": done.files,
          "bytes": done.bytes, "size": done.size, "software": verified.verdict.isSoftware,
          "mrenclave": hexText(verified.report.MRENCLAVE),
          "tcbStatus": verified.verdict.status?.rawValue ?? NSNull() as Any,
        ])
      } else {
        print("the offer is good: MRENCLAVE \(hexText(verified.report.MRENCLAVE))")
        print(
          "\(output): \(done.files) files, \(done.bytes) bytes, encrypted with \(done.suite)\n"
            + "\(ticketPath): opens the result; keep it secret")
      }
    }
  }

  /// The offer's quote says which collateral to fetch; what is wrong with it is said later.
  static func quote(_ path: String) -> [UInt8] {
    guard let bytes = try? CollateralFolder.readFile(path, limit: 1 << 17),
      let parsed = try? Offer.parse(bytes)
    else { return [] }
    return parsed.quote
  }
}
