import ArgumentParser
import Doctor

/// `cloister doctor`: what is there for SGX on this machine, what is missing, and how to get it.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Look at this machine: SGX, driver, quotes, software machine; what is missing.",
    discussion: """
      Exit codes: 0 SGX is ready and quotes can be made; 1 enclaves run, but nobody makes quotes;
      2 the processor has SGX, but it cannot be used yet; 3 no SGX, the software machine works
      (NO PROTECTION); 4 nothing works; 64 usage.

      In the JSON, softwareRoot is the fingerprint for --trust-software-root.
      """)

  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let diagnosis = Doctor.examine()
    print(json ? diagnosis.json : diagnosis.text)
    throw ExitCode(diagnosis.outcome.exitCode)
  }
}
