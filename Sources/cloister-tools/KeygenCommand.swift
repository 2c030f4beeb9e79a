import ArgumentParser
import HostRuntime
import SGX
import SoftwareSGX

/// `cloister keygen`: a key that signs enclaves.
struct KeygenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keygen",
    abstract: "Make a key that signs enclaves (RSA-3072, exponent 3, PEM, mode 0600).")

  @Argument(help: "The file to write; it must not exist.") var file: String

  func run() throws {
    do throws(SGXError) {
      let key = try SigningKey.generate()
      try key.write(to: file)
      print("MRSIGNER \(hexText(key.mrsigner))")
    } catch {
      fail(HostError("cannot write the key \(file): \(error)"))
    }
  }
}
