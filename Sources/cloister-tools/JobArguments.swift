import ArgumentParser
import Attestation
import Foundation
import HostRuntime
import Jobs

/// What the verbs of jobs have in common.
struct JobTrustOptions: ParsableArguments {
  @Option(help: "A folder with collateral.") var collateral: String?
  @OptionGroup var server: ServerOptions
  @Option(help: "Also accept a software machine's root, by its SHA-256. NO PROTECTION.")
  var trustSoftwareRoot: String?

  var isGiven: Bool { collateral != nil || server.pccs != nil }

  /// - Parameter quote: the quote that will be verified; it says which collateral to fetch.
  func trust(quote: [UInt8], at time: Timestamp? = nil) throws -> JobTrust {
    JobTrust(
      collateral: try Arguments.collateral(collateral, server, quote: quote, at: time ?? .now),
      softwareRoot: try softwareRoot(), time: time)
  }

  private func softwareRoot() throws -> [UInt8]? {
    guard let trustSoftwareRoot else { return nil }
    let digits = trustSoftwareRoot.lowercased().replacing("sha256:", with: "").replacing(
      ":", with: "")
    guard let bytes = hexadecimal(digits), bytes.count == 32 else {
      throw ValidationError("--trust-software-root: not the SHA-256 of a certificate")
    }
    return bytes
  }
}

enum JobArguments {
  static func nonce(_ text: String) throws -> [UInt8] {
    guard let bytes = hexadecimal(text), bytes.count == 32 else {
      throw ValidationError(
        "--nonce: 32 bytes in hexadecimal, fresh for each offer (`openssl rand -hex 32`)")
    }
    return bytes
  }

  /// A bar on a terminal; with `--progress` an object a second on a line of its own; nil: neither.
  static func progress(_ what: String, lines: Bool) -> JobProgress? {
    if lines {
      let lines = ProgressLines()
      return { what, done, total in lines.show(what, done, total) }
    }
    guard isatty(2) != 0 else { return nil }
    let bar = ProgressBar(what)
    return { _, done, total in bar.show(done, total) }
  }

  static func json(_ receipt: VerifiedReceipt) -> [String: Any] {
    let r = receipt.receipt
    return [
      "software": receipt.verdict.isSoftware,
      "tcbStatus": receipt.verdict.status?.rawValue ?? NSNull() as Any,
      "warnings": receipt.verdict.warnings,
      "mrenclave": hexText(receipt.report.MRENCLAVE), "mrsigner": hexText(receipt.report.MRSIGNER),
      "isvprodid": Int(receipt.report.ISVPRODID), "isvsvn": Int(receipt.report.ISVSVN),
      "owner": hexText(r.owner.publicKey), "nonce": hexText(r.owner.nonce),
      "offer": hexText(r.offer), "job": hexText(r.job), "run": hexText(r.run),
      "configuration": hexText(r.configuration), "input": hexText(r.inputCommitment),
      "output": hexText(r.outputCommitment),
      "exitCode": r.exitCode.map { Int($0) } ?? NSNull() as Any,
      "signal": r.signal.map { Int($0) } ?? NSNull() as Any,
      "keyOnDisk": r.flags.contains(.keyOnDisk),
      "inputsAreData": r.flags.contains(.inputsAreData),
      "ownerBound": !r.flags.contains(.withoutKSS),
      "repeatable": r.flags.contains(.repeatable), "startNs": r.startNs, "endNs": r.endNs,
      "elapsedNs": r.elapsedNs, "processorNs": r.processorNs, "peakMemory": r.peakMemory,
      "inputBytes": r.inputBytes, "outputBytes": r.outputBytes,
    ]
  }

  static func text(_ receipt: VerifiedReceipt) -> String {
    let r = receipt.receipt
    func time(_ ns: UInt64) -> String {
      Timestamp(secondsSince1970: Int64(clamping: ns / 1_000_000_000)).description
    }
    func seconds(_ ns: UInt64) -> String { String(format: "%.3f s", Double(ns) / 1e9) }
    let ended =
      r.exitCode.map { "exited with \($0)" } ?? "was ended by signal \(r.signal ?? 0)"
    var lines = [
      "program   \(ended)",
      "times     \(time(r.startNs)) to \(time(r.endNs)); \(seconds(r.elapsedNs)), "
        + "processor \(seconds(r.processorNs))",
      "resources \(r.peakMemory >> 20) MiB of memory, \(r.inputBytes) bytes read of the input, "
        + "\(r.outputBytes) bytes of output",
      "payload   MRENCLAVE \(hexText(receipt.report.MRENCLAVE))",
      "input     \(hexText(r.inputCommitment))",
      "output    \(hexText(r.outputCommitment))",
    ]
    if receipt.verdict.isSoftware { lines.insert("SOFTWARE MACHINE, NO PROTECTION", at: 0) }
    if r.flags.contains(.keyOnDisk) {
      lines.append("note      the key was on the provider's disk: how often it ran is not known")
    }
    if !r.flags.contains(.inputsAreData) {
      lines.append(
        "note      the payload takes code as input: its owner could have forged this receipt")
    }
    return lines.joined(separator: "\n")
  }
}

private final class ProgressLines {
  private var last: Date = .distantPast

  func show(_ what: String, _ done: UInt64, _ total: UInt64) {
    let now = Date()
    guard now.timeIntervalSince(last) > 0.99 || done == total else { return }
    last = now
    let line = "{\"step\": \"\(what)\", \"bytes\": \(done), \"total\": \(total)}\n"
    FileHandle.standardError.write(Data(line.utf8))
  }
}

private final class ProgressBar {
  private let what: String
  private var last: Date = .distantPast

  init(_ what: String) { self.what = what }
  deinit { put("\r\u{1B}[K") }

  func show(_ done: UInt64, _ total: UInt64) {
    let now = Date()
    guard now.timeIntervalSince(last) > 0.1 else { return }
    last = now
    let width = 30
    let filled = total == 0 ? 0 : Int(Double(min(done, total)) / Double(total) * Double(width))
    put(
      "\r\(what) [" + String(repeating: "#", count: filled)
        + String(repeating: ".", count: width - filled)
        + "] \(done >> 20) of \(total >> 20) MiB")
  }

  private func put(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
