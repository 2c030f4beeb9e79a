import ArgumentParser
import Glibc
import HostRuntime
import Prepare
import SGX
import SoftwareSGX

/// `cloister sign`: the vendor's signature, which the enclave starts with and users trust.
struct SignCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sign", abstract: "Sign a payload (RSA-3072 SIGSTRUCT, both profiles).",
    discussion: """
      The key is a PEM file that only you can read (`cloister keygen`), or lies in a device:
      --signer COMMAND gets the 256 bytes to be signed on its standard input and writes the signature
      (RSA PKCS #1 v1.5 with SHA-256, 384 bytes) to its standard output, as does
      `openssl dgst -sha256 -sign key.pem`; --public-key says which key it has.
      """)

  @Argument(help: "The payload folder.") var payload: String
  @Option(help: "The private key, PEM.") var key: String?
  @Option(help: "A file with the key's passphrase; without it the terminal is asked.")
  var passphraseFile: String?
  @Option(help: "A command that signs.") var signer: String?
  @Option(help: "The public key of --signer, PEM.") var publicKey: String?

  func run() throws {
    do throws(HostError) {
      let folder = try PayloadFolder(payload)
      let result = try PayloadSigner(folder, key: try signingKey()).sign()
      print("edmm\t\(hexText(result.edmm))")
      print("fixed\t\(hexText(result.fixed))")
      print("MRSIGNER\t\(hexText(result.mrsigner))")
    } catch {
      fail(error)
    }
  }

  private func signingKey() throws(HostError) -> PayloadSigner.Key {
    if let key {
      guard signer == nil else { throw HostError("use --key or --signer, not both") }
      return try PayloadSigner.readKey(key) { () throws(HostError) in try passphrase(key) }
    }
    guard let signer else { throw HostError("no key; use --key KEY, or --signer and --public-key") }
    guard let publicKey else { throw HostError("--signer needs --public-key FILE") }
    let pem = String(
      decoding: try readFile(publicKey, limit: 1 << 16, what: "public key"), as: UTF8.self)
    do throws(SGXError) {
      return .command(signer, modulus: try SIGSTRUCT.modulus(publicKey: pem))
    } catch {
      throw HostError(
        "the public key \(publicKey) cannot be used (\(error)): it must be RSA-3072 with exponent 3, PEM"
      )
    }
  }

  private func passphrase(_ key: String) throws(HostError) -> [UInt8] {
    if let passphraseFile {
      var bytes = try readFile(passphraseFile, limit: 1024, what: "passphrase")
      while bytes.last == 0x0A || bytes.last == 0x0D { bytes.removeLast() }
      return bytes
    }
    guard isatty(0) == 1, let typed = getpass("Passphrase of \(key): ") else {
      throw HostError("the key \(key) needs a passphrase; use --passphrase-file FILE")
    }
    return Array(String(cString: typed).utf8)
  }
}
