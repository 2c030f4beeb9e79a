import CHostRuntime
import Glibc
import JobFormat

/// `cloister offer`: starts an instance, in the background unless told otherwise, and says when its offer is there.
struct Offering {
  let options: OfferOptions
  let state: StateFolder
  let instances: InstanceFolder
  /// Written to when the offer is there; -1: nobody waits.
  private(set) var ready: Int32 = -1

  init(_ options: OfferOptions) throws(HostError) {
    self.options = options
    state = try StateFolder()
    instances = try InstanceFolder(state)
  }

  var staysInForeground: Bool {
    options.isForeground || options.jobFile != nil || options.keyFile != nil
  }

  /// Returns in the process that is to be the instance. The one that was started waits for the offer and ends.
  mutating func detach() throws(HostError) {
    var pair: (Int32, Int32) = (-1, -1)
    let piped = withUnsafeMutableBytes(of: &pair) {
      pipe($0.baseAddress!.assumingMemoryBound(to: Int32.self))
    }
    guard piped == 0 else { throw HostError("cannot make a pipe: \(lastError())") }
    let child = clh_fork()
    guard child >= 0 else { throw HostError("cannot fork: \(errorText(-child))") }
    if child != 0 {
      close(pair.1)
      waitForOffer(pair.0, child)
    }
    close(pair.0)
    ready = pair.1
    setsid()
    let log = open(
      instances.log(pid: getpid()), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    dup2(null, 0)
    dup2(log >= 0 ? log : null, 1)
    dup2(log >= 0 ? log : null, 2)
    // Nobody is there to end it with Ctrl-C.
    signal(SIGHUP, SIG_IGN)
  }

  private func waitForOffer(_ pipe: Int32, _ child: pid_t) -> Never {
    var byte: UInt8 = 0
    var n = read(pipe, &byte, 1)
    while n < 0 && errno == EINTR { n = read(pipe, &byte, 1) }
    // Warnings, or why there is no offer.
    if let said = try? readFile(instances.log(pid: child), limit: 1 << 20, what: "log") {
      _ = write(2, said, said.count)
    }
    guard n == 1 else {
      var status: Int32 = 0
      waitpid(child, &status, 0)
      let log = (try? readFile(instances.log(pid: child), limit: 1 << 20, what: "log")) ?? []
      unlink(instances.log(pid: child))
      let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
      if options.printsJSON {
        let last = String(decoding: log, as: UTF8.self).split(separator: "\n").last ?? ""
        let text = last.hasPrefix("cloister: ") ? last.dropFirst("cloister: ".count) : last
        JobReport.standardOutput.failure(String(text), exitCode: code)
      }
      exit(code)
    }
    if options.printsJSON {
      JobReport.standardOutput.offer(options.offerFile, process: child, key: nil)
    } else if !options.run.isQuiet {
      EnclaveProcess.say(
        "cloister: \(options.offerFile) is written; process \(child) waits for its job")
    }
    exit(0)
  }

  /// In the instance's process, when all descriptors that are not its own are closed.
  func broker(configuration: [UInt8]) throws(HostError) -> JobBroker {
    let digest = JobDigest.configuration(configuration)
    let source: JobBroker.Source
    if let job = options.jobFile, let result = options.resultFile {
      source = .file(job: job, result: result)
    } else if options.keyFile != nil {
      source = .none
    } else {
      source = .socket(try instances.listen(pid: getpid()))
    }
    var broker = JobBroker(
      offerFile: options.offerFile, source: source, ready: ready, configuration: digest,
      patience: options.patience)
    broker.instances = instances
    broker.instancePid = getpid()
    if options.key.isEmpty { broker.keyFile = options.keyFile }
    // Of an instance in the background, whoever started it says what there is to say.
    if ready < 0 { broker.report = options.report }
    return broker
  }
}
