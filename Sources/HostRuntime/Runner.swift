import CHostRuntime
import Glibc
import HostInterface
import LinuxABI
import PayloadFormat
import SGX

/// `cloister run`: builds an enclave for one program of the development root (or for a payload folder), runs
/// it, and ends this process with the program's exit code.
public struct Runner {
  let options: RunOptions
  var clock = Stopwatch()

  public init(_ options: RunOptions) { self.options = options }

  /// Parses, runs, and never returns; errors are one line on stderr and their exit code.
  public static func main(_ arguments: [String]) -> Never {
    serve { () throws(HostError) in
      let options = try RunOptions(arguments)
      if options.wantsHelp {
        print(RunOptions.help)
        exit(0)
      }
      var runner = Runner(options)
      if let job = options.jobFile {
        guard let payload = options.program.first else {
          throw HostError("no payload given; use `cloister run PAYLOAD --job JOB -o RESULT`")
        }
        try runner.run(payload: payload, job: job)
      }
      if let payload = options.payload { try runner.run(payload: payload) }
      try runner.run()
    }
  }

  /// Runs `body` to its end; what it throws is one line on standard error and the exit code.
  static func serve(_ body: () throws(HostError) -> Never) -> Never {
    keepStandardDescriptors()
    do throws(HostError) { try body() } catch {
      EnclaveProcess.say("cloister: \(error.description)")
      exit(error.exitCode)
    }
  }

  /// A standard descriptor that is closed would otherwise be given to the next file that is opened.
  static func keepStandardDescriptors() {
    while true {
      let fd = open("/dev/null", O_RDWR)
      if fd > 2 || fd < 0 {
        close(fd)
        return
      }
    }
  }

  mutating func run() throws(HostError) -> Never {
    let configuration = try options.measuredConfiguration()
    let mounts = try options.parsedMounts()
    let report = try RunReport(options)
    clock.lap("arguments")

    clh_raise_descriptor_limit()
    clh_close_from(3, report.descriptor)
    var volumeFiles: [VolumeFiles.File] = []
    for text in options.volumes {
      let volume = try VolumeOption(text)
      volumeFiles.append(.init(volume.mount, path: volume.file))
    }
    let state = try StateFolder()
    let choice = try MachineChoice(options.machine, isStrict: options.isStrict)
    let broker = try Broker.fork(
      serving: DevelopmentRoot(mounts: mounts.map(\.host)),
      quoting: QuotingSide(isHardware: choice.kind == .hardware)
    ) {
      (mrenclave, attributes) throws(HostError) in
      try DebugSigner(state).sign(mrenclave: mrenclave, attributes: ATTRIBUTES(attributes))
        .encoded()
    }
    _ = TSCFrequency.shared
    clock.lap("broker")

    let imagePath: String
    if let file = options.imageFile {
      imagePath = file
    } else {
      imagePath = try EnclaveImage.find()
    }
    let image = try EnclaveImage(contentsOf: imagePath)
    clock.lap("image")

    if !options.isQuiet { EnclaveProcess.say(choice.warning) }
    let builder = EnclaveBuilder(
      image: image, configuration: configuration, isDebug: true, xfrm: supportedXFRM(),
      binding: options.binding)
    let built = try choice.build(builder, clock: &clock) {
      (mrenclave, attributes) throws(HostError) in
      try broker.sigstruct(mrenclave: mrenclave, attributes: attributes)
    }

    let timings = clock
    let machineName = choice.name
    let process = EnclaveProcess(
      machine: built.machine, configuration: configuration, source: broker, quoting: broker,
      volumes: try VolumeFiles(
        volumeFiles, expectations: options.expectedRoots, savedTo: options.savedRoots)
    ) { process, code in
      report.write(
        machine: machineName, mrenclave: built.mrenclave, timings: timings, exitCode: code,
        statistics: process.statistics(), volumes: process.volumes.roots.all)
    }
    let signals = SignalWait()
    try Sandbox.enter(allowsNetwork: configuration.network == .host)
    do throws(Errno) {
      try process.start(0)
    } catch {
      throw HostError("cannot start the first thread")
    }
    process.end(128 + signals.waitForEnd())
  }
}

/// XFRM for this CPU: of XCR0 the parts that the kernel and the machines know how to save.
func supportedXFRM() -> ATTRIBUTES.XFRM {
  ATTRIBUTES.XFRM(rawValue: clh_xcr0()).intersection([.x87, .sse, .avx, .avx512])
    .union(.legacy)
}
