import ArgumentParser
import Attestation
import AttestationFetch
import Foundation

/// `cloister ra-tls`: certificates that carry a quote over their key.
struct RATLSCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ra-tls", abstract: "Make and check TLS certificates that carry a quote.",
    subcommands: [Make.self, Check.self])

  struct Make: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Inside an enclave: make a key and a certificate with a quote over it.")

    @Option(help: "Where the enclave's attestation files are.")
    var attestation = "/dev/attestation"
    @Option(help: "The certificate to write, PEM.") var certificate: String
    @Option(help: "The private key to write, PEM, mode 0600.") var key: String
    @Option(help: "A client's nonce, in hexadecimal.") var nonce: String?

    func run() throws {
      let nonce = try nonce.map { try Arguments.hex($0, count: 1...64, "--nonce") }
      guard FileManager.default.fileExists(atPath: attestation) else {
        Arguments.warn("there is no \(attestation): this makes certificates inside an enclave only")
        throw ExitCode(1)
      }
      do {
        let made = try RATLSCertificate(nonce: nonce) { reportData in
          try Data(reportData).write(
            to: URL(fileURLWithPath: attestation + "/user_report_data"))
          return try CollateralFolder.readFile(attestation + "/quote", limit: 1 << 20)
        }
        guard
          FileManager.default.createFile(
            atPath: key, contents: Data(made.key.pemRepresentation.utf8),
            attributes: [.posixPermissions: 0o600])
        else { throw FormatError("cannot write \(key)") }
        try Data(made.pem.utf8).write(to: URL(fileURLWithPath: certificate))
      } catch {
        Arguments.warn(PlainWords.of(error))
        throw ExitCode(1)
      }
    }
  }

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Verify the quote in a certificate and that it vouches for the certificate's key.",
      discussion: """
        Options and exit codes are those of "verify", but for --report-data: RA-TLS says what \
        REPORTDATA is. The nonce is that of the certificate's claims.
        """)

    @Argument(help: "The certificate, PEM or DER.") var certificate: String
    @OptionGroup var rules: PolicyOptions
    @Option(help: "A folder with collateral.") var collateral: String?
    @OptionGroup var server: ServerOptions
    @Option(help: "The time to verify at.") var at: String?
    @Flag(help: "Print the verdict as JSON.") var json = false
    @Option(help: "Also accept a software machine's root, by its SHA-256. NO PROTECTION.")
    var trustSoftwareRoot: String?

    func run() throws {
      let time = try at.map(Arguments.time) ?? .now
      let verifier = Verifier(anchors: try Arguments.anchors(trustSoftwareRoot))
      let policy = try rules.read()
      let context = try rules.context()
      let input = try Arguments.file(certificate, limit: 1 << 20)
      let der = PEMText.decode(input) ?? input
      let quote = (try? RATLSEvidence(certificateDER: der))?.quote ?? []
      let found = try Arguments.collateral(collateral, server, quote: quote, at: time)
      let verdict = verifier.verify(
        ratlsCertificate: der, collateral: PreparedCollateral(found), at: time, policy: policy,
        context: context)
      print(json ? verdict.json() : verdict.text)
      throw ExitCode(verdict.exitCode)
    }
  }
}
