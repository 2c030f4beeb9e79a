import ArgumentParser
import Attestation
import Foundation
import HostRuntime
import JobFormat
import Jobs

/// `cloister receipt`: proofs of execution.
struct ReceiptCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "receipt", abstract: "Check proofs of execution; no secret is needed.",
    subcommands: [ReceiptVerifyCommand.self])
}

/// `cloister receipt verify`.
struct ReceiptVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check a receipt: payload, input, output, exit status, resources, quote.",
    discussion: """
      RECEIPT is a receipt, or a result, which has one in it. Who pays by a receipt asks for \
      --inputs-are-data: else the job may have brought code, and its owner could have forged it.

      cloister receipt verify result --policy policy.toml \\
        --pccs https://api.trustedservices.intel.com --inputs-are-data \\
        --owner owner.pub --job job --result result

      Exit codes: 0 accepted; 1 refused by verification, 2 by policy, 3 could not decide (collateral \
      missing or stale); 64 usage; 65 not a receipt; 66 a file that cannot be read.
      """)

  @Argument(help: "The receipt (or result).") var receipt: String
  @Option(help: "What the enclave must be: a policy in TOML; see Docs/Attestation.md.")
  var policy: String
  @OptionGroup var trust: JobTrustOptions
  @Option(help: "The owner whose job it must be, owner.pub.") var owner: String?
  @Option(help: "The nonce of the instance, 64 hexadecimal digits.") var nonce: String?
  @Option(help: "The job: its input must be the one of the receipt.") var job: String?
  @Option(help: "The result: its output must be the one of the receipt.") var result: String?
  @Flag(help: "Refuse payloads that take code as input.") var inputsAreData = false
  @Option(help: "The time to verify at: 2026-01-31T00:00:00Z, or seconds since 1970.")
  var at: String?
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    try withJobsErrors(json: json) {
      let policy = try JobPolicy(contentsOf: policy)
      let verified = try VerifiedReceipt(
        contentsOf: receipt, policy: policy,
        trust: try trust.trust(quote: Self.quote(receipt), at: try at.map(Arguments.time)),
        owner: try owner.map { try OwnerPublicKey(contentsOf: $0) },
        nonce: try nonce.map(JobArguments.nonce))
      if inputsAreData { try verified.requireInputsAreData() }
      if let job { try verified.requireInput(of: job) }
      if let result { try verified.requireOutput(of: result) }
      if json {
        var object = JobArguments.json(verified)
        object["accepted"] = true
        printJSON(object)
      } else {
        print("the receipt is genuine")
        print(JobArguments.text(verified))
      }
    }
  }

  /// Which collateral to fetch; what is wrong with the file is said later.
  private static func quote(_ path: String) -> [UInt8] {
    guard let bytes = try? VerifiedReceipt.receiptFile(path),
      let parsed = try? Receipt.parse(bytes)
    else { return [] }
    return parsed.quote
  }
}
