import ArgumentParser
import Payload

/// `cloister sites`: what of a program cannot run inside an enclave as it stands, and how it is rewritten.
struct SitesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sites",
    abstract:
      "List the SYSCALL, CPUID and XGETBV instructions of ELF files and how each is rewritten.")

  @Argument(help: "ELF files.")
  var files: [String]

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(help: "Name each site that is left to the trap, and why.")
  var verbose = false

  @Flag(help: "Analyse afresh and leave the cache alone.")
  var noCache = false

  func run() throws {
    // The cache keeps the table only; reasons need the analysis itself.
    let cache = noCache || json || verbose ? nil : SiteCache()
    let report = SiteReport(files: files, cache: cache)
    print(json ? report.json : report.text(verbose: verbose))
    if report.failed { throw ExitCode(1) }
  }
}
