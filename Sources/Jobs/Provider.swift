import Foundation
import JobFormat

/// The provider's two verbs for programs that embed the library. An enclave needs a process of its own, so both start
/// the command `cloister`.
public struct Provider: Sendable {
  /// The executable `cloister`.
  public var cloister: String
  /// Added to its environment.
  public var environment: [String: String] = [:]

  public init(cloister: String) { self.cloister = cloister }

  /// An instance that made an offer and waits for its job in memory. It ends when `stop` is called, or with its process.
  public final class Instance: @unchecked Sendable {
    // SAFETY: Process is only asked things that it locks itself.
    let process: Process
    init(_ process: Process) { self.process = process }
    public var isWaiting: Bool { process.isRunning }
    public func stop() {
      if process.isRunning { process.terminate() }
      process.waitUntilExit()
    }
  }

  /// `cloister offer`: starts an instance of a payload for an owner and returns when the offer has been written.
  ///
  /// - Parameters:
  ///   - payload: the folder of a signed payload.
  ///   - owner: the owner's public key, a file.
  ///   - nonce: 32 bytes of the owner's.
  ///   - file: where the OFFER goes.
  ///   - volumes: the file of each of the payload's volumes, by the volume's name.
  ///   - timeout: how long to wait for the offer, seconds.
  public func offer(
    payload: String, owner: String, nonce: [UInt8], to file: String,
    volumes: [String: String] = [:], timeout: TimeInterval = 60
  ) throws(JobsError) -> Instance {
    var words = [
      "offer", payload, "--foreground", "--owner", owner, "--nonce", hexText(nonce), "-o", file,
    ]
    for (name, path) in volumes.sorted(by: { $0.key < $1.key }) {
      words += ["--volume", "\(name)=\(path)"]
    }
    let process = make(words)
    try start(process)
    let end = Date().addingTimeInterval(timeout)
    while !Files.exists(file) {
      guard process.isRunning, Date() < end else {
        process.terminate()
        process.waitUntilExit()
        throw JobsError(
          .inputOutput, "`cloister offer` made no offer (exit code \(process.terminationStatus))")
      }
      usleep(10_000)
    }
    return Instance(process)
  }

  /// `cloister run --job`: hands a job to its waiting instance and returns when the result is there.
  public func run(payload: String, job: String, to result: String) throws(JobsError) {
    let process = make(["run", payload, "--job", job, "-o", result])
    try start(process)
    process.waitUntilExit()
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      throw JobsError(
        .inputOutput,
        "`cloister run --job` made no result (exit code \(process.terminationStatus))")
    }
  }

  private func make(_ arguments: [String]) -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: cloister)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    return process
  }

  private func start(_ process: Process) throws(JobsError) {
    do { try process.run() } catch {
      throw JobsError(.missing, "cannot start \(cloister): \(error.localizedDescription)")
    }
  }
}
