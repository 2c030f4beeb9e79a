import ArgumentParser
import Attestation
import AttestationFetch
import SoftwareQuoting

/// `cloister collateral`: fetch, show and check what verification needs besides the quote.
struct CollateralCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collateral", abstract: "Fetch, show and check attestation collateral.",
    subcommands: [Fetch.self, Show.self, Check.self, Software.self])

  struct Fetch: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Fetch the collateral for a quote, or for a kind of platform, into a folder.")

    @OptionGroup var server: ServerOptions
    @Option(help: "The quote that will be verified.") var quote: String?
    @Option(help: "The platform's FMSPC, if there is no quote.") var fmspc: String?
    @Option(help: "The CA of its PCK certificates: platform or processor.") var ca = "platform"
    @Option(help: "sgx or tdx.") var tee = "sgx"
    @Option(name: .shortAndLong, help: "The folder to write.") var output: String
    @Flag(help: "Ask the server even if the cache is fresh.") var noCache = false

    func run() throws {
      let key = try key()
      let client = try server.client()
      let collateral: Collateral
      do {
        collateral = try runBlocking { [cache = server.cache, noCache] in
          noCache
            ? try await client.fetch(key)
            : try await client.fetch(key, cache: cache, warn: Arguments.warn)
        }
        try CollateralFolder.write(collateral, to: output)
      } catch {
        Arguments.warn("\(error)")
        throw ExitCode(3)
      }
      let report = CollateralReport(collateral, at: .now)
      print(report.text)
      throw ExitCode(report.exitCode)
    }

    private func key() throws -> CollateralKey {
      do {
        if let quote {
          guard fmspc == nil else { throw FormatError("--quote and --fmspc exclude each other") }
          let input = try Arguments.file(quote, limit: 1 << 20)
          return try CollateralKey(try Quote(try QuoteInput.decode(input)))
        }
        guard let fmspc, let bytes = Hex.decode(fmspc) else {
          throw FormatError("pass --quote FILE, or --fmspc with 12 hexadecimal digits")
        }
        guard let ca = CollateralKey.CA(rawValue: ca) else {
          throw FormatError("--ca is platform or processor")
        }
        guard tee == "sgx" || tee == "tdx" else { throw FormatError("--tee is sgx or tdx") }
        return try CollateralKey(tee: tee == "sgx" ? .sgx : .tdx, FMSPC: bytes, ca: ca)
      } catch let error as FormatError {
        throw ValidationError("\(error)")
      } catch let error as QuoteFormatError {
        throw ValidationError("\(error)")
      }
    }
  }

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print what a collateral folder holds.")

    @Argument(help: "The folder.") var folder: String

    func run() throws {
      let report = CollateralReport(try read(folder), at: .now)
      print(report.details.joined(separator: "\n"))
    }
  }

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check signatures, completeness and freshness of a collateral folder.",
      discussion: "Exit codes: 0 good, 1 wrong, 3 missing or stale, 64 usage.")

    @Argument(help: "The folder.") var folder: String
    @Option(help: "The time to check at: 2026-01-31T00:00:00Z, or seconds since 1970.")
    var at: String?
    @Option(help: "Also accept a software machine's root, by its SHA-256. NO PROTECTION.")
    var trustSoftwareRoot: String?

    func run() throws {
      let report = CollateralReport(
        try read(folder), at: try at.map(Arguments.time) ?? .now,
        anchors: try Arguments.anchors(trustSoftwareRoot))
      print(report.text)
      throw ExitCode(report.exitCode)
    }
  }
}

private func read(_ folder: String) throws -> Collateral {
  do {
    return try CollateralFolder.read(folder)
  } catch {
    throw ValidationError("\(error)")
  }
}

extension CollateralCommand {
  /// The collateral of this user's software machine.
  struct Software: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write the collateral of this user's software machine. NO PROTECTION.")

    @Option(name: .shortAndLong, help: "The folder to write.") var output: String
    @Option(help: "The software machine's state.") var state: String?

    func run() throws {
      do {
        let platform = try SoftwarePlatform.open(
          folder: state ?? SoftwarePlatform.standardFolder)
        try CollateralFolder.write(platform.collateral(), to: output)
        Arguments.warn("SOFTWARE, NO PROTECTION")
        print(Hex.encode(platform.rootFingerprint))
      } catch {
        throw ValidationError("\(error)")
      }
    }
  }
}
