import Glibc
import PayloadFormat

/// The options of `cloister run`, parsed by hand: the runner starts in milliseconds and an argument
/// parser built on reflection would cost several of them.
public struct RunOptions: Sendable {
  public enum Machine: String, Sendable { case auto, software, hardware }

  public var machine: Machine = .auto
  public var isStrict = false
  public var environment: [String] = []
  public var passesHostEnvironment = false
  public var workingDirectory: String?
  public var mounts: [String] = []
  public var volumes: [String] = []
  /// `NAME=ROOT`, or `@FILE`.
  public var expectedRoots: [String] = []
  /// Where the volumes' roots are written to.
  public var savedRoots: String?
  public var wantsStatistics = false
  public var wantsStrace = false
  public var wantsKernelLog = false
  public var isQuiet = false
  public var profile: MeasuredConfiguration.Profile = .edmm
  public var memorySize: UInt64?
  public var threadCount: UInt32?
  public var jsonFile: String?
  /// Counters of a job's run as lines of JSON.
  public var showsProgress = false
  /// A job for the instance that waits for it, and where its result goes.
  public var jobFile: String?
  public var resultFile: String?
  /// The key that `cloister offer --seal` made: the instance is started again with it.
  public var keyFile: String?
  public var imageFile: String?
  /// `/dev/attestation/attestation_type` says dcap, and there are quotes.
  public var hasRemoteAttestation = true
  /// Not measured: CONFIGID and CONFIGSVN are the starter's, and reports show them.
  public var binding: InstanceBinding?
  public var program: [String] = []
  /// `program` came after `--`, so it is one even if there is a payload folder of that name.
  public var isProgram = false
  /// The payload folder to run.
  public var payload: String? {
    guard !isProgram, let path = program.first, PayloadFolder.isPayload(path) else { return nil }
    return path
  }
  public var wantsHelp = false

  public static let help = """
    OVERVIEW: Run a signed payload, or a program of this machine's file system (development), in an enclave.

    USAGE: cloister run [--machine M] [--strict] [--profile P] [--stats] [--json FILE] [--quiet]
                        [--volume NAME=FILE]... [--expect NAME=ROOT]... [--save-roots FILE] PAYLOAD
           cloister run [options] -- PROGRAM [ARGS]
           cloister run PAYLOAD --job JOB -o RESULT [--key KEYFILE] [--json FILE] [--progress] [--quiet]

    OPTIONS:
      --job JOB             hand a job to the instance of PAYLOAD that waits for it (`cloister offer`)
      -o, --output RESULT   where the job's result goes
      --progress            of a job's run, each second a line of JSON on stderr: time and bytes of the result. On a
                            terminal a line shows them without it
      --key KEYFILE         start the instance again with the key that `cloister offer --seal` made
      --machine auto|software|hardware  which SGX machine (default: auto)
      --strict              every ENCLU and SYSCALL of the enclave traps, as on hardware (slow)
      --env KEY=VALUE       add a variable; without it only PATH, HOME, TERM and LANG are set
      --env-host            pass this process's whole environment
      --cwd DIR             working directory (default: the current one)
      --mount HOST:GUEST    show a host directory read-only at GUEST (repeatable)
      --volume FILE:KEYFILE:GUEST[:ro]
                            mount a sealed volume at GUEST (repeatable). Insecure: the host has the key,
                            unless KEYFILE is @mrenclave or @mrsigner (the processor's)
      --volume NAME=FILE    the file of a payload's volume NAME (`cloister inspect PAYLOAD` lists them)
      --expect NAME=ROOT    refuse a volume in any other state than ROOT, which you kept (repeatable; without
                            a payload, NAME is the volume's mount point). @FILE: all that FILE says
      --save-roots FILE     write the volumes' roots to FILE, at each commit, for --expect @FILE
      --profile edmm|fixed  how memory is added: SGX2 on demand, or all of it at the start
      --memory SIZE         most memory the program may use, such as 512M or 4G
      --threads N           TCSs at the start, 1...1024 (default: 64); profile edmm makes more
      --attestation dcap|none  whether /dev/attestation makes quotes (default: dcap)
      --configid HEX        bind the instance: CONFIGID (at most 64 bytes), shown in its reports and part of
                            its sealing keys; needs KSS
      --configsvn N         CONFIGSVN, 0...65535 (with --configid)
      --stats               print statistics on stderr at the end
      --json FILE           write the statistics to FILE; with --job how the run ended, what it used and the
                            result's size, or why there is none (`-`: standard output)
      --strace              log each system call
      --log                 log what the kernel has to say
      --image FILE          the enclave image
      --quiet               do not say that this is an insecure development run

    EXIT CODES: the program's own; 125 when cloister fails, 126 when PROGRAM cannot be executed,
      127 when it is not found, 128+N when signal N ended it.
    """

  /// Of a payload that is offered.
  init() {}

