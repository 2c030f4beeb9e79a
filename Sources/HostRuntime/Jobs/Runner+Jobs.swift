import Glibc
import PayloadFormat

extension Runner {
  /// `cloister offer`. Parses, starts the instance, and never returns.
  public static func offer(_ arguments: [String]) -> Never {
    serve { () throws(HostError) in
      do throws(HostError) {
        let options = try OfferOptions(arguments)
        if options.wantsHelp {
          print(OfferOptions.help)
          exit(0)
        }
        try launch(options)
      } catch {
        if arguments.contains("--json") {
          JobReport.standardOutput.failure(error.description, exitCode: error.exitCode)
        }
        throw error
      }
    }
  }

  private static func launch(_ options: OfferOptions) throws(HostError) -> Never {
    let payload = options.run.program[0]
    try options.check(try PayloadFolder(payload))
    var offering = try Offering(options)
    if let key = options.keyFile, options.key.isEmpty, !options.run.isQuiet {
      EnclaveProcess.say(
        "cloister: the key is kept in \(key): whoever puts it back can run a job again, and nobody can tell; the offer says "
          + "so, and only jobs sealed with --allow-repeats are taken")
    }
    if !offering.staysInForeground { try offering.detach() }
    var run = options.run
    if !options.withoutKSS {
      run.binding = try InstanceBinding(configID: options.owner.CONFIGID)
    }
    var runner = Runner(run)
    try runner.run(payload: payload, offering: offering)
  }

  /// `cloister run PAYLOAD --job JOB -o RESULT`.
  func run(payload: String, job: String) throws(HostError) -> Never {
    guard let result = options.resultFile else {
      throw HostError("-o is missing: where the result goes")
    }
    if let key = options.keyFile {
      guard access(job, R_OK) == 0 else {
        throw HostError("cannot open the job \(job): \(lastError())")
      }
      try Self.launch(
        OfferOptions(options, payload: payload, keyFile: key, job: job, result: result))
    }
    try JobClient(options: options).run(payload: payload, job: job, result: result)
  }
}

extension OfferOptions {
  /// What the enclave would refuse, said before it is built.
  func check(_ payload: PayloadFolder) throws(HostError) {
    let flags = payload.configuration.flags
    guard flags.contains(.acceptsJobs) else {
      throw HostError(
        "\(payload.path): the payload takes no jobs; its vendor can change that with a [job] table in payload.toml"
      )
    }
    guard flags.contains(.remoteAttestation) else {
      throw HostError(
        "\(payload.path): the payload makes no quotes (sgx.remote_attestation), so it can make no offer"
      )
    }
    guard !withoutKSS || flags.contains(.inputsAreData) else {
      throw HostError(
        "\(payload.path): without KSS nothing binds an instance to its owner, so only payloads that say inputs_are_data take jobs"
      )
    }
  }
}
