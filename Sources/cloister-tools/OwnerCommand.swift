import ArgumentParser
import Glibc
import HostRuntime
import Jobs

/// `cloister owner`: the keys of data owners.
struct OwnerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "owner", abstract: "Make and show the key of a data owner.",
    subcommands: [OwnerKeygenCommand.self, OwnerShowCommand.self])
}

/// `cloister owner keygen -o owner.pem`.
struct OwnerKeygenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keygen",
    abstract: "Make an owner's key pair: owner.pem (0600, secret) and owner.pub beside it.",
    discussion: """
      Providers get owner.pub and start instances for it; jobs are signed with owner.pem, which stays \
      here. Files that exist are never overwritten.

      cloister owner keygen -o owner.pem

      Exit codes: 0 made, 64 usage, 73 a file exists or cannot be made, 74 writing failed.
      """)

  @Option(name: .shortAndLong, help: "The private key's file, such as owner.pem.")
  var output: String
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    try withJobsErrors(json: json) {
      let key = OwnerKey()
      let publicPath = try key.write(to: output)
      let fingerprint = hexText(key.publicKey.fingerprint)
      if json {
        printJSON(["privateKey": output, "publicKey": publicPath, "fingerprint": fingerprint])
      } else {
        print(
          "\(output): keep it secret\n\(publicPath): give it to providers\nowner \(fingerprint)")
      }
    }
  }
}

/// `cloister owner show owner.pub`.
struct OwnerShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Print the fingerprint of an owner's public key.")

  @Argument(help: "owner.pub") var file: String
  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    try withJobsErrors(json: json) {
      let key = try OwnerPublicKey(contentsOf: file)
      let fingerprint = hexText(key.fingerprint)
      if json {
        printJSON(["fingerprint": fingerprint, "publicKey": hexText(key.raw)])
      } else {
        print("owner \(fingerprint)")
      }
    }
  }
}

/// Ends with one line on stderr, an object on stdout if JSON is wanted, and the error's exit code.
func withJobsErrors<R>(json: Bool, _ body: () throws -> R) throws -> R {
  do { return try body() } catch let error as JobsError {
    if json {
      printJSON([
        "error": error.description, "kind": error.kind.rawValue, "exitCode": Int(error.exitCode),
      ])
    }
    let text = Array("cloister: \(error.description)\n".utf8)
    _ = write(2, text, text.count)
    throw ExitCode(error.exitCode)
  } catch let error as ValidationError {
    if json {
      printJSON([
        "error": error.message, "kind": JobsError.Kind.usage.rawValue, "exitCode": Int(EX_USAGE),
      ])
    }
    throw error
  }
}