  public init(_ arguments: [String]) throws(HostError) {
    var rest = arguments[...]
    var configID: String?
    var configSVN: UInt16?
    func value(_ option: String, _ inline: String?) throws(HostError) -> String {
      if let inline { return inline }
      guard let next = rest.popFirst() else { throw HostError("option \(option) needs a value") }
      return next
    }
    var payloadBefore: String?
    while let argument = rest.first {
      if argument == "--" {
        rest.removeFirst()
        isProgram = payloadBefore == nil
        break
      }
      guard argument.utf8.first == 0x2D, argument.utf8.count > 1 else {
        // Options may follow a payload's name, because it takes no arguments: `run PAYLOAD --volume data=FILE`.
        guard payloadBefore == nil, rest.dropFirst().first?.utf8.first == 0x2D,
          PayloadFolder.isPayload(argument)
        else {
          if payloadBefore == nil, rest.contains("--job"), rest.contains("-o") {
            throw HostError(
              "\(argument): not a payload folder, so it runs no job; `cloister prepare` makes one (a program "
                + "with such arguments comes after `--`)")
          }
          break
        }
        payloadBefore = argument
        rest.removeFirst()
        continue
      }
      rest.removeFirst()
      let option: String
      let inline: String?
      if let equals = argument.firstIndex(of: "=") {
        option = String(argument[..<equals])
        inline = String(argument[argument.index(after: equals)...])
      } else {
        option = argument
        inline = nil
      }
      switch option {
      case "--machine":
        let name = try value(option, inline)
        guard let machine = Machine(rawValue: name) else {
          throw HostError("--machine \(name): use auto, software or hardware")
        }
        self.machine = machine
      case "--strict": isStrict = true
      case "--env", "-e":
        let pair = try value(option, inline)
        guard pair.contains("="), pair.first != "=" else {
          throw HostError("--env \(pair): use KEY=VALUE")
        }
        environment.append(pair)
      case "--env-host": passesHostEnvironment = true
      case "--cwd":
        let directory = try value(option, inline)
        guard directory.first == "/" else {
          throw HostError("--cwd \(directory): use an absolute path")
        }
        workingDirectory = directory
      case "--mount": mounts.append(try value(option, inline))
      case "--volume": volumes.append(try value(option, inline))
      case "--expect": expectedRoots.append(try value(option, inline))
      case "--save-roots": savedRoots = try value(option, inline)
      case "--stats": wantsStatistics = true
      case "--strace": wantsStrace = true
      case "--log": wantsKernelLog = true
      case "--quiet", "-q": isQuiet = true
      case "--profile":
        switch try value(option, inline) {
        case "edmm": profile = .edmm
        case "fixed": profile = .fixed
        case let name: throw HostError("--profile \(name): use edmm or fixed")
        }
      case "--memory": memorySize = try Self.size(try value(option, inline))
      case "--threads":
        let text = try value(option, inline)
        guard let count = UInt32(text), count >= 1, count <= EnclaveLayout.maximumThreadCount else {
          throw HostError("--threads \(text): use 1...\(EnclaveLayout.maximumThreadCount)")
        }
        threadCount = count
      case "--attestation":
        switch try value(option, inline) {
        case "dcap": hasRemoteAttestation = true
        case "none": hasRemoteAttestation = false
        case let name: throw HostError("--attestation \(name): use dcap or none")
        }
      case "--configid": configID = try value(option, inline)
      case "--configsvn":
        let text = try value(option, inline)
        guard let number = UInt16(text) else {
          throw HostError("--configsvn \(text): use 0...65535")
        }
        configSVN = number
      case "--job": jobFile = try value(option, inline)
      case "--progress": showsProgress = true
      case "--key": keyFile = try value(option, inline)
      case "-o", "--output": resultFile = try value(option, inline)
      case "--json": jsonFile = try value(option, inline)
      case "--image": imageFile = try value(option, inline)
      case "--help", "-h": wantsHelp = true
      default: throw HostError("unknown option \(argument); see `cloister run --help`")
      }
    }
    if let configID {
      binding = try InstanceBinding(hex: configID, configSVN: configSVN ?? 0)
    } else if configSVN != nil {
      throw HostError("--configsvn needs --configid")
    }
    program = (payloadBefore.map { [$0] } ?? []) + rest
    if !wantsHelp { try checkJobOptions() }
    if program.isEmpty && !wantsHelp {
      throw HostError("no program given; use `cloister run [options] -- PROGRAM [ARGS]`")
    }
  }

  /// `512M`, `4G`, `65536`.
  static func size(_ text: String) throws(HostError) -> UInt64 {
    var digits = text[...]
    var shift: UInt64 = 0
    switch text.last {
    case "K", "k": shift = 10
    case "M", "m": shift = 20
    case "G", "g": shift = 30
    default: break
    }
    if shift > 0 { digits = digits.dropLast() }
    guard let value = UInt64(digits), value > 0, value <= (1 << 40) >> shift else {
      throw HostError("--memory \(text): use a size such as 512M or 4G")
    }
    return value << shift
  }
}
